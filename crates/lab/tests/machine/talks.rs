//! Programs and sockets of the kernel's talk to the machine, and it to them.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use timewait_lab::wire::{Cable, LEFT_V4, LEFT_V6, RIGHT_V4, RIGHT_V6, Station, StationError, Wire, from};
use timewait_linux::hosts::{Host, Neighbour};
use timewait_tcp::{
    Fate, Flags, Profile, Row, Seen, Segment, Seq,
    Side::{self, Left, Right},
    StateName,
    endpoint::{Handle, Listed, Read, UserError},
};
use timewait_trial::{have_tool, in_own_host};

const PORT: u16 = 9000;
const PATIENCE: Duration = Duration::from_secs(30);
/// What the article's server says.
const LINE: &[u8] = b"I sent sth to client!\n";

/// A kernel on the left, the machine on the right.
struct Stage {
    client: Neighbour,
    wire: Wire,
    machine: Station,
    here: SocketAddr,
}

/// Plays a scene in both families.
fn in_both_families(host: &Host, scene: impl Fn(&Stage)) {
    for (left, right, mss) in [(LEFT_V4, RIGHT_V4, 1460), (LEFT_V6, RIGHT_V6, 1440)] {
        let client = host.neighbour("client").unwrap();
        let (wire, plug) = Wire::to_program(Cable::default(), &client, "machine").unwrap();
        let profile = Profile { mss, ..Profile::LINUX };
        let machine = Station::start(plug, profile, |_| Seq::new(u32::MAX - 7)).unwrap();
        println!("{left} {right}");
        scene(&Stage { client, wire, machine, here: SocketAddr::new(right, PORT) });
    }
}

impl Stage {
    /// The kernel's end of the same port.
    fn there(&self) -> SocketAddr {
        let ip = if self.here.is_ipv4() { LEFT_V4 } else { LEFT_V6 };
        SocketAddr::new(ip, PORT)
    }

    /// One connection of the article's: the line is said, and this side closes first. A client that asks is heard out.
    fn serve(&self, listener: Handle, asks: bool, answer: &[u8]) -> SocketAddr {
        let client = self.machine.accept(listener, PATIENCE).unwrap();
        let mut asked = Vec::new();
        while asks && !asked.ends_with(b"\r\n\r\n") {
            match self.machine.read(client.handle, 4096, PATIENCE).unwrap() {
                Read::Text(text) => asked.extend(text),
                other => panic!("{other:?}"),
            }
        }
        self.machine.write(client.handle, answer, PATIENCE).unwrap();
        self.machine.close(client.handle).unwrap();
        client.remote
    }

    fn waits(&self, client: SocketAddr) {
        self.machine.await_state((self.here, client), StateName::TimeWait, PATIENCE).unwrap();
        let orphan = |it: &&Listed| it.state == StateName::TimeWait && it.handle.is_none();
        assert!(self.machine.blocks().unwrap().iter().any(|it| orphan(&it)), "nobody holds it any more");
        self.wire.await_state(Left, StateName::Closed).unwrap();
    }

    fn sent(&self, by: Side, wanted: impl Fn(&Segment, Fate) -> bool) -> usize {
        let is_wanted = |row: &&Row| matches!(&row.seen, Seen::Segment { from, segment, fate, .. } if *from == by && wanted(segment, *fate));
        self.wire.trace().rows.iter().filter(is_wanted).count()
    }
}

#[test]
fn programs_of_the_kernel_are_served_by_the_machine_which_closes_first_and_waits() {
    in_own_host(|host| {
        in_both_families(host, |stage| {
            let listener = stage.machine.listen(stage.here, 32).unwrap();
            let (ip, port) = (stage.here.ip().to_string(), PORT.to_string());
            let url = format!("http://{}/", stage.here);
            let page = [b"HTTP/1.0 200 OK\r\n\r\n", LINE].concat();
            for (program, arguments, asks, answer) in [
                ("nc", vec!["-d", &ip, &port], false, LINE),
                ("curl", vec!["-sS", "--max-time", "30", &url], true, &page[..]),
            ] {
                if !have_tool(program) {
                    continue;
                }
                let run = || Command::new(program).args(&arguments).output();
                let (output, client) = thread::scope(|scope| {
                    let running = scope.spawn(|| stage.client.inside(run).unwrap().unwrap());
                    let client = stage.serve(listener, asks, answer);
                    (running.join().unwrap(), client)
                });
                assert_eq!(output.stdout, LINE, "{program}: {output:?}");
                assert!(output.status.success(), "{program}: {output:?}");
                stage.waits(client);
            }
            assert_eq!(stage.sent(Left, |segment, _| segment.has(Flags::RST)), 0);
            assert_eq!(stage.sent(Right, |segment, _| segment.has(Flags::RST)), 0);
        });
    });
}

