//! Listening and reaching out.

use timewait_tcp::{
    CallError, Flags, Profile, Segment, Seq,
    StateName::{Closed, Established, Listen, SynReceived, SynSent},
    endpoint::{Read, UserError},
};

use crate::host::{
    IRS, ISS, ack, at_s, client, fin, hear, hear_at, host, prompt, read, sent, server, serving, states, syn,
    text,
};

#[test]
fn a_half_open_child_vanishes_silently_on_an_rst_and_its_listener_stays() {
    let mut host = host(prompt());
    let listener = host.listen(server(), 1).unwrap();
    hear(&mut host, syn());
    assert_eq!(states(&host), [Listen, SynReceived]);
    assert!(
        host.blocks().all(|block| block.remote.is_none() || block.handle.is_none()),
        "nobody has its handle"
    );

    assert_eq!(hear(&mut host, Segment::rst(IRS + 1)), []);

    assert_eq!(states(&host), [Listen]);
    assert_eq!(host.accept(listener), Ok(None));
    assert_eq!(hear(&mut host, syn()).len(), 1, "its place in the backlog is free");
}

#[test]
fn a_half_open_child_that_is_not_answered_vanishes_after_its_retries() {
    let mut host = host(prompt());
    let listener = host.listen(server(), 1).unwrap();
    hear(&mut host, syn());
    let mut again = 0;
    while let Some(now) = host.next_timer() {
        host.on_timer(now);
        again += sent(&mut host).len();
    }
    // linux v6.12 Documentation/networking/ip-sysctl.rst, tcp_synack_retries: 5.
    assert_eq!((again, states(&host)), (5, vec![Listen]));
    assert_eq!(host.accept(listener), Ok(None));
}

#[test]
fn a_full_backlog_leaves_a_syn_unanswered_until_somebody_accepts() {
    let mut host = host(prompt());
    let listener = host.listen(server(), 2).unwrap();
    let peers = ["10.0.0.2:1", "10.0.0.2:2", "10.0.0.2:3"].map(|peer| peer.parse().unwrap());
    for peer in peers {
        host.segment(at_s(0), peer, server(), syn());
    }
    assert_eq!(sent(&mut host).len(), 2, "the third has no answer, not even an RST");

    host.segment(at_s(0), peers[0], server(), ack(IRS + 1, ISS + 1));
    host.segment(at_s(0), peers[2], server(), syn());
    assert_eq!(sent(&mut host), [], "to be established is not to be accepted");

    assert_eq!(host.accept(listener).unwrap().unwrap().remote, peers[0]);
    host.segment(at_s(1), peers[2], server(), syn());
    assert_eq!(sent(&mut host).len(), 1);
}

#[test]
fn a_child_that_is_reset_before_it_is_accepted_is_accepted_and_says_so_once() {
    let mut host = host(prompt());
    let listener = host.listen(server(), 1).unwrap();
    hear(&mut host, syn());
    hear(&mut host, ack(IRS + 1, ISS + 1));
    hear(&mut host, Segment::rst(IRS + 1));
    let handle = host.accept(listener).unwrap().unwrap().handle;
    assert_eq!(host.state(handle), Some(Closed));
    assert_eq!(host.read(at_s(0), handle, 10), Err(UserError::Reset));
    assert_eq!(host.read(at_s(0), handle, 10), Ok(Read::End));
    assert_eq!(host.write(at_s(0), handle, b"x"), Err(CallError::DoesNotExist.into()));
}

#[test]
fn an_open_that_is_reset_is_refused_and_the_error_is_told_once() {
    let mut host = host(prompt());
    let handle = host.open(at_s(0), server(), client()).unwrap();
    assert_eq!(host.open(at_s(0), server(), client()), Err(CallError::AlreadyExists));
    assert_eq!((sent(&mut host)[0].seq, host.state(handle)), (ISS, Some(SynSent)));

    hear(&mut host, Segment { ack: Some(ISS + 1), ..Segment::rst(IRS) });

    assert_eq!(host.write(at_s(0), handle, b"x"), Err(UserError::Refused));
    assert_eq!((host.take_error(handle), host.state(handle)), (None, Some(Closed)));
}

