//! How a connection ends, and what its user hears of it.

use timewait_tcp::{
    CallError, Segment,
    StateName::{Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, TimeWait},
    endpoint::{Read, UserError},
};

use crate::host::{
    IRS, ISS, ack, at_s, client, fin, hear, host, prompt, read, sent, server, serving, states, text,
};

#[test]
fn a_handle_goes_at_close_and_the_connection_finishes_alone() {
    let (mut host, _, handle) = serving(prompt());
    host.close(at_s(0), handle).unwrap();
    assert_eq!((host.state(handle), states(&host)), (None, vec![Listen, FinWait1]));
    assert_eq!(host.read(at_s(0), handle, 1), Err(CallError::DoesNotExist.into()));
    assert_eq!(host.close(at_s(0), handle), Err(CallError::DoesNotExist));

    hear(&mut host, ack(IRS + 1, ISS + 2));
    assert_eq!(states(&host), [Listen, FinWait2]);
    assert_eq!(hear(&mut host, fin(IRS + 1, ISS + 2)).len(), 1);
    let waiting = host.blocks().last().unwrap();
    assert_eq!((waiting.state, waiting.handle, waiting.remote), (TimeWait, None, Some(client())));

    host.on_timer(host.next_timer().unwrap());
    assert_eq!(states(&host), [Listen]);
}

#[test]
fn who_shuts_down_writing_still_reads() {
    let (mut host, _, handle) = serving(prompt());
    host.shut_down(at_s(0), handle).unwrap();
    assert_eq!(host.shut_down(at_s(0), handle), Err(CallError::Closing.into()));
    assert_eq!(host.write(at_s(0), handle, b"x"), Err(CallError::Closing.into()));

    hear(&mut host, text(IRS + 1, ISS + 2, b"late"));
    assert_eq!(read(&mut host, handle), Read::Text(b"late".to_vec()));
    assert_eq!(read(&mut host, handle), Read::Nothing);
    hear(&mut host, fin(IRS + 5, ISS + 2));
    assert_eq!((read(&mut host, handle), host.state(handle)), (Read::End, Some(TimeWait)));
    host.close(at_s(1), handle).unwrap();
    assert_eq!(states(&host), [Listen, TimeWait], "TIME-WAIT outlives close");
}

#[test]
fn text_that_came_before_the_end_is_read_before_the_error() {
    let (mut host, _, handle) = serving(prompt());
    hear(&mut host, text(IRS + 1, ISS + 1, b"last"));
    hear(&mut host, Segment::rst(IRS + 5));
    assert_eq!(read(&mut host, handle), Read::Text(b"last".to_vec()));
    assert_eq!(host.read(at_s(0), handle, 9), Err(UserError::Reset));
    assert_eq!(host.read(at_s(0), handle, 9), Ok(Read::End));
}

/// RFC 9293 §3.6.1, SHLD-3, both halves.
#[test]
fn close_with_unread_text_resets_and_so_does_text_after_close() {
    let (mut host, _, handle) = serving(prompt());
    hear(&mut host, text(IRS + 1, ISS + 1, b"unread"));
    host.close(at_s(0), handle).unwrap();
    assert_eq!((sent(&mut host), states(&host)), (vec![Segment::rst(ISS + 1)], vec![Listen]));

    let (mut host, _, handle) = serving(prompt());
    host.close(at_s(0), handle).unwrap();
    sent(&mut host);
    assert_eq!(hear(&mut host, text(IRS + 1, ISS + 2, b"late")), [Segment::rst(ISS + 2)]);
    assert_eq!(states(&host), [Listen]);
}

/// The peer has said all it had to say: nobody could learn of it any more.
#[test]
fn text_unread_at_close_ends_no_connection_whose_peer_has_closed_after_we_had() {
    for (acked, state) in [(ISS + 2, TimeWait), (ISS + 1, Closing)] {
        let (mut host, _, handle) = serving(prompt());
        host.shut_down(at_s(0), handle).unwrap();
        sent(&mut host);
        hear(&mut host, text(IRS + 1, acked, b"unread"));
        hear(&mut host, fin(IRS + 7, acked));
        assert_eq!(host.state(handle), Some(state));
        host.close(at_s(0), handle).unwrap();
        assert_eq!((sent(&mut host), states(&host)), (vec![], vec![Listen, state]));
    }
}

