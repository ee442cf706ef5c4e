//! What is concluded from rows, look by look.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use timewait_facts::{Cookie, Owner, Socket, State, Timer, TimerKind};

use super::{
    Attribution, Close, First, FirstBecause, Known, OwnerBecause, Port,
    book::{Book, Seen},
};

const SERVER: &str = "127.0.0.1:9000";
const CLIENT: &str = "127.0.0.1:40000";

fn socket(state: State, cookie: u64, inode: u32) -> Socket {
    Socket {
        cookie: Cookie(cookie),
        inode: NonZeroU32::new(inode),
        ..Socket::bare(state, SERVER.parse().unwrap(), CLIENT.parse().unwrap())
    }
}

fn waiting(cookie: u64) -> Socket {
    let timer = Timer { kind: TimerKind::TimeWait, expires_ms: 60_000, retries: 0 };
    Socket { timer, ..socket(State::TimeWait, cookie, 0) }
}

fn listener() -> Socket {
    Socket { peer: "0.0.0.0:0".parse().unwrap(), ..socket(State::Listen, 1, 77) }
}

fn other_end(socket: Socket) -> Socket {
    Socket { local: socket.peer, peer: socket.local, ..socket }
}

fn owner(pid: u32) -> Arc<Owner> {
    Arc::new(Owner { pid, command: b"web"[..].into(), cgroup: None, processes: 1 })
}

/// Looks at these rows at this second; inode *n* belongs to process *n*, but for those beyond 1000.
fn look(book: &mut Book, second: u64, whole: bool, rows: &[Socket]) -> Vec<Close> {
    book.begin(Duration::from_secs(second), whole);
    for row in rows {
        book.row(row);
    }
    book.learn(true, |inode| (inode.get() <= 1000).then(|| owner(inode.get())));
    book.end()
}

fn sampler() -> Book {
    let mut book = Book::new(true, None);
    assert_eq!(look(&mut book, 0, true, &[]), []);
    book
}

type Told = (First, Option<FirstBecause>, Option<(u32, Known)>);

fn told(closes: &[Close]) -> Vec<Told> {
    let by = |close: &Close| close.by.as_ref().map(|by| (by.owner.pid, by.known));
    closes.iter().map(|close| (close.first, close.first_inferred, by(close))).collect()
}

#[test]
fn a_socket_sampled_while_it_lived_is_its_process_s_when_it_waits() {
    let mut book = sampler();
    assert_eq!(look(&mut book, 1, false, &[socket(State::Established, 5, 42)]), []);
    let closes = look(&mut book, 2, true, &[waiting(5)]);
    let by = Some((42, Known::Sampled));
    assert_eq!(told(&closes), [(First::Us, Some(FirstBecause::TimeWaitAlone), by)]);
    assert_eq!(look(&mut book, 3, true, &[waiting(5)]), [], "once");
    assert_eq!(book.tally().total().time_wait, 1);
}

#[test]
fn the_states_of_a_close_tell_who_was_first() {
    for (state, first) in [
        (State::FinWait1, First::Us),
        (State::FinWait2, First::Us),
        (State::CloseWait, First::Peer),
        (State::LastAck, First::Peer),
        (State::Closing, First::Both),
    ] {
        let mut book = sampler();
        let closes = look(&mut book, 1, false, &[socket(state, 5, 42)]);
        assert_eq!(told(&closes), [(first, None, Some((42, Known::Sampled)))], "{state}");
        assert_eq!(look(&mut book, 2, false, &[socket(state, 5, 42)]), [], "once");
    }
}

#[test]
fn a_close_seen_in_fin_wait_and_then_in_time_wait_is_one_that_waits() {
    let mut book = sampler();
    look(&mut book, 1, false, &[socket(State::FinWait1, 5, 0)]);
    assert_eq!(look(&mut book, 2, true, &[waiting(5)]), []);
    let total = book.tally().total();
    assert_eq!((total.us, total.time_wait, total.inferred_first), (1, 1, 0));
}

