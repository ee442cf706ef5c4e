//! Two machines over a channel that loses, repeats and reorders: every octet arrives once and in order, and both come
//! to an end.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use timewait_tcp::{Event, Instant, Profile, Segment, Seq, State, StateName, Step, profile::RightEdge};

/// What becomes of a segment: after how long each copy of it arrives. No copy: it is lost.
#[derive(Clone, Debug)]
struct Fate(Vec<u16>);

fn fate() -> impl Strategy<Value = Fate> {
    let ms = 20..3000_u16;
    prop_oneof![
        6 => ms.clone().prop_map(|ms| Fate(vec![ms])),
        2 => Just(Fate(vec![])),
        2 => (ms.clone(), ms).prop_map(|(one, two)| Fate(vec![one, two])),
    ]
}

/// One of two hosts: a connection, and its user.
struct Host {
    state: State,
    to_send: Vec<u8>,
    closes: bool,
    reads: bool,
    unread: u32,
    received: Vec<u8>,
    peer_closed: bool,
    failed: Option<Event>,
    profile: Profile,
}

impl Host {
    fn new(state: State, plan: &Plan, profile: &Profile) -> Self {
        Self {
            state,
            to_send: plan.text.clone(),
            closes: true,
            reads: plan.reads,
            unread: 0,
            received: Vec::new(),
            peer_closed: false,
            failed: None,
            profile: profile.clone(),
        }
    }

    fn goes(&mut self, happens: impl FnOnce(State, &Profile) -> Step) -> Vec<Segment> {
        let state = std::mem::replace(&mut self.state, State::Closed);
        let step = happens(state, &self.profile);
        self.state = step.next;
        for event in step.events {
            match event {
                Event::Established => {}
                Event::Received(text) => {
                    self.unread += u32::try_from(text.len()).unwrap();
                    self.received.extend(text);
                }
                Event::PeerClosed => self.peer_closed = true,
                Event::Refused | Event::Reset | Event::TimedOut => self.failed = Some(event),
            }
        }
        step.send
    }

    /// What the user does when it can: writes, reads, and closes when all is written.
    fn user(&mut self, now: Instant) -> Vec<Segment> {
        let mut sent = Vec::new();
        let open = matches!(self.state.name(), StateName::Established | StateName::CloseWait);
        if open && !self.to_send.is_empty() {
            let room = self.state.send_room(&self.profile).unwrap_or(0).min(self.to_send.len());
            let text: Vec<u8> = self.to_send.drain(..room).collect();
            sent.extend(self.goes(|state, profile| state.send(&text, now, profile)));
        }
        if self.reads && self.unread > 0 {
            let unread = std::mem::take(&mut self.unread);
            sent.extend(self.goes(|state, profile| state.read(unread, now, profile)));
        }
        if open && self.to_send.is_empty() && std::mem::take(&mut self.closes) {
            sent.extend(self.goes(|state, profile| state.close(now, profile)));
        }
        sent
    }

    fn is_done(&self) -> bool {
        matches!(self.state.name(), StateName::Closed)
    }
}

#[derive(Clone, Debug)]
struct Plan {
    text: Vec<u8>,
    /// Reads at once, or only while nothing else happens.
    reads: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    (prop::collection::vec(any::<u8>(), 0..40), any::<bool>()).prop_map(|(text, reads)| Plan { text, reads })
}

/// Small windows and segments, so that few octets see all that there is to see.
fn small(window: u32, mss: u16, timestamps: bool, base: Profile) -> Profile {
    Profile {
        window,
        mss,
        default_mss: mss,
        send_buffer: 16,
        timestamps,
        // Such windows, scaled, would be announced as none.
        window_scale: None,
        user_timeout: None,
        retries: None,
        syn_retries: None,
        syn_ack_retries: None,
        retransmission_timeout: Duration::from_secs(1),
        max_timeout: Duration::from_secs(4),
        // The channel loses less than it takes to outlast the wait: 60 segments, one at least every 4 s.
        time_wait: Duration::from_secs(300),
        ..base
    }
}

struct Channel {
    now: Instant,
    /// When, in which order sent, to whom.
    under_way: BTreeSet<(Instant, usize, usize)>,
    segments: Vec<Segment>,
    fates: Vec<Fate>,
}

impl Channel {
    /// Once the fates are used up, everything arrives: a channel that loses for ever lets nothing end.
    fn carry(&mut self, to: usize, sent: Vec<Segment>) {
        for segment in sent {
            let fate = self.fates.get(self.segments.len()).cloned().unwrap_or(Fate(vec![20]));
            for ms in fate.0 {
                let at = self.now + Duration::from_millis(ms.into());
                // A copy a millisecond later counts as another one.
                self.under_way.insert((at, self.segments.len(), to));
            }
            self.segments.push(segment);
        }
    }
}