#[test]
fn abort_tells_the_peer_and_nobody_else() {
    let (mut host, _, handle) = serving(prompt());
    host.abort(handle).unwrap();
    assert_eq!((sent(&mut host), states(&host)), (vec![Segment::rst(ISS + 1)], vec![Listen]));
    assert_eq!(host.abort(handle), Err(CallError::DoesNotExist));
}

/// A listener, and a connection that nobody has accepted.
fn host_with_child(established: bool) -> crate::host::Host {
    let mut host = host(prompt());
    host.listen(server(), 1).unwrap();
    hear(&mut host, crate::host::syn());
    if established {
        hear(&mut host, ack(IRS + 1, ISS + 1));
    }
    host
}

#[test]
fn a_connection_is_deleted_silently_and_its_peer_then_meets_the_listener() {
    let (mut host, _, handle) = serving(prompt());
    assert!(host.delete(server(), Some(client())));
    assert!(!host.delete(server(), Some(client())));
    assert_eq!((sent(&mut host), states(&host), host.state(handle)), (vec![], vec![Listen], Some(Closed)));
    assert_eq!(hear(&mut host, text(IRS + 1, ISS + 1, b"?")), [Segment::rst(ISS + 1)]);

    for established in [false, true] {
        let mut host = host_with_child(established);
        let listener = host.blocks().next().unwrap().handle.unwrap();
        assert!(host.delete(server(), Some(client())));
        assert_eq!(host.accept(listener), Ok(None), "a child goes as if it had never come");
    }

    assert!(host.delete(server(), None));
    assert!(!host.delete(server(), None));
    assert_eq!(host.blocks().count(), 0);
}

#[test]
fn the_side_that_closes_last_waits_for_nothing_but_its_ack() {
    let (mut host, _, handle) = serving(prompt());
    hear(&mut host, fin(IRS + 1, ISS + 1));
    assert_eq!(read(&mut host, handle), Read::End);
    host.close(at_s(0), handle).unwrap();
    assert_eq!(states(&host), [Listen, LastAck]);
    hear(&mut host, ack(IRS + 2, ISS + 2));
    assert_eq!(states(&host), [Listen]);
}

/// What one writes the other reads, over a wire that loses nothing.
#[test]
fn two_hosts_talk_and_the_one_that_closes_first_waits() {
    let mut one = host(prompt());
    let mut other = host(prompt());
    let listener = other.listen(server(), 1).unwrap();
    let here = one.open(at_s(0), client(), server()).unwrap();
    settle(&mut one, &mut other);
    let there = other.accept(listener).unwrap().unwrap().handle;
    assert_eq!((one.state(here), other.state(there)), (Some(Established), Some(Established)));

    assert_eq!(one.write(at_s(0), here, &vec![b'x'; 100_000]), Ok(65_536), "as much as there is room for");
    settle(&mut one, &mut other);
    let mut read = 0;
    while let Ok(Read::Text(text)) = other.read(at_s(0), there, 1000) {
        read += text.len();
        settle(&mut one, &mut other);
    }
    assert_eq!(read, 65_536);

    other.close(at_s(0), there).unwrap();
    settle(&mut one, &mut other);
    one.close(at_s(0), here).unwrap();
    settle(&mut one, &mut other);
    assert_eq!((states(&one), states(&other)), (vec![], vec![Listen, TimeWait]));
}

fn settle(one: &mut crate::host::Host, other: &mut crate::host::Host) {
    loop {
        let (from_one, from_other) = (one.poll_transmit(), other.poll_transmit());
        if from_one.is_none() && from_other.is_none() {
            return;
        }
        if let Some(packet) = from_one {
            other.segment(at_s(0), packet.from, packet.to, packet.segment);
        }
        if let Some(packet) = from_other {
            one.segment(at_s(0), packet.from, packet.to, packet.segment);
        }
    }
}
