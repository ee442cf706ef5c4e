//! A program of ours at the right end, and a kernel at the left.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use timewait_lab::wire::{Cable, Plug, RIGHT_V4, RIGHT_V6, Wire, WireError, from, media};
use timewait_tcp::{
    Fate, Flags, Segment, Seq,
    Side::{Left, Right},
    StateName,
};
use timewait_trial::in_own_host;

use crate::stage::{PORT, fates, in_short, segments};

const PATIENCE: Duration = Duration::from_secs(10);

/// A server of a few lines: it accepts, reads one text, answers in capitals with a FIN, and acknowledges the client's.
fn serve(plug: &Plug) -> Vec<u8> {
    let next = || plug.next(PATIENCE).unwrap().expect("a segment");
    let (client, here, syn) = next();
    assert!(syn.has(Flags::SYN) && syn.ack.is_none(), "{syn:?}");
    let mine = Seq::new(1_000);
    let window = 8_000;
    let send = |segment: Segment| plug.send(here, client, &Segment { window, ..segment }).unwrap();
    send(Segment { flags: Flags::SYN, ..Segment::ack(mine, syn.end()) });
    plug.tell_state(1, StateName::SynReceived).unwrap();
    let text = loop {
        let (_, _, segment) = next();
        if !segment.text.is_empty() {
            break segment;
        }
    };
    let answer = text.text.to_ascii_uppercase();
    send(Segment { flags: Flags::FIN, text: answer, ..Segment::ack(mine + 1, text.end()) });
    let fin = loop {
        let (_, _, segment) = next();
        if segment.has(Flags::FIN) {
            break segment;
        }
    };
    send(Segment::ack(fin.ack.unwrap(), fin.end()));
    text.text
}

#[test]
fn a_program_talks_to_a_kernel_by_every_medium() {
    in_own_host(|host| {
        for medium in media(host).unwrap() {
            for address in [RIGHT_V4, RIGHT_V6] {
                let client = host.neighbour("client").unwrap();
                let cable = Cable::default().by(medium);
                let (wire, plug) = Wire::to_program(cable, &client, "program").unwrap();
                let to = SocketAddr::new(address, PORT);
                let program = thread::spawn(move || serve(&plug));
                let mut stream = client.inside(|| TcpStream::connect(to)).unwrap().unwrap();
                stream.write_all(b"hello").unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                drop(stream);
                assert_eq!((program.join().unwrap(), &answer[..]), (b"hello".to_vec(), "HELLO"));
                wire.await_packet("the last ACK", from(Right).last_ack_of_the_close()).unwrap();
                wire.await_state(Left, StateName::Closed).unwrap();
                let trace = wire.trace();
                assert_eq!((&trace.left[..], &trace.right[..]), ("client", "program"));
                let rows: Vec<_> = trace.rows.iter().map(|row| in_short(&row.seen)).collect();
                assert!(rows.contains(&"Right1 syn-recv".to_owned()), "as the program told it: {rows:#?}");
                assert!(rows.contains(&"Left1 established".to_owned()), "{rows:#?}");
                assert_eq!(wire.capture().interfaces, ["client", "program"]);
            }
        }
    });
}

#[test]
fn rules_hold_for_a_program_as_for_a_kernel() {
    in_own_host(|host| {
        let client = host.neighbour("client").unwrap();
        let (wire, plug) = Wire::to_program(Cable::default(), &client, "program").unwrap();
        wire.rule(from(Right).rst().drop("the reset")).unwrap();
        let ends = ["10.9.0.2:9000", "10.9.0.1:40000"].map(|end| end.parse::<SocketAddr>().unwrap());
        plug.send(ends[0], ends[1], &Segment::rst(Seq::new(7))).unwrap();
        assert_eq!(fates(&wire.trace(), Fate::Lost), ["<1 RST 0 Lost (the reset)"]);
        // To a port on which nobody listens: the kernel's answer comes to the program.
        plug.send(ends[0], ends[1], &Segment::syn(Seq::new(8))).unwrap();
        let (from_client, to_program, answer) = plug.next(PATIENCE).unwrap().expect("an answer");
        assert_eq!([to_program, from_client], ends);
        assert_eq!((answer.has(Flags::RST), answer.ack), (true, Some(Seq::new(9))));
        assert_eq!(segments(&wire.trace()), ["<1 RST 0 Lost (the reset)", "<1 SYN 0", ">1 RSTACK 0"]);
        assert_eq!(plug.next(Duration::ZERO).unwrap(), None, "nothing more");
    });
}

#[test]
fn a_program_whose_wire_is_gone_hears_so() {
    in_own_host(|host| {
        let client = host.neighbour("client").unwrap();
        let (wire, plug) = Wire::to_program(Cable::default(), &client, "program").unwrap();
        let waiting = thread::spawn(move || plug.next(PATIENCE));
        drop(wire);
        let outcome = waiting.join().unwrap();
        assert!(matches!(outcome, Err(WireError::Broken(_))), "{outcome:?}");
    });
}

#[test]
fn two_programs_talk_without_a_host_and_the_rules_hold_for_both() {
    let (wire, left, right) = Wire::between_programs("one", "other").unwrap();
    wire.rule(from(Right).rst().drop("the reset")).unwrap();
    let ends = ["10.9.0.1:1", "10.9.0.2:2"].map(|end| end.parse::<SocketAddr>().unwrap());
    left.send(ends[0], ends[1], &Segment::syn(Seq::new(7))).unwrap();
    let (source, destination, segment) = right.next(PATIENCE).unwrap().unwrap();
    assert_eq!(([source, destination], segment.seq), (ends, Seq::new(7)));
    assert_eq!(left.next(Duration::ZERO).unwrap(), None, "nobody hears what it said itself");
    right.send(ends[1], ends[0], &Segment::rst(Seq::new(0))).unwrap();
    left.tell_state_of(ends[0], ends[1], StateName::SynSent).unwrap();
    assert_eq!(left.next(Duration::ZERO).unwrap(), None);
    let rows: Vec<_> = wire.trace().rows.iter().map(|row| in_short(&row.seen)).collect();
    assert_eq!(rows, [">1 SYN 0", "<1 RST 0 Lost (the reset)", "Left1 syn-sent"]);
}

#[test]
fn whoever_waits_at_a_plug_can_be_nudged_before_or_while_it_waits() {
    let (_wire, left, _right) = Wire::between_programs("one", "other").unwrap();
    left.nudge();
    assert_eq!(left.next(Duration::from_secs(1 << 30)).unwrap(), None, "before");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| left.next(Duration::from_secs(1 << 30)).unwrap());
        while !waiting.is_finished() {
            left.nudge();
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap(), None);
    });
}
