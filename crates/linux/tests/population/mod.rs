//! Sockets in every state that can be reached by ordinary calls, in a random mix that its seed determines.

use std::{
    io::{ErrorKind, Write as _},
    net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream},
};

use fastrand::Rng;
use socket2::{Domain, Socket, Type};
use timewait_facts::{State, States};
use timewait_linux::{
    hosts::Host,
    sockets::{Query, SocketTable},
};
use timewait_trial::eventually;

/// Sockets, held open for as long as this is.
pub(crate) struct Population {
    _open: Vec<Socket>,
    _streams: Vec<TcpStream>,
}

/// How a client reaches a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Ipv4,
    Ipv6,
    /// An IPv4 client of a dual-stack server, whose addresses are IPv4-mapped.
    Both,
}

/// What is left standing; the names are the states of the two ends.
#[derive(Clone, Copy, Debug)]
enum Scene {
    Listen,
    Bound,
    Established,
    NotAccepted,
    SynSent,
    FinWait1 { held: bool },
    FinWait2AndCloseWait { held: bool },
    FinWait2AndLastAck,
    FinWait2AndClosing,
    TimeWait,
}

const SCENES: [Scene; 12] = [
    Scene::Listen,
    Scene::Bound,
    Scene::Established,
    Scene::NotAccepted,
    Scene::SynSent,
    Scene::FinWait1 { held: true },
    Scene::FinWait1 { held: false },
    Scene::FinWait2AndCloseWait { held: true },
    Scene::FinWait2AndCloseWait { held: false },
    Scene::FinWait2AndLastAck,
    Scene::FinWait2AndClosing,
    Scene::TimeWait,
];

/// Populates this host, from a seed that is printed.
pub(crate) fn populate(host: &Host) -> Population {
    let seed = fastrand::u64(..);
    println!("population of seed {seed}");
    // Ports in TIME-WAIT are not used again, so that every scene keeps its rows.
    host.set("net.ipv4.tcp_tw_reuse", "0").unwrap();
    let mut stage = Stage { rng: Rng::with_seed(seed), open: Vec::new(), streams: Vec::new() };
    for scene in SCENES {
        for over in [Over::Ipv4, Over::Ipv6, Over::Both] {
            for _ in 0..stage.rng.usize(1..=3) {
                stage.play(scene, over);
            }
        }
    }
    Population { _open: stage.open, _streams: stage.streams }
}

/// All rows, and what somebody else says about them, read while nothing moved.
///
/// A window that is nearly full takes a little more with each probe, so no pause is long enough to be sure. But
/// nothing ever moves back: if the table says the same before and after, it said the same in between.
pub(crate) fn while_nothing_moves<T>(
    table: &mut SocketTable,
    mut read: impl FnMut() -> T,
) -> (Vec<timewait_facts::Socket>, T) {
    eventually("a while in which nothing moves", || {
        let before = all_rows(table);
        let read = read();
        let after = all_rows(table);
        let told = |rows: &[timewait_facts::Socket]| rows.iter().map(without_timer).collect::<Vec<_>>();
        (told(&before) == told(&after)).then_some((after, read))
    })
}

fn all_rows(table: &mut SocketTable) -> Vec<timewait_facts::Socket> {
    let mut rows = table.collect(&Query::in_states(States::all())).unwrap();
    rows.sort_by_key(|row| row.cookie);
    rows
}

fn without_timer(row: &timewait_facts::Socket) -> timewait_facts::Socket {
    timewait_facts::Socket { timer: timewait_facts::Timer::OFF, ..*row }
}

struct Stage {
    rng: Rng,
    open: Vec<Socket>,
    streams: Vec<TcpStream>,
}

impl Stage {
    fn play(&mut self, scene: Scene, over: Over) {
        match scene {
            Scene::Listen => {
                let listener = self.listener(over, self.rng.clone().i32(1..100));
                self.open.push(listener);
            }
            Scene::Bound => {
                let bound = self.bound(over);
                self.open.push(bound);
            }
            Scene::Established => {
                let pair = self.pair(over);
                self.streams.extend(pair);
            }
            Scene::NotAccepted => self.not_accepted(over),
            Scene::SynSent => self.syn_sent(over),
            Scene::FinWait1 { held } => self.fin_wait_1(over, held),
            Scene::FinWait2AndCloseWait { held } => self.fin_wait_2(over, held),
            Scene::FinWait2AndLastAck => self.last_ack(over),
            Scene::FinWait2AndClosing => self.closing(over),
            Scene::TimeWait => {
                let [first, second] = self.pair(over);
                drop(first);
                drop(second);
            }
        }
    }

