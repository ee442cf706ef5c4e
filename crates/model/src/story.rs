//! A way through worlds, told as what was seen.

use core::time::Duration;

use timewait_tcp::{Fate, Row, Seen, Seq, Side, StateName, Trace};

use crate::{
    host::{Host, NOW, iss},
    network::{Flying, Packet},
    opening::shake_hands,
    rules::Rules,
    search::Question,
    words,
    world::{Accepted, Action, World},
};

/// What is seen on this way, which ends where the answer is no.
pub(crate) fn tell(way: &[Action], question: Question, rules: &Rules) -> Trace {
    let numbers = fitting(way, rules);
    let mut teller = Teller { rules, rows: Vec::new(), told: Vec::new(), tick: 0, numbers, next: None };
    let mut world = World::start(rules);
    teller.begin(&world);
    for &action in way {
        world = teller.step(&world, action);
    }
    Trace {
        title: words::title(rules.wait, question),
        left: "client".into(),
        right: "server".into(),
        tick: Some("tick".into()),
        rows: teller.rows,
    }
}

/// The initial numbers of the next connection by which the old segment gets in that the way ends with.
fn fitting(way: &[Action], rules: &Rules) -> [Seq; 2] {
    let usual = [Side::Left, Side::Right].map(|side| iss(side, 2));
    let mut world = World::start(rules);
    for &action in way {
        let after = world.after(action, rules);
        if let (Some(Accepted { moved, .. }), Action::Arrive(index) | Action::ArriveTwice(index)) =
            (after.wrong.accepted, action)
            && let Some(flying) = world.flight.get(usize::from(index))
        {
            let Packet { from, segment, .. } = &*flying.packet;
            let sender = segment.seq.since(moved.seq);
            let receiver = segment.ack.zip(moved.ack).map_or(0, |(old, moved)| old.since(moved));
            let [left, right] = usual;
            return match from {
                Side::Left => [left + sender, right + receiver],
                Side::Right => [left + receiver, right + sender],
            };
        }
        world = after.world;
    }
    usual
}

struct Teller<'a> {
    rules: &'a Rules,
    rows: Vec<Row>,
    /// What is under way, and in which row it was sent.
    told: Vec<(Flying, usize)>,
    tick: u64,
    /// The next connection's initial numbers.
    numbers: [Seq; 2],
    /// The next connection with these numbers, once it is open.
    next: Option<[Host; 2]>,
}