#[test]
fn an_open_is_refused_after_a_simultaneous_open_too_and_times_out_otherwise() {
    let mut host = host(prompt());
    let handle = host.open(at_s(0), server(), client()).unwrap();
    hear(&mut host, syn());
    assert_eq!(host.state(handle), Some(SynReceived));
    hear(&mut host, Segment::rst(IRS + 1));
    assert_eq!(host.take_error(handle), Some(UserError::Refused));
    assert_eq!(host.take_error(handle), None);

    let handle = host.open(at_s(0), server(), client()).unwrap();
    while let Some(now) = host.next_timer() {
        host.on_timer(now);
    }
    assert_eq!(host.read(at_s(200), handle, 1), Err(UserError::TimedOut));
}

/// "No unacceptable segment hastens or delays it."
#[test]
fn the_first_retransmission_of_a_syn_comes_when_it_comes() {
    let profile = Profile { syn_timeout: std::time::Duration::from_secs(3), ..prompt() };
    let mut host = host(profile);
    host.open(at_s(0), server(), client()).unwrap();
    sent(&mut host);
    for (now, segment) in
        [(1, ack(IRS, ISS)), (1, ack(IRS, ISS + 2)), (2, ack(IRS, ISS + 1)), (2, Segment::rst(IRS))]
    {
        hear_at(&mut host, at_s(now), segment);
        assert_eq!(host.next_timer(), Some(at_s(3)));
    }
    host.on_timer(at_s(2));
    assert_eq!(sent(&mut host), []);
    host.on_timer(at_s(3));
    assert!(sent(&mut host)[0].has(Flags::SYN));
}

#[test]
fn text_on_a_syn_is_kept_until_established_and_then_read() {
    let mut host = host(prompt());
    let listener = host.listen(server(), 1).unwrap();
    let answer = hear(&mut host, Segment { text: b"early".to_vec(), ..syn() });
    assert_eq!(answer[0].ack, Some(IRS + 1));
    hear(&mut host, ack(IRS + 1, ISS + 1));
    let handle = host.accept(listener).unwrap().unwrap().handle;
    assert_eq!(read(&mut host, handle), Read::Text(b"early".to_vec()));
}

#[test]
fn text_that_came_before_accept_is_read_after_it_and_the_fin_too() {
    let mut host = host(prompt());
    let listener = host.listen(server(), 1).unwrap();
    hear(&mut host, syn());
    hear(&mut host, text(IRS + 1, ISS + 1, b"hello"));
    hear(&mut host, fin(IRS + 6, ISS + 1));
    let handle = host.accept(listener).unwrap().unwrap().handle;
    assert_eq!(host.read(at_s(0), handle, 2), Ok(Read::Text(b"he".to_vec())));
    assert_eq!(host.read(at_s(0), handle, 0), Ok(Read::Nothing));
    assert_eq!(read(&mut host, handle), Read::Text(b"llo".to_vec()));
    assert_eq!(read(&mut host, handle), Read::End);
}

#[test]
fn each_connection_has_its_own_isn_from_the_caller() {
    let mut next = 0;
    let mut host = timewait_tcp::endpoint::Endpoint::new(prompt(), |_| {
        next += 1000;
        Seq::new(next)
    });
    host.listen(server(), 9).unwrap();
    for (port, isn) in [(1, 1000), (2, 2000)] {
        host.segment(at_s(0), (client().ip(), port).into(), server(), Segment::rst(IRS));
        host.segment(at_s(0), (client().ip(), port).into(), server(), syn());
        assert_eq!(host.poll_transmit().unwrap().segment.seq, Seq::new(isn), "no number is wasted on an RST");
    }
    host.open(at_s(0), server(), client()).unwrap();
    assert_eq!(host.poll_transmit().unwrap().segment.seq, Seq::new(3000));
}