/// Lets time pass until both have come to an end.
fn run(hosts: &mut [Host; 2], channel: &mut Channel) -> Result<(), TestCaseError> {
    for _ in 0..20_000 {
        for (side, host) in hosts.iter_mut().enumerate() {
            let sent = host.user(channel.now);
            channel.carry(1 - side, sent);
        }
        let arrival = channel.under_way.first().map(|(at, ..)| *at);
        let timers = [0, 1].map(|side| hosts[side].state.next_timer());
        let Some(next) = [arrival, timers[0], timers[1]].into_iter().flatten().min() else {
            // Nothing more will happen by itself: whoever has not read does so now.
            let slow = hosts.iter_mut().find(|host| !host.reads);
            let Some(slow) = slow else { break };
            slow.reads = true;
            continue;
        };
        channel.now = channel.now.max(next);
        if arrival == Some(next) {
            let (_, index, to) = channel.under_way.pop_first().unwrap();
            let segment = channel.segments[index].clone();
            let (now, host) = (channel.now, &mut hosts[to]);
            let sent =
                if host.is_done() { vec![] } else { host.goes(|state, p| state.on_segment(segment, now, p)) };
            channel.carry(1 - to, sent);
        } else {
            let side = usize::from(timers[0] != Some(next));
            let now = channel.now;
            let sent = hosts[side].goes(|state, profile| state.on_timer(now, profile));
            channel.carry(1 - side, sent);
        }
        // A window that stays closed is probed for ever: a reader who never reads is no channel's fault.
        if channel.now > Instant::after_start(Duration::from_secs(600)) {
            for host in hosts.iter_mut() {
                host.reads = true;
            }
        }
        if hosts.iter().all(Host::is_done) {
            return Ok(());
        }
    }
    let names = [0, 1].map(|side| hosts[side].state.name());
    prop_assert!(false, "no end: {names:?} at {:?}", channel.now);
    Ok(())
}

fn check(hosts: &[Host; 2], plans: &[Plan; 2]) -> Result<(), TestCaseError> {
    for side in 0..2 {
        prop_assert_eq!(&hosts[side].failed, &None);
        prop_assert_eq!(&hosts[side].received, &plans[1 - side].text, "side {} got", side);
        prop_assert!(hosts[side].peer_closed);
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_octet_arrives_once_and_in_order_and_both_come_to_an_end(
        plans in [plan(), plan()],
        fates in prop::collection::vec(fate(), 0..60),
        isns in [any::<u32>(), any::<u32>()],
        window in 1..24_u32,
        mss in 1..9_u16,
        timestamps: bool,
        at_once: bool,
        linux: bool,
    ) {
        let base = if linux { Profile::LINUX } else { Profile::RFC_9293 };
        let profile = small(window, mss, timestamps, base);
        let mut channel = Channel { now: Instant::START, under_way: BTreeSet::new(), segments: vec![], fates };
        let [left, right] = isns.map(Seq::new);
        let opened = State::Closed.open(left, channel.now, &profile);
        channel.carry(1, opened.send);
        let other = if at_once {
            let opened = State::Closed.open(right, channel.now, &profile);
            channel.carry(0, opened.send);
            opened.next
        } else {
            State::Closed.listen(right).next
        };
        let mut hosts =
            [Host::new(opened.next, &plans[0], &profile), Host::new(other, &plans[1], &profile)];
        run(&mut hosts, &mut channel)?;
        check(&hosts, &plans)?;
    }
}

/// RFC 9293 appendix A.2, found by the property above: with Table 6 alone, two that have filled each other's window
/// and lost their ACKs refuse each other's segments for ever. What comes again is old, and an empty one is too new.
#[test]
fn by_table_6_alone_two_that_have_filled_their_windows_and_lost_the_acks_never_hear_each_other() {
    for (right_edge, ends) in
        [(RightEdge::Outside, false), (RightEdge::ReadIfFull, true), (RightEdge::Inside, true)]
    {
        let profile = Profile { right_edge, ..small(2, 1, false, Profile::RFC_9293) };
        let hosts =
            [Seq::new(100), Seq::new(200)].map(|iss| State::Closed.open(iss, Instant::START, &profile));
        let crossed = cross(hosts, Instant::START, &profile);
        let open = cross(crossed, Instant::START, &profile);
        let sent = open.map(|step| step.next.send(b"ab", Instant::START, &profile));
        // Of each two, the first arrives and the second is lost; and so are the ACKs.
        let first = sent.map(|step| Step { send: step.send.into_iter().take(1).collect(), ..step });
        let mut hosts = cross(first, Instant::START, &profile).map(|step| Step { send: vec![], ..step });
        for _ in 0..40 {
            let now = hosts[0].next.next_timer().unwrap_or_default();
            hosts = hosts.map(|step| step.next.on_timer(now, &profile));
            for _ in 0..5 {
                hosts = cross(hosts, now, &profile);
            }
        }
        let heard = hosts.iter().all(|step| step.next.outbox().is_some_and(|it| it.unacknowledged() == 0));
        assert_eq!(heard, ends);
    }
}

/// What each has sent reaches the other.
fn cross(steps: [Step; 2], now: Instant, profile: &Profile) -> [Step; 2] {
    let [one, other] = steps;
    let hear = |state: State, segments: Vec<Segment>| {
        let start = Step { next: state, send: vec![], events: vec![], arrows: vec![], error: None };
        segments.into_iter().fold(start, |step, segment| {
            let mut next = step.next.on_segment(segment, now, profile);
            next.send.splice(0..0, step.send);
            next
        })
    };
    [hear(one.next, other.send), hear(other.next, one.send)]
}
