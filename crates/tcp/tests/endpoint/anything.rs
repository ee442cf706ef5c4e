//! Anything that strangers send and callers call, in any order, at any time, by any profile: no panic, and no word to who
//! cannot be there.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use timewait_tcp::{
    Flags, Instant, Options, Profile, Segment, Seq, State, StateName, Timestamps,
    endpoint::{Endpoint, Handle, Pair},
};

use crate::{any_profile, any_segment::any_segment, host::Host};

/// Ends, ours and theirs, and some that can be nobody's.
const ENDS: [&str; 10] = [
    "10.0.0.1:80",
    "10.0.0.1:81",
    "10.0.0.2:4711",
    "10.0.0.3:80",
    "[fd00::1]:80",
    "[fd00::2]:9",
    "0.0.0.0:80",
    "[::]:80",
    "224.0.0.1:80",
    "10.0.0.2:0",
];

#[derive(Clone, Debug)]
enum Op {
    Listen(usize, usize),
    Open(usize, usize),
    Accept(u64),
    Write(u64, usize),
    Read(u64, usize),
    ShutDown(u64),
    Close(u64),
    Abort(u64),
    TakeError(u64),
    SetProfile(u64, Box<Profile>),
    Delete(usize, Option<usize>),
    Segment(usize, usize, Segment),
    /// What the peer of some connection would say to what it last heard, more or less.
    Answer(usize, Answer),
    Timer,
    Later(u64),
    /// The caller's clock goes back, which it should not.
    Earlier(u64),
}

/// An answer: how far off its numbers are, its flags, its text, its window, its clock.
#[derive(Clone, Debug)]
struct Answer {
    seq: i8,
    ack: Option<i8>,
    flags: u8,
    len: usize,
    window: u16,
    stamp: Option<u32>,
}

fn end() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..4_usize, 1 => 0..ENDS.len()]
}

fn handle() -> impl Strategy<Value = u64> {
    prop_oneof![12 => 0..10_u64, 1 => any::<u64>()]
}

fn segment() -> impl Strategy<Value = Segment> {
    any_segment(30)
}

fn syn() -> impl Strategy<Value = Segment> {
    segment().prop_map(|segment| Segment { ack: None, flags: Flags::SYN, ..segment })
}

fn answer() -> impl Strategy<Value = Answer> {
    let off = || prop_oneof![9 => Just(0_i8), 1 => -3..3_i8, 1 => any::<i8>()];
    let flags = prop_oneof![6 => Just(0_u8), 2 => Just(1_u8), 1 => Just(4_u8), 1 => any::<u8>()];
    let window = prop_oneof![2 => 0..30_u16, 1 => any::<u16>()];
    (off(), prop::option::weighted(0.95, off()), flags, 0..12_usize, window, any::<Option<u32>>())
        .prop_map(|(seq, ack, flags, len, window, stamp)| Answer { seq, ack, flags, len, window, stamp })
}

fn op() -> impl Strategy<Value = Op> {
    let calls = prop_oneof![
        handle().prop_map(Op::Accept),
        (handle(), 0..90_usize).prop_map(|(handle, len)| Op::Write(handle, len)),
        (handle(), any::<usize>()).prop_map(|(handle, len)| Op::Read(handle, len)),
        handle().prop_map(Op::ShutDown),
        handle().prop_map(Op::Close),
        handle().prop_map(Op::Abort),
        handle().prop_map(Op::TakeError),
        (handle(), any_profile::profile()).prop_map(|(handle, it)| Op::SetProfile(handle, Box::new(it))),
    ];
    let opens = prop_oneof![
        (end(), any::<usize>()).prop_map(|(end, backlog)| Op::Listen(end, backlog)),
        (end(), end()).prop_map(|(here, there)| Op::Open(here, there)),
        (end(), end(), syn()).prop_map(|(from, to, syn)| Op::Segment(from, to, syn)),
    ];
    let time =
        prop_oneof![Just(Op::Timer), (0..5000_u64).prop_map(Op::Later), any::<u64>().prop_map(Op::Later)];
    prop_oneof![
        6 => opens,
        8 => calls,
        2 => (end(), prop::option::of(end())).prop_map(|(here, there)| Op::Delete(here, there)),
        3 => (end(), end(), segment()).prop_map(|(from, to, it)| Op::Segment(from, to, it)),
        16 => (any::<usize>(), answer()).prop_map(|(which, it)| Op::Answer(which, it)),
        4 => time,
        1 => any::<u64>().prop_map(Op::Earlier),
    ]
}

fn at(index: usize) -> SocketAddr {
    ENDS[index].parse().unwrap()
}

fn off(seq: Seq, by: i8) -> Seq {
    Seq::new(seq.get().wrapping_add_signed(by.into()))
}

/// What each peer heard last.
type Heard = BTreeMap<(SocketAddr, SocketAddr), Segment>;