impl Teller<'_> {
    fn begin(&mut self, world: &World) {
        let first = if self.rules.bounds.handshake {
            [StateName::SynSent, StateName::Listen]
        } else {
            [StateName::Established; 2]
        };
        for (side, name) in [Side::Left, Side::Right].into_iter().zip(first) {
            self.state(side, 1, name);
        }
        for (side, first) in [Side::Left, Side::Right].into_iter().zip(first) {
            let name = world.host(side).state.name();
            if name != first {
                self.state(side, 1, name);
            }
            self.sent(world.flight.iter().filter(|flying| flying.packet.from == side));
        }
    }

    fn push(&mut self, seen: Seen) {
        self.rows.push(Row { at: Duration::from_secs(self.tick), seen });
    }

    fn state(&mut self, side: Side, connection: u8, state: StateName) {
        self.push(Seen::State { side, connection: connection.into(), state });
    }

    fn segment(&mut self, packet: &Packet, fate: Fate, note: &str) {
        let Packet { from, connection, segment, .. } = packet.clone();
        self.push(Seen::Segment { from, connection: connection.into(), segment, fate, note: note.into() });
    }

    /// What was sent is told as held until it is known what became of it.
    fn sent<'f>(&mut self, flight: impl Iterator<Item = &'f Flying>) {
        for flying in flight {
            self.told.push((flying.clone(), self.rows.len()));
            self.segment(&flying.packet, Fate::Held, "");
        }
    }

    /// Tells an action; the world after it.
    fn step(&mut self, before: &World, action: Action) -> World {
        let after = before.after(action, self.rules);
        match action {
            Action::Arrive(index) | Action::ArriveTwice(index) => {
                let twice = matches!(action, Action::ArriveTwice(_));
                if let Some(flying) = before.flight.get(usize::from(index)) {
                    self.arrives(flying, twice, after.wrong.accepted.is_some());
                }
                self.changes(before, &after.world);
            }
            Action::Tick { .. } => self.passes(before, &after.world),
            Action::OpenNext { .. } if before.right.is(StateName::Closed) => self.opens(),
            Action::OpenNext { .. } => self.changes(before, &after.world),
        }
        after.world
    }

    fn arrives(&mut self, flying: &Flying, twice: bool, accepted: bool) {
        let place = self.told.iter().position(|(told, _)| told == flying);
        let Some((_, row)) = place.map(|place| self.told.remove(place)) else { return };
        let now = Duration::from_secs(self.tick);
        let is_of_now = self.rows.get(row).is_some_and(|row| row.at == now);
        let fate = match () {
            () if flying.copy => Fate::Repeated,
            // Sent and arrived at the same instant: told once, where it arrives.
            () if is_of_now => Fate::Delivered,
            () => Fate::Released,
        };
        if is_of_now && !flying.copy {
            self.forget(row);
        }
        let note =
            if accepted { words::accepted(flying.packet.from_nobody, self.next.is_some()) } else { "" };
        self.segment(&flying.packet, fate, note);
        if accepted {
            self.harm(&flying.packet);
        }
        if twice {
            self.told.push((Flying { copy: true, ..flying.clone() }, self.rows.len() - 1));
        }
    }

    /// What the old segment, as it is, does to the next connection.
    fn harm(&mut self, Packet { from, segment, .. }: &Packet) {
        let side = !*from;
        let Some([left, right]) = self.next.take() else { return };
        let host = if side == Side::Left { left } else { right };
        let old = segment.clone();
        let done = host.goes(side, self.rules, |state, profile| state.on_segment(old, NOW, profile));
        if done.host.state.name() != host.state.name() {
            self.state(side, 2, done.host.state.name());
        }
        if !done.host.received.is_empty() {
            let text = words::reads(&done.host.received);
            self.push(Seen::Note { side: Some(side), text });
        }
    }

    fn forget(&mut self, row: usize) {
        self.rows.remove(row);
        for (_, told) in &mut self.told {
            if *told > row {
                *told -= 1;
            }
        }
    }

    /// What is different on either side, and what was sent.
    fn changes(&mut self, before: &World, after: &World) {
        for side in [Side::Left, Side::Right] {
            let (was, is) = (before.host(side), after.host(side));
            if was.state.name() != is.state.name() {
                self.state(side, is.connection, is.state.name());
            }
        }
        let mut known: Vec<&Flying> = before.flight.iter().filter(|flying| flying.age == 0).collect();
        let new = after.flight.iter().filter(|flying| flying.age == 0 && !flying.copy);
        let new = new.filter(|flying| {
            let place = known.iter().position(|known| known == flying);
            place.map(|place| known.remove(place)).is_none()
        });
        let new: Vec<&Flying> = new.collect();
        self.sent(new.into_iter());
    }

    fn passes(&mut self, before: &World, after: &World) {
        let msl = self.rules.bounds.msl;
        let (dead, alive): (Vec<_>, Vec<_>) = self.told.drain(..).partition(|(flying, _)| flying.age >= msl);
        self.told = alive.into_iter().map(|(flying, row)| (flying.older(), row)).collect();
        for (flying, row) in dead {
            if let Some(Row { seen: Seen::Segment { fate, .. }, .. }) = self.rows.get_mut(row)
                && !flying.copy
            {
                *fate = Fate::Lost;
            }
        }
        for side in [Side::Left, Side::Right] {
            let waited = before.host(side).has_waited();
            if waited {
                self.state(side, before.host(side).connection, StateName::Closed);
            }
        }
        self.tick += 1;
        for side in [Side::Left, Side::Right] {
            let new = after.flight.iter().filter(|flying| flying.age == 0 && flying.packet.from == side);
            self.sent(new);
        }
    }

    /// The next connection is opened, with the numbers by which the old segment gets in.
    fn opens(&mut self) {
        let (opened, seen) = shake_hands(self.numbers, self.rules);
        self.next = Some(opened.map(|state| Host::new(state, 2)));
        let states = [
            vec![(Side::Left, StateName::SynSent)],
            vec![(Side::Right, StateName::SynReceived)],
            vec![(Side::Left, StateName::Established)],
            vec![(Side::Right, StateName::Established)],
        ];
        let mut states = states.into_iter();
        let mut tell = |teller: &mut Self| {
            for (side, state) in states.next().unwrap_or_default() {
                teller.state(side, 2, state);
            }
        };
        tell(self);
        for (from, segment) in seen {
            self.segment(&Packet { from, connection: 2, from_nobody: false, segment }, Fate::Delivered, "");
            tell(self);
        }
    }
}