#[test]
fn closing_a_listener_resets_who_was_not_accepted_and_drops_who_was_half_open() {
    let (mut host, listener, accepted) = serving(prompt());
    let [waiting, half_open] = ["10.0.0.2:1", "10.0.0.2:2"].map(|peer| peer.parse().unwrap());
    for peer in [waiting, half_open] {
        host.segment(at_s(0), peer, server(), syn());
    }
    host.segment(at_s(0), waiting, server(), ack(IRS + 1, ISS + 1));
    sent(&mut host);

    host.close(at_s(0), listener).unwrap();

    let packet = host.poll_transmit().unwrap();
    assert_eq!((packet.to, packet.segment), (waiting, Segment::rst(ISS + 1)));
    assert_eq!((host.poll_transmit(), states(&host)), (None, vec![Established]));
    assert_eq!((host.state(listener), host.state(accepted)), (None, Some(Established)));
    assert_eq!(host.accept(listener), Err(CallError::DoesNotExist));
}

/// RFC 9293 §3.7.1, MUST-15.
#[test]
fn without_an_mss_option_536_octets_go_into_a_segment_and_1220_between_ipv6_addresses() {
    for (here, there, most) in [("10.0.0.1:80", "10.0.0.2:9", 536), ("[::1]:80", "[::2]:9", 1220)] {
        let (here, there) = (here.parse().unwrap(), there.parse().unwrap());
        let mut host = host(prompt());
        let listener = host.listen(here, 1).unwrap();
        host.segment(at_s(0), there, here, syn());
        host.segment(at_s(0), there, here, ack(IRS + 1, ISS + 1));
        let handle = host.accept(listener).unwrap().unwrap().handle;
        sent(&mut host);
        host.write(at_s(0), handle, &[b'x'; 2000]).unwrap();
        assert_eq!(sent(&mut host)[0].text.len(), most, "{here}");
    }
}

/// RFC 9293 §3.10.1 and §3.9.1.1, MUST-46.
#[test]
fn an_open_needs_one_host_and_a_port_to_reach() {
    let mut host = host(prompt());
    for remote in
        ["0.0.0.0:80", "224.0.0.1:80", "255.255.255.255:80", "10.0.0.2:0", "[fd00::2]:80", "[ff02::1]:80"]
    {
        let refused = host.open(at_s(0), server(), remote.parse().unwrap());
        assert_eq!(refused, Err(CallError::RemoteUnspecified), "{remote}");
    }
    assert_eq!((sent(&mut host).len(), host.blocks().count()), (0, 0));
    assert_eq!(CallError::RemoteUnspecified.to_string(), "remote socket unspecified");
}

/// RFC 9293 §3.9.1.1, MUST-42.
#[test]
fn one_may_listen_where_one_is_reaching_out_from() {
    let mut host = host(prompt());
    let reaching = host.open(at_s(0), server(), client()).unwrap();
    let listener = host.listen(server(), 1).unwrap();
    sent(&mut host);
    let other = "10.0.0.3:5".parse().unwrap();
    host.segment(at_s(0), other, server(), syn());
    host.segment(at_s(0), other, server(), ack(IRS + 1, ISS + 1));
    assert_eq!(host.accept(listener).unwrap().unwrap().remote, other);
    assert_eq!(host.state(reaching), Some(SynSent));
}

/// RFC 9293 §3.10.2 and §3.10.4: what was written goes out once the connection is open, and the FIN with it.
#[test]
fn text_and_close_wait_for_established_after_a_simultaneous_open() {
    let mut host = host(prompt());
    let handle = host.open(at_s(0), server(), client()).unwrap();
    hear(&mut host, syn());
    assert_eq!(host.state(handle), Some(SynReceived));
    assert_eq!(host.write(at_s(0), handle, b"words"), Ok(5));
    host.close(at_s(0), handle).unwrap();
    assert_eq!((sent(&mut host), states(&host)), (vec![], vec![SynReceived]));

    let answer = hear(&mut host, ack(IRS + 1, ISS + 1));
    assert_eq!((answer.len(), &answer[0].text[..]), (1, &b"words"[..]));
    assert!(answer[0].has(Flags::FIN));
}