#[test]
fn what_was_closing_before_the_watch_began_does_not_count() {
    let mut book = Book::new(true, None);
    let old = [waiting(5), socket(State::CloseWait, 6, 42)];
    assert_eq!(look(&mut book, 0, true, &old), []);
    assert_eq!(look(&mut book, 1, true, &old), []);
    assert_eq!(book.tally().total().closed(), 0);
}

#[test]
fn a_socket_that_nobody_sampled_is_inferred_to_be_the_listener_s() {
    let mut book = sampler();
    look(&mut book, 1, true, &[listener()]);
    let closes = look(&mut book, 2, true, &[listener(), waiting(5)]);
    let by = closes[0].by.as_ref().unwrap();
    assert_eq!((by.owner.pid, by.known), (77, Known::Inferred(OwnerBecause::Listener)));
    assert_eq!(book.tally().rows()[0].port, Some(Port::Local(9000)));
    assert_eq!(book.tally().attributed().inferred, 1);
}

#[test]
fn a_socket_that_is_gone_is_told_after_two_looks_and_nobody_knows_who_was_first() {
    let mut book = sampler();
    look(&mut book, 1, false, &[socket(State::Established, 5, 42)]);
    look(&mut book, 2, true, &[socket(State::Established, 5, 42)]);
    assert_eq!(look(&mut book, 3, true, &[]), [], "it may have been overlooked");
    assert!(book.is_unsure());
    let closes = look(&mut book, 4, true, &[]);
    assert_eq!(told(&closes), [(First::Unseen, None, Some((42, Known::Sampled)))]);
    assert!(!book.is_unsure());
}

#[test]
fn a_socket_that_was_overlooked_once_is_still_alive() {
    let mut book = sampler();
    let alive = [socket(State::Established, 5, 42)];
    look(&mut book, 1, true, &alive);
    look(&mut book, 2, true, &[]);
    assert_eq!(look(&mut book, 3, true, &alive), []);
    assert_eq!(look(&mut book, 4, true, &[]), []);
}

#[test]
fn a_socket_that_is_gone_while_its_other_end_waits_was_closed_by_the_peer_first() {
    let mut book = sampler();
    look(&mut book, 1, false, &[socket(State::Established, 5, 42)]);
    let closes = look(&mut book, 2, true, &[other_end(waiting(6))]);
    let passive = closes.iter().find(|close| close.cookie == Some(Cookie(5))).unwrap();
    assert_eq!((passive.first, passive.first_inferred), (First::Peer, Some(FirstBecause::OtherEndWaits)));
}

#[test]
fn a_process_that_cannot_be_found_is_sought_once() {
    let mut book = sampler();
    let hidden = [socket(State::Established, 5, 2000), Socket { inode: NonZeroU32::new(2001), ..listener() }];
    look(&mut book, 1, false, &hidden);
    book.begin(Duration::from_secs(2), false);
    for row in &hidden {
        book.row(row);
    }
    assert_eq!(book.wanted().count(), 0);
}

#[test]
fn what_a_probe_tells_is_joined_with_the_table_by_cookie_or_by_ends() {
    for cookie in [Some(Cookie(5)), None] {
        let mut book = Book::new(false, None);
        look(&mut book, 0, true, &[]);
        look(&mut book, 1, false, &[socket(State::Established, 5, 42)]);
        let (local, peer) = (SERVER.parse().unwrap(), CLIENT.parse().unwrap());
        let seen = Seen { local, peer, cookie, first: First::Us, owner: None };
        let close = book.tell(Duration::from_secs(1), seen);
        assert_eq!(close.by, Some(Attribution { owner: owner(42), known: Known::Sampled }));
        for second in [2, 3] {
            let closes = look(&mut book, second, true, &[waiting(5)]);
            assert_eq!(closes, [], "the probe tells, not the samples");
            assert_eq!(book.tally().total().time_wait, 1, "once, however often it is met");
        }
    }
}
