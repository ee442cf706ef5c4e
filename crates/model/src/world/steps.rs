//! What an action does.

use std::sync::Arc;

use timewait_tcp::{Side, State, StateName};

use super::{Accepted, Action, After, World, Wrong};
use crate::{
    host::{Done, Host, NOW, iss, text_of},
    network::{Flying, Packet},
    old::{self, Free},
    opening::established,
    rules::Rules,
};

impl World {
    /// What this action leads to. One that is not among [`actions`](Self::actions) leads nowhere.
    pub fn after(&self, action: Action, rules: &Rules) -> After {
        let mut world = self.clone();
        match action {
            Action::Arrive(index) => match world.take(index) {
                Some(flying) => world.arrives(&flying.packet, rules),
                None => world.unharmed(),
            },
            Action::ArriveTwice(index) => match world.take(index) {
                Some(flying) => {
                    let packet = Arc::clone(&flying.packet);
                    world.repeats = world.repeats.saturating_sub(1);
                    world.flight.push(Flying { copy: true, ..flying });
                    world.arrives(&packet, rules)
                }
                None => world.unharmed(),
            },
            Action::Tick { hasty } => world.passes(hasty, rules),
            Action::OpenNext { newer } => world.opens_next(newer, rules),
        }
    }

    fn take(&mut self, index: u8) -> Option<Flying> {
        let index = usize::from(index);
        (index < self.flight.len()).then(|| self.flight.remove(index))
    }

    const fn unharmed(self) -> After {
        After { world: self, wrong: Wrong { reset: None, accepted: None, garbled: None } }
    }

    fn arrives(mut self, packet: &Packet, rules: &Rules) -> After {
        let side = !packet.from;
        let host = self.host(side);
        let free = Free { sender: self.is_free(packet.from), receiver: self.is_free(side) };
        if packet.connection < host.connection
            && let Some(moved) = old::lets_in(&host.state, &packet.segment, free, &rules.profile)
        {
            let accepted = Some(Accepted { moved, from_nobody: packet.from_nobody });
            return After { world: self, wrong: Wrong { accepted, ..Wrong::default() } };
        }
        let was = host.state.name();
        let segment = packet.segment.clone();
        let mut done =
            host.goes(side, rules, |state, profile| state.on_segment_with_listener(segment, NOW, profile));
        match (was, done.host.state.name()) {
            (StateName::Closed, _) | (StateName::Listen, StateName::Listen) => {
                return self.answers_for_nobody(side, packet.connection, done);
            }
            (StateName::TimeWait, StateName::SynReceived) => {
                // Its own numbers begin where the old connection's ended (RFC 9293 §3.6.1).
                self.set_free(side, false);
                done.host = Host { connection: 2, received: Vec::new(), ..done.host };
            }
            (StateName::SynReceived, StateName::TimeWait) => done.host.connection = 1,
            _ => {}
        }
        let connection = done.host.connection;
        self.done(side, connection, done)
    }

    /// Whoever has no connection answers in the other's name.
    fn answers_for_nobody(mut self, from: Side, connection: u8, done: Done) -> After {
        self.put(from, done.host);
        let packets =
            done.sent.into_iter().map(|segment| Packet { from, connection, from_nobody: true, segment });
        self.send(packets);
        self.unharmed()
    }

    pub(super) fn done(mut self, side: Side, connection: u8, done: Done) -> After {
        let Done { host, sent, reset } = done;
        let (told, all) = (&host.received, text_of(!side));
        let has_ended = host.is(StateName::TimeWait) || host.is(StateName::Closed);
        let is_whole = all.starts_with(told) && (!has_ended || reset || told == all);
        let is_first = host.connection == 1;
        let wrong = Wrong {
            reset: (reset && is_first).then_some(side),
            garbled: (!is_whole && is_first).then_some(side),
            accepted: None,
        };
        self.put(side, host);
        self.send(sent.into_iter().map(|segment| Packet {
            from: side,
            connection,
            from_nobody: false,
            segment,
        }));
        After { world: self, wrong }
    }

    pub(super) fn send(&mut self, packets: impl Iterator<Item = Packet>) {
        self.flight.extend(packets.map(|packet| Flying { age: 0, copy: false, packet: Arc::new(packet) }));
        self.flight.sort();
    }

    /// The end of an instant and the beginning of the next: segments that are MSL old die, waits that are over end,
    /// everything is a tick older, and what is due is sent again.
    fn passes(mut self, hasty: [bool; 2], rules: &Rules) -> After {
        let originals = |flight: &[Flying]| flight.iter().filter(|flying| !flying.copy).count();
        let before = originals(&self.flight);
        self.flight.retain(|flying| flying.age < rules.bounds.msl);
        let lost = before - originals(&self.flight);
        self.losses = self.losses.saturating_sub(u8::try_from(lost).unwrap_or(u8::MAX));
        self.flight = self.flight.iter().map(Flying::older).collect();
        self.flight.sort();
        for (side, hasty) in [Side::Left, Side::Right].into_iter().zip(hasty) {
            if self.host(side).has_waited() {
                self.stops_waiting(side, rules);
            }
            let older = self.host(side).older();
            let is_due = older.state.next_timer().is_some_and(|at| at <= NOW);
            if older.may_send_again(rules) && (is_due || hasty) {
                let again = older.sends_again(side, rules);
                let connection = again.host.connection;
                self = self.done(side, connection, again).world;
            } else {
                self.put(side, older);
            }
        }
        self.unharmed()
    }

    /// If the client is trying to open the next connection already, somebody listens from now on.
    fn stops_waiting(&mut self, side: Side, rules: &Rules) {
        if self.host(!side).connection == 2 {
            self.put(side, Host::new(State::Closed.listen(iss(side, 2)).next, 2));
        } else {
            let ended = self.host(side).goes(side, rules, |state, profile| state.on_timer(NOW, profile));
            self.put(side, ended.host);
        }
    }

    /// Where neither side has anything left, by a handshake that nothing disturbs; else with a SYN into TIME-WAIT.
    fn opens_next(mut self, newer: bool, rules: &Rules) -> After {
        if self.right.is(StateName::Closed) {
            [self.left, self.right] = established(2, rules);
            return self.unharmed();
        }
        // Numbers that are newer are far above: nothing old fits them. All others could be any.
        self.set_free(Side::Left, !newer);
        let number = if newer { iss(Side::Left, 2) } else { iss(Side::Left, 1) - BELOW };
        let opened = State::Closed.open(number, NOW, &rules.profile);
        self.put(Side::Left, Host::new(opened.next, 2));
        let syn = |segment| Packet { from: Side::Left, connection: 2, from_nobody: false, segment };
        self.send(opened.send.into_iter().map(syn));
        self.unharmed()
    }

    fn put(&mut self, side: Side, host: Host) {
        match side {
            Side::Left => self.left = Arc::new(host),
            Side::Right => self.right = Arc::new(host),
        }
    }

    const fn is_free(&self, side: Side) -> bool {
        let [left, right] = self.free;
        match side {
            Side::Left => left,
            Side::Right => right,
        }
    }

    const fn set_free(&mut self, side: Side, free: bool) {
        let [left, right] = &mut self.free;
        match side {
            Side::Left => *left = free,
            Side::Right => *right = free,
        }
    }
}

/// How far below the old connection's numbers those of a SYN begin that is not newer.
const BELOW: u32 = 50;
