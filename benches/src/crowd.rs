//! Many sockets in TIME-WAIT on one port, made fast enough that the first still wait when the last is made.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    thread,
};

use anyhow::Context as _;
use socket2::{Domain, Socket, Type};
use timewait_linux::hosts::Host;

const PORT: u16 = 9000;
/// One for each core that there surely is; each has a listener, and clients, of its own.
const MAKERS: u32 = 2;

/// Fills port 9000 of 127.0.0.1 and 127.0.0.2: the server's side closes first, each client has an address of its own.
pub(crate) fn gather(host: &Host, size: u32) -> anyhow::Result<()> {
    host.set("net.ipv4.tcp_max_tw_buckets", "2000000")?;
    thread::scope(|scope| {
        let makers: Vec<_> =
            (0..MAKERS).map(|maker| scope.spawn(move || make(maker, size / MAKERS))).collect();
        makers
            .into_iter()
            .try_for_each(|maker| maker.join().unwrap_or_else(|_| anyhow::bail!("a maker panicked")))
    })
}

fn make(maker: u32, count: u32) -> anyhow::Result<()> {
    let last = u8::try_from(maker + 1)?;
    let server = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), PORT);
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.set_reuse_address(true)?;
    listener.bind(&server.into())?;
    listener.listen(16)?;
    for number in 0..count {
        // 127.64.0.0/10 and 127.128.0.0/10: four million addresses for each maker.
        let [_, a, b, c] = number.to_be_bytes();
        let client = Ipv4Addr::new(127, 64 * u8::try_from(maker + 1)? + a, b, c);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddrV4::new(client, 40_000).into())?;
        socket.connect(&server.into()).with_context(|| format!("client {number}"))?;
        let (accepted, _) = listener.accept()?;
        accepted.shutdown(std::net::Shutdown::Write)?;
        drop(accepted);
        drop(socket);
    }
    Ok(())
}