/// The article's first reason for the wait, the machine in the server's place.
#[test]
fn the_machine_acknowledges_again_when_its_last_ack_was_lost_and_waits_afresh() {
    in_own_host(|host| {
        in_both_families(host, |stage| {
            stage.wire.rule(from(Right).last_ack_of_the_close().first().drop("the last ACK")).unwrap();
            let listener = stage.machine.listen(stage.here, 32).unwrap();
            let (text, client) = thread::scope(|scope| {
                let client = scope.spawn(|| {
                    let mut stream = stage.client.inside(|| TcpStream::connect(stage.here)).unwrap().unwrap();
                    let mut text = Vec::new();
                    stream.read_to_end(&mut text).unwrap();
                    text
                });
                let peer = stage.serve(listener, false, LINE);
                (client.join().unwrap(), peer)
            });
            assert_eq!(text, LINE);
            stage.waits(client);
            assert_eq!(stage.sent(Right, |_, fate| fate == Fate::Lost), 1, "the last ACK");
            assert!(stage.sent(Left, |segment, _| segment.has(Flags::FIN)) >= 2, "so the FIN came again");
            assert_eq!(stage.sent(Left, |segment, _| segment.has(Flags::RST)), 0);
            assert_eq!(stage.sent(Right, |segment, _| segment.has(Flags::RST)), 0);
        });
    });
}

#[test]
fn the_machine_is_a_client_of_the_kernel_s_server_whichever_side_closes_first() {
    in_own_host(|host| {
        in_both_families(host, |stage| {
            let there = stage.there();
            let server = stage.client.inside(|| TcpListener::bind(there)).unwrap().unwrap();
            for (machine_first, port) in [(false, 40_000), (true, 40_001)] {
                let here = SocketAddr::new(stage.here.ip(), port);
                let handle = stage.machine.connect(here, there, PATIENCE).unwrap();
                let (mut stream, _) = server.accept().unwrap();
                stage.machine.write(handle, b"hello", PATIENCE).unwrap();
                let mut asked = [0; 5];
                stream.read_exact(&mut asked).unwrap();
                assert_eq!(&asked, b"hello");
                stream.write_all(LINE).unwrap();
                assert_eq!(read(stage, handle), Read::Text(LINE.to_vec()));
                if machine_first {
                    stage.machine.close(handle).unwrap();
                    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                    drop(stream);
                    stage.machine.await_state((here, there), StateName::TimeWait, PATIENCE).unwrap();
                    stage.wire.await_state(Left, StateName::Closed).unwrap();
                } else {
                    drop(stream);
                    assert_eq!(read(stage, handle), Read::End);
                    stage.machine.close(handle).unwrap();
                    stage.machine.await_state((here, there), StateName::Closed, PATIENCE).unwrap();
                    stage.wire.await_state(Left, StateName::TimeWait).unwrap();
                }
            }
        });
    });
}

fn read(stage: &Stage, handle: Handle) -> Read {
    stage.machine.read(handle, 4096, PATIENCE).unwrap()
}

#[test]
fn nobody_listens_on_either_side_and_both_say_so() {
    in_own_host(|host| {
        in_both_families(host, |stage| {
            let refused = stage.client.inside(|| TcpStream::connect(stage.here)).unwrap().unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
            let here = SocketAddr::new(stage.here.ip(), 40_000);
            let refused = stage.machine.connect(here, stage.there(), PATIENCE);
            assert!(matches!(refused, Err(StationError::User(UserError::Refused))), "{refused:?}");
        });
    });
}

/// Some text, no part of which is like another.
fn text(octets: u32) -> Vec<u8> {
    (0..octets).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

#[test]
fn over_a_wire_that_loses_repeats_and_reorders_both_get_every_octet_once_and_in_order() {
    const OCTETS: u32 = 60_000;
    in_own_host(|host| {
        in_both_families(host, |stage| {
            let every = |nth: u64, first: u64| {
                let count = Arc::new(AtomicU64::new(first));
                move |_: &timewait_lab::wire::Packet| {
                    count.fetch_add(1, Ordering::Relaxed).is_multiple_of(nth)
                }
            };
            for side in [Left, Right] {
                stage.wire.rule(from(side).with_text().when(every(11, 4)).drop("lost")).unwrap();
                stage.wire.rule(from(side).with_text().when(every(7, 3)).repeat(1, "repeated")).unwrap();
                let late = Duration::from_millis(3);
                stage.wire.rule(from(side).with_text().when(every(5, 2)).delay(late, "overtaken")).unwrap();
            }
            let listener = stage.machine.listen(stage.here, 32).unwrap();
            thread::scope(|scope| {
                let client = scope.spawn(|| {
                    let mut stream = stage.client.inside(|| TcpStream::connect(stage.here)).unwrap().unwrap();
                    let mut writer = stream.try_clone().unwrap();
                    let writing = scope.spawn(move || writer.write_all(&text(OCTETS)).unwrap());
                    let mut heard = vec![0; OCTETS as usize];
                    stream.read_exact(&mut heard).unwrap();
                    writing.join().unwrap();
                    heard
                });
                let accepted = stage.machine.accept(listener, PATIENCE).unwrap().handle;
                let writing =
                    scope.spawn(move || stage.machine.write(accepted, &text(OCTETS), PATIENCE).unwrap());
                let mut heard = Vec::new();
                while heard.len() < OCTETS as usize {
                    match read(stage, accepted) {
                        Read::Text(text) => heard.extend(text),
                        other => panic!("{other:?} after {} octets", heard.len()),
                    }
                }
                writing.join().unwrap();
                assert!(heard == text(OCTETS), "the machine heard something else");
                assert!(client.join().unwrap() == text(OCTETS), "the kernel heard something else");
            });
            for (side, fate) in
                [(Left, Fate::Lost), (Right, Fate::Lost), (Left, Fate::Repeated), (Right, Fate::Held)]
            {
                assert!(stage.sent(side, |_, its| its == fate) > 0, "{side:?} {fate:?}");
            }
        });
    });
}
