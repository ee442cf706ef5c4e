//! What the model takes for granted when it tries an old segment at every place instead of every initial number: the machine
//! does not know where the circles of numbers are cut.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use proptest::prelude::*;
use timewait_tcp::{
    Flags, Instant, Options, Profile, Segment, Seq, State, StateName, Step, Timestamps, profile::InWindow,
};

/// What happens to a connection, its numbers told from the initial ones: ours for an ACK, the peer's for the segment.
#[derive(Clone, Debug)]
enum Happens {
    Segment { seq: i8, ack: Option<i8>, flags: u8, window: u16, stamp: Option<u32>, text: Vec<u8> },
    Say(Vec<u8>),
    Read,
    Close,
    Timer,
    Later(u8),
}

fn happens() -> impl Strategy<Value = Happens> {
    let text = || prop::collection::vec(any::<u8>(), 0..4);
    // Few segments have a SYN or an RST, so that connections get old.
    let flags = prop_oneof![6 => Just(0), 3 => Just(0x01), 1 => any::<u8>()];
    let ack = prop_oneof![9 => (-3..12_i8).prop_map(Some), 1 => Just(None)];
    let segment = (-4..12_i8, ack, flags, 0..9_u16, prop::option::weighted(0.2, 0..9_u32), text()).prop_map(
        |(seq, ack, flags, window, stamp, text)| Happens::Segment { seq, ack, flags, window, stamp, text },
    );
    prop_oneof![
        8 => segment,
        2 => text().prop_map(Happens::Say),
        1 => Just(Happens::Read),
        1 => Just(Happens::Close),
        2 => Just(Happens::Timer),
        1 => any::<u8>().prop_map(Happens::Later),
    ]
}

fn moved(seq: Seq, by: i8) -> Seq {
    seq + i32::from(by).cast_unsigned()
}

/// One of two connections that differ in their initial numbers alone.
struct Connection {
    /// Ours, and the peer's.
    isns: [Seq; 2],
    state: State,
    now: Instant,
}

impl Connection {
    fn open([iss, irs]: [Seq; 2], profile: &Profile) -> Self {
        let opened = State::Closed.open(iss, Instant::START, profile);
        let options = opened.send.first().unwrap().options;
        let syn = Segment { ack: Some(iss + 1), window: 8, options, ..Segment::syn(irs) };
        let state = opened.next.on_segment(syn, Instant::START, profile).next;
        Self { isns: [iss, irs], state, now: Instant::START }
    }

    /// What came of it, its numbers told from the initial ones.
    fn goes(&mut self, what: &Happens, profile: &Profile) -> String {
        let state = std::mem::replace(&mut self.state, State::Closed);
        let step = match what {
            Happens::Segment { .. } => state.on_segment(self.segment(what), self.now, profile),
            Happens::Say(text) => state.send(text, self.now, profile),
            Happens::Read => state.read(2, self.now, profile),
            Happens::Close => state.close(self.now, profile),
            Happens::Timer => {
                self.now = state.next_timer().unwrap_or(self.now).max(self.now);
                state.on_timer(self.now, profile)
            }
            Happens::Later(ms) => {
                self.now = self.now + Duration::from_millis((*ms).into());
                state.on_timer(self.now, profile)
            }
        };
        let said = self.told(&step);
        self.state = step.next;
        said
    }

    fn segment(&self, what: &Happens) -> Segment {
        let Happens::Segment { seq, ack, flags, window, stamp, text } = what else {
            return Segment::default();
        };
        let [iss, irs] = self.isns;
        Segment {
            seq: moved(irs, *seq),
            ack: ack.map(|ack| moved(iss, ack)),
            flags: Flags::from_octet(*flags),
            window: *window,
            options: Options {
                timestamps: stamp.map(|value| Timestamps { value, echo: 0 }),
                ..Options::default()
            },
            text: text.clone(),
        }
    }

    fn told(&self, step: &Step) -> String {
        let [iss, irs] = self.isns;
        let sent = step.send.iter().map(|segment| {
            let ack = segment.ack.map(|ack| ack.since(irs));
            (segment.seq.since(iss), ack, Segment { seq: Seq::new(0), ack: None, ..segment.clone() })
        });
        let numbers = step.next.numbers().map(|numbers| {
            let of =
                [numbers.snd_una().since(iss), numbers.snd_nxt().since(iss), numbers.rcv_nxt().since(irs)];
            (of, numbers.rcv_wnd())
        });
        let sent: Vec<_> = sent.collect();
        let Step { next, events, error, arrows, .. } = step;
        format!(
            "{} {numbers:?} {sent:?} {events:?} {error:?} {arrows:?} {:?}",
            next.name(),
            next.next_timer()
        )
    }
}

fn profiles() -> impl Strategy<Value = Profile> {
    let small = |profile: Profile| Profile { window: 8, send_buffer: 8, ..profile };
    prop_oneof![
        Just(small(Profile::RFC_9293)),
        Just(small(Profile::LINUX)),
        Just(small(Profile { in_window_rst: InWindow::Resets, ..Profile::RFC_9293 })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn other_initial_numbers_change_nothing_but_the_numbers(
        profile in profiles(),
        one in any::<[u32; 2]>(),
        // Also those at which a circle is cut in the middle of it all.
        other in prop_oneof![any::<[u32; 2]>(), [u32::MAX - 9..=u32::MAX, u32::MAX - 9..=u32::MAX]],
        story in prop::collection::vec(happens(), 0..20),
    ) {
        let [mut one, mut other] = [one, other].map(|isns| Connection::open(isns.map(Seq::new), &profile));
        for what in &story {
            prop_assert_eq!(one.goes(what, &profile), other.goes(what, &profile), "{:?}", what);
            // Who has no connection has no numbers, and answers with 0 if it was sent none (RFC 9293 §3.10.7.1).
            if matches!(one.state, State::Closed) {
                break;
            }
        }
    }
}

/// The stories are not all of connections that end at once.
#[test]
fn the_stories_lead_everywhere() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let stories = prop::collection::vec(happens(), 0..20);
    let mut reached: Vec<StateName> = Vec::new();
    for _ in 0..2_000 {
        let mut connection = Connection::open([Seq::new(7), Seq::new(9)], &Profile::RFC_9293);
        for what in stories.new_tree(&mut runner).unwrap().current() {
            connection.goes(&what, &Profile::RFC_9293);
            reached.push(connection.state.name());
        }
    }
    for name in StateName::ALL {
        let expected = !matches!(name, StateName::Listen | StateName::SynSent | StateName::SynReceived);
        assert_eq!(reached.contains(&name), expected, "{name}");
    }
}