fn answers(heard: &Heard, which: usize, it: &Answer) -> Option<(SocketAddr, SocketAddr, Segment)> {
    let ((ours, theirs), last) = heard.iter().nth(which.checked_rem(heard.len())?)?;
    let syn = if last.ack.is_none() { Flags::SYN } else { Flags::NONE };
    let segment = Segment {
        seq: off(last.ack.unwrap_or_default(), it.seq),
        ack: it.ack.map(|by| off(last.end(), by)),
        flags: Flags::from_octet(it.flags) | syn,
        window: it.window,
        options: Options {
            timestamps: it.stamp.map(|value| Timestamps { value, echo: 0 }),
            ..Options::default()
        },
        text: vec![b'a'; it.len],
    };
    Some((*theirs, *ours, segment))
}

/// What was heard, if it was a segment.
fn does(host: &mut Host, now: &mut Instant, op: Op, heard: &Heard) -> Option<Segment> {
    let handle = Handle::from_number;
    match op {
        Op::Listen(end, backlog) => drop(host.listen(at(end), backlog)),
        Op::Open(here, there) => drop(host.open(*now, at(here), at(there))),
        Op::Accept(number) => drop(host.accept(handle(number))),
        Op::Write(number, len) => drop(host.write(*now, handle(number), &vec![b'w'; len])),
        Op::Read(number, len) => drop(host.read(*now, handle(number), len)),
        Op::ShutDown(number) => drop(host.shut_down(*now, handle(number))),
        Op::Close(number) => drop(host.close(*now, handle(number))),
        Op::Abort(number) => drop(host.abort(handle(number))),
        Op::TakeError(number) => drop(host.take_error(handle(number))),
        Op::SetProfile(number, profile) => drop(host.set_profile(handle(number), *profile)),
        Op::Delete(here, there) => drop(host.delete(at(here), there.map(at))),
        Op::Segment(from, to, segment) => {
            host.segment(*now, at(from), at(to), segment.clone());
            return Some(segment);
        }
        Op::Answer(which, answer) => {
            let (from, to, segment) = answers(heard, which, &answer)?;
            host.segment(*now, from, to, segment.clone());
            return Some(segment);
        }
        Op::Timer => {
            *now = host.next_timer().unwrap_or(*now).max(*now);
            host.on_timer(*now);
        }
        Op::Later(ms) => *now = *now + Duration::from_millis(ms),
        Op::Earlier(ms) => {
            *now = Instant::after_start(now.since(Instant::after_start(Duration::from_millis(ms))));
        }
    }
    None
}

fn isn(pair: &Pair) -> Seq {
    Seq::new(u32::MAX - u32::from(pair.remote.port()))
}

/// Does all of it, and keeps count.
fn live(profile: Profile, ops: Vec<Op>, seen: &mut BTreeSet<StateName>) -> Result<(), TestCaseError> {
    let mut host: Host = Endpoint::new(profile, isn);
    let (mut now, mut heard) = (Instant::START, Heard::new());
    for op in ops {
        let arrived = does(&mut host, &mut now, op, &heard);
        let answers_rst = arrived.is_some_and(|segment| segment.has(Flags::RST));
        while let Some(packet) = host.poll_transmit() {
            prop_assert!(!(answers_rst && packet.segment.has(Flags::RST)), "an RST for an RST");
            heard.insert((packet.from, packet.to), packet.segment);
        }
        let ends: Vec<_> = host.blocks().map(|block| (block.local, block.remote)).collect();
        let different: BTreeSet<_> = ends.iter().collect();
        prop_assert_eq!(different.len(), ends.len(), "never two between the same two ends");
        for block in host.blocks() {
            seen.insert(block.state);
            let Some(handle) = block.handle else { continue };
            prop_assert_eq!(host.state(handle), Some(block.state));
            if let Some(numbers) = host.inspect(handle).and_then(State::numbers) {
                prop_assert!(!numbers.snd_nxt().is_before(numbers.snd_una()), "more acknowledged than sent");
            }
        }
    }
    Ok(())
}

fn use_of_it() -> impl Strategy<Value = (Profile, Vec<Op>)> {
    (any_profile::profile(), prop::collection::vec(op(), 0..80))
}

proptest! {
    #[test]
    fn nothing_that_is_sent_or_called_makes_a_host_panic_or_lose_count((profile, ops) in use_of_it()) {
        live(profile, ops, &mut BTreeSet::new())?;
    }
}

/// Is the property above blind? The same uses every time.
#[test]
fn the_strangest_use_comes_to_every_state() {
    let seen = RefCell::new(BTreeSet::from([StateName::Closed]));
    let mut runner =
        TestRunner::new_with_rng(Config::with_cases(2000), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner.run(&use_of_it(), |(profile, ops)| live(profile, ops, &mut seen.borrow_mut())).unwrap();
    let all = StateName::ALL.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(seen.into_inner(), all);
}
