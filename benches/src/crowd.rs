//! Many sockets in TIME-WAIT on one port, made fast enough that the first still wait when the last is made.

use std::{
    env,
    net::{Ipv4Addr, SocketAddrV4},
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use socket2::{Domain, Socket, Type};
use timewait_linux::hosts::{self, Host};

const PORT: u16 = 9000;
/// One for each core that there surely is; each has listeners, and clients, of its own.
const MAKERS: u32 = 2;
/// What the kernel lets a socket wait (linux v6.12 include/net/tcp.h `TCP_TIMEWAIT_LEN`).
const WAIT: Duration = Duration::from_secs(60);

/// Sockets that wait on port 9000 of as many of this host's addresses as there are groups: the server's side closed first,
/// each client has an address of its own.
pub(crate) struct Crowd {
    begun: Instant,
    took: Duration,
}

impl Crowd {
    pub(crate) fn gather(host: &Host, size: u32, groups: u32) -> anyhow::Result<Self> {
        host.set("net.ipv4.tcp_max_tw_buckets", "2000000")?;
        let begun = Instant::now();
        thread::scope(|scope| {
            let makers: Vec<_> = (0..MAKERS)
                .map(|maker| scope.spawn(move || make(maker, size / MAKERS, (groups / MAKERS).max(1))))
                .collect();
            makers
                .into_iter()
                .try_for_each(|maker| maker.join().unwrap_or_else(|_| anyhow::bail!("a maker panicked")))
        })?;
        Ok(Self { begun, took: begun.elapsed() })
    }

    /// How long it took to make them.
    pub(crate) fn took(&self) -> Duration {
        self.took
    }

    /// Until when none goes that something begun then, and as long as this, would miss.
    pub(crate) fn whole_for(&self, time: Duration) -> Instant {
        self.begun + WAIT.saturating_sub(time)
    }
}

/// `crowd N GROUPS COMMAND...`: a command among so many, for who wants to look for himself.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<ExitCode> {
    let [_, size, groups, program, arguments @ ..] = words else { bail!("crowd N GROUPS COMMAND...") };
    let Some(host) = Host::entered() else {
        let status = hosts::isolate(Command::new(env::current_exe()?).args(words))?.wait()?;
        return Ok(ExitCode::from(status.code().and_then(|code| code.try_into().ok()).unwrap_or(u8::MAX)));
    };
    let crowd = Crowd::gather(&host, size.parse()?, groups.parse()?)?;
    eprintln!("{size} sockets in TIME-WAIT after {:.1} s", crowd.took().as_secs_f64());
    let status = Command::new(program).args(arguments).status()?;
    Ok(ExitCode::from(status.code().and_then(|code| code.try_into().ok()).unwrap_or(u8::MAX)))
}

fn make(maker: u32, count: u32, groups: u32) -> anyhow::Result<()> {
    let groups = groups.min(count);
    let mut next = 0;
    for group in 0..groups {
        let server = address(1 + maker, group);
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.set_reuse_address(true)?;
        listener.bind(&SocketAddrV4::new(server, PORT).into())?;
        listener.listen(16)?;
        let until = (u64::from(count) * u64::from(group + 1) / u64::from(groups)).try_into().unwrap_or(count);
        while next < until {
            let client = SocketAddrV4::new(address(64 * (1 + maker), next), 40_000);
            one(&listener, client, SocketAddrV4::new(server, PORT))
                .with_context(|| format!("client {next}"))?;
            next += 1;
        }
    }
    Ok(())
}

/// The address with this number in 127.0.0.0/8, counted from the network `127.<second>.0.1` on.
fn address(second: u32, number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x7f00_0001 + (second << 16) + number)
}

fn one(listener: &Socket, client: SocketAddrV4, server: SocketAddrV4) -> anyhow::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&client.into())?;
    socket.connect(&server.into())?;
    let (accepted, _) = listener.accept()?;
    accepted.shutdown(std::net::Shutdown::Write)?;
    drop(accepted);
    drop(socket);
    Ok(())
}
