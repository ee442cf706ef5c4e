//! What has no connection.

use timewait_tcp::{Flags, Segment, Seq, StateName::Listen};

use crate::host::{IRS, ISS, ack, client, fin, hear, host, prompt, sent, server, states, syn, text};

/// RFC 9293 §3.10.7.1, to the number.
#[test]
fn a_closed_port_answers_with_an_rst_that_its_sender_accepts_and_an_rst_with_nothing() {
    let n = Seq::new;
    let both = |end| Segment { ack: Some(end), ..Segment::rst(n(0)) };
    for (segment, answer) in [
        (Segment::syn(n(7)), Some(both(n(8)))),
        (Segment { flags: Flags::SYN | Flags::FIN, ..Segment::syn(n(7)) }, Some(both(n(9)))),
        (Segment { text: b"four".to_vec(), ..Segment::syn(n(7)) }, Some(both(n(12)))),
        (Segment { seq: n(u32::MAX), flags: Flags::FIN, ..Segment::default() }, Some(both(n(0)))),
        (Segment { seq: n(7), ..Segment::default() }, Some(both(n(7)))),
        (ack(n(7), n(50)), Some(Segment::rst(n(50)))),
        (text(n(7), n(50), b"x"), Some(Segment::rst(n(50)))),
        (fin(n(7), n(50)), Some(Segment::rst(n(50)))),
        (Segment { ack: Some(n(50)), ..Segment::syn(n(7)) }, Some(Segment::rst(n(50)))),
        (Segment::rst(n(7)), None),
        (Segment { ack: Some(n(50)), ..Segment::rst(n(7)) }, None),
    ] {
        let mut host = host(prompt());
        host.segment(crate::host::at_s(0), client(), server(), segment.clone());
        let packet = host.poll_transmit();
        assert_eq!(packet.as_ref().map(|packet| &packet.segment), answer.as_ref(), "{segment:?}");
        if let Some(packet) = packet {
            assert_eq!((packet.from, packet.to), (server(), client()));
        }
        assert_eq!((sent(&mut host).len(), host.blocks().count()), (0, 0));
    }
}

/// RFC 9293 §3.10.7.2.
#[test]
fn a_listener_ignores_rsts_resets_acks_and_stays() {
    for (segment, answer) in [
        (Segment::rst(IRS), None),
        (Segment { ack: Some(ISS), ..Segment::rst(IRS) }, None),
        (ack(IRS, ISS), Some(Segment::rst(ISS))),
        (Segment { ack: Some(ISS), ..syn() }, Some(Segment::rst(ISS))),
        (Segment { seq: IRS, flags: Flags::FIN, ..Segment::default() }, None),
        (Segment::default(), None),
    ] {
        let mut host = host(prompt());
        host.listen(server(), 1).unwrap();
        assert_eq!(hear(&mut host, segment).first(), answer.as_ref());
        assert_eq!(states(&host), [Listen]);
    }
}

#[test]
fn a_listener_on_an_address_is_preferred_to_one_on_all_and_neither_hears_another_port() {
    let mut host = host(prompt());
    let all = host.listen("0.0.0.0:80".parse().unwrap(), 5).unwrap();
    let one = host.listen(server(), 5).unwrap();
    assert!(host.listen(server(), 5).is_err());
    for (to, listener) in [("10.0.0.1:80", one), ("10.0.0.9:80", all)] {
        let to = to.parse().unwrap();
        host.segment(crate::host::at_s(0), client(), to, syn());
        host.segment(crate::host::at_s(0), client(), to, ack(IRS + 1, ISS + 1));
        assert!(host.accept(listener).unwrap().is_some());
    }
    sent(&mut host);
    host.segment(crate::host::at_s(0), client(), "10.0.0.1:81".parse().unwrap(), syn());
    assert!(sent(&mut host)[0].has(Flags::RST));
    host.segment(crate::host::at_s(0), "[::1]:1".parse().unwrap(), "[::1]:80".parse().unwrap(), syn());
    assert!(sent(&mut host)[0].has(Flags::RST), "an IPv4 listener hears no IPv6");
}

/// RFC 9293 §3.9.2.3, MUST-57 and MUST-63, and RFC 1122 for every other segment.
#[test]
fn what_comes_from_or_goes_to_no_one_host_is_not_heard() {
    for (from, to) in [
        ("0.0.0.0:9", "10.0.0.1:80"),
        ("224.0.0.1:9", "10.0.0.1:80"),
        ("255.255.255.255:9", "10.0.0.1:80"),
        ("10.0.0.2:9", "224.0.0.1:80"),
        ("10.0.0.2:9", "255.255.255.255:80"),
        ("10.0.0.2:9", "0.0.0.0:80"),
        ("[::]:9", "[fd00::1]:80"),
        ("[ff02::1]:9", "[fd00::1]:80"),
        ("[fd00::2]:9", "[ff02::1]:80"),
    ] {
        let mut host = host(prompt());
        for all in ["0.0.0.0:80", "[::]:80"] {
            host.listen(all.parse().unwrap(), 5).unwrap();
        }
        for segment in [syn(), ack(IRS, ISS), fin(IRS, ISS)] {
            host.segment(crate::host::at_s(0), from.parse().unwrap(), to.parse().unwrap(), segment);
        }
        assert_eq!((sent(&mut host).len(), states(&host)), (0, vec![Listen, Listen]), "{from} to {to}");
    }
}