    fn address(&mut self, over: Over) -> SocketAddr {
        match over {
            Over::Ipv4 => (Ipv4Addr::new(127, 0, 0, self.rng.u8(1..=3)), 0).into(),
            Over::Ipv6 => (Ipv6Addr::LOCALHOST, 0).into(),
            Over::Both => (Ipv6Addr::UNSPECIFIED, 0).into(),
        }
    }

    fn bound(&mut self, over: Over) -> Socket {
        let address = self.address(over);
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        if address.is_ipv6() {
            socket.set_only_v6(over == Over::Ipv6).unwrap();
        }
        socket.bind(&address.into()).unwrap();
        socket
    }

    fn listener(&mut self, over: Over, backlog: i32) -> Socket {
        let listener = self.bound(over);
        listener.listen(backlog).unwrap();
        listener
    }

    /// Where a client reaches this listener.
    fn target(&mut self, listener: &Socket, over: Over) -> SocketAddr {
        let mut target = listener.local_addr().unwrap().as_socket().unwrap();
        if over == Over::Both {
            target.set_ip(Ipv4Addr::new(127, 0, 0, self.rng.u8(1..=3)).into());
        }
        target
    }

    /// Two ends of a connection, in random order; the listener stays sometimes.
    fn pair(&mut self, over: Over) -> [TcpStream; 2] {
        let listener = self.listener(over, 8);
        let client = TcpStream::connect(self.target(&listener, over)).unwrap();
        let server = listener.accept().unwrap().0.into();
        if self.rng.bool() {
            self.open.push(listener);
        }
        if self.rng.bool() { [client, server] } else { [server, client] }
    }

    fn not_accepted(&mut self, over: Over) {
        let listener = self.listener(over, 8);
        let client = TcpStream::connect(self.target(&listener, over)).unwrap();
        self.streams.push(client);
        self.open.push(listener);
    }

    /// The listener's queue is full, so a further SYN is not answered.
    fn syn_sent(&mut self, over: Over) {
        let listener = self.listener(over, 0);
        let target = self.target(&listener, over);
        self.streams.push(TcpStream::connect(target).unwrap());
        let client = Socket::new(Domain::for_address(target), Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        client.connect(&target.into()).unwrap_err();
        self.open.extend([client, listener]);
    }

    /// The other end reads nothing, so the FIN waits behind data.
    fn fin_wait_1(&mut self, over: Over, held: bool) {
        let [closer, other] = self.pair(over);
        fill(&closer);
        self.close(closer, held);
        self.streams.push(other);
    }

    fn fin_wait_2(&mut self, over: Over, held: bool) {
        let [closer, other] = self.pair(over);
        self.close(closer, held);
        self.streams.push(other);
    }

    fn last_ack(&mut self, over: Over) {
        let [first, last] = self.pair(over);
        self.close(first, true);
        fill(&last);
        let held = self.rng.bool();
        self.close(last, held);
    }

    /// One FIN waits behind data; the other side's comes before it was seen.
    fn closing(&mut self, over: Over) {
        let [waits, overtakes] = self.pair(over);
        fill(&waits);
        let held = self.rng.bool();
        self.close(waits, held);
        self.close(overtakes, true);
    }

    fn close(&mut self, stream: TcpStream, held: bool) {
        if held {
            stream.shutdown(Shutdown::Write).unwrap();
            self.streams.push(stream);
        }
    }
}

/// Writes until no more fits on either side.
fn fill(stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let mut writer = stream;
    eventually("a full connection", || {
        while writer.write(&[b'x'; 4096]).is_ok() {}
        // What is acknowledged meanwhile makes room once more.
        std::thread::sleep(std::time::Duration::from_millis(2));
        matches!(writer.write(b"x"), Err(error) if error.kind() == ErrorKind::WouldBlock).then_some(())
    });
}

/// The states that a population has, if the scenes do what their names say.
pub(crate) fn states() -> States {
    let unreached = [State::Closed, State::SynRecv];
    State::ALL.into_iter().filter(|state| !unreached.contains(state)).collect()
}
