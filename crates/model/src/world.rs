use core::mem;
use std::sync::Arc;

use timewait_tcp::{Segment, Side, State, StateName};

use crate::{
    Bounds,
    host::{Done, Host, NOW, iss, text_of},
    network::{Flying, Packet},
    old::{self, Free},
    rules::Rules,
};

/// Two hosts and what is between them, at one instant.
///
/// All times are told from now, so that two worlds are equal that differ only in when they came to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The client, which opens.
    pub left: Arc<Host>,
    /// The server, which listens and closes first.
    pub right: Arc<Host>,
    /// What is under way, in an order that means nothing.
    pub flight: Vec<Flying>,
    /// How many more segments may be lost.
    pub losses: u8,
    /// How many more may arrive twice.
    pub repeats: u8,
    /// Whose initial numbers in the next connection could have been any: the left side's, the right side's.
    pub(crate) free: [bool; 2],
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// This segment of those under way arrives.
    Arrive(u8),
    /// It arrives, and stays under way to arrive once more.
    ArriveTwice(u8),
    /// A tick passes; the named sides send again before they must.
    Tick {
        /// Whether the left side and the right side do.
        hasty: [bool; 2],
    },
    /// The next connection between the same two ends is opened.
    OpenNext {
        /// By a SYN whose number is above all that the old connection used.
        newer: bool,
    },
}

/// What an action leads to.
#[derive(Clone, Debug)]
pub struct After {
    /// The world then. Nothing further is asked of it if an old segment was accepted.
    pub world: World,
    /// What went wrong on the way.
    pub wrong: Wrong,
}

/// What can go wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// This side's connection was ended by an RST.
    pub reset: Option<Side>,
    /// A segment of the first connection was accepted in the next one: as it would be numbered there.
    pub accepted: Option<Segment>,
    /// This side has not received exactly what the other one said.
    pub garbled: Option<Side>,
}

impl World {
    /// Both are ESTABLISHED, by a handshake that nothing disturbed; then the users do what they do at once.
    pub fn start(rules: &Rules) -> Self {
        let Bounds { losses, repeats, .. } = rules.bounds;
        let [left, right] = established(1, rules);
        let mut world = Self { left, right, flight: Vec::new(), losses, repeats, free: [true; 2] };
        for side in [Side::Left, Side::Right] {
            let begun = world.host(side).begins(side, rules);
            world = world.done(side, 1, begun).world;
        }
        world
    }

    /// A side.
    pub fn host(&self, side: Side) -> &Host {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    fn put(&mut self, side: Side, host: Host) {
        match side {
            Side::Left => self.left = Arc::new(host),
            Side::Right => self.right = Arc::new(host),
        }
    }

    /// Everything that can happen, always in the same order. Nothing: it is at rest.
    pub fn actions(&self, rules: &Rules) -> Vec<Action> {
        if self.is_past() {
            return Vec::new();
        }
        let mut actions = Vec::new();
        for (index, flying) in (0..).zip(&self.flight) {
            let is_same = index > 0 && self.flight.get(usize::from(index) - 1) == Some(flying);
            if !is_same {
                actions.push(Action::Arrive(index));
                if self.repeats > 0 && !flying.copy {
                    actions.push(Action::ArriveTwice(index));
                }
            }
        }
        self.openings(rules, &mut actions);
        self.ticks(rules, &mut actions);
        actions
    }

    /// The first connection has ended on either side, and nothing of it is under way: from here on, nothing old is left.
    fn is_past(&self) -> bool {
        let is_over = |host: &Host| host.connection == 2 || host.is(StateName::Closed);
        is_over(&self.left) && is_over(&self.right) && self.flight.iter().all(|it| it.packet.connection == 2)
    }

    /// Whether it may rest as it is: nothing is left to be done.
    pub fn is_end(&self) -> bool {
        self.is_past()
    }

    fn openings(&self, rules: &Rules, actions: &mut Vec<Action>) {
        if self.left.connection != 1 || !self.left.is(StateName::Closed) {
            return;
        }
        if self.right.is(StateName::Closed) {
            actions.push(Action::OpenNext { newer: false });
        } else if rules.bounds.reopen_on_newer_syn && self.right.is(StateName::TimeWait) {
            actions.extend([Action::OpenNext { newer: true }, Action::OpenNext { newer: false }]);
        }
    }

    fn ticks(&self, rules: &Rules, actions: &mut Vec<Action>) {
        let dying = self.flight.iter().filter(|it| it.age >= rules.bounds.msl && !it.copy).count();
        let waits = |host: &Host| host.is(StateName::TimeWait) || host.may_send_again(rules);
        let is_idle = self.flight.is_empty() && !waits(&self.left) && !waits(&self.right);
        if dying > usize::from(self.losses) || is_idle {
            return;
        }
        let may_hurry = |host: &Host| {
            let at = host.state.next_timer();
            host.may_send_again(rules) && at.is_some_and(|at| at > NOW + crate::bounds::TICK)
        };
        let choices = |host: &Host| if may_hurry(host) { &[false, true][..] } else { &[false] };
        for &left in choices(&self.left) {
            for &right in choices(&self.right) {
                actions.push(Action::Tick { hasty: [left, right] });
            }
        }
    }

    /// What this action leads to.
    pub fn after(&self, action: Action, rules: &Rules) -> After {
        match action {
            Action::Arrive(index) | Action::ArriveTwice(index) => {
                let mut rest = self.clone();
                let mut flying = rest.flight.remove(index.into());
                let packet = Arc::clone(&flying.packet);
                if matches!(action, Action::ArriveTwice(_)) {
                    flying.copy = true;
                    rest.repeats -= 1;
                    rest.flight.push(flying);
                }
                rest.arrives(&packet, rules)
            }
            Action::Tick { hasty } => self.clone().passes(hasty, rules),
            Action::OpenNext { newer } => self.clone().opens_next(newer, rules),
        }
    }

    fn arrives(mut self, packet: &Packet, rules: &Rules) -> After {
        let side = !packet.from;
        let host = self.host(side);
        let free = Free { sender: self.is_free(packet.from), receiver: self.is_free(side) };
        let is_old = packet.connection < host.connection;
        if is_old
            && !old::is_for_a_listener(&host.state, &packet.segment)
            && let Some(moved) = old::lets_in(&host.state, &packet.segment, free, &rules.profile)
        {
            return After { world: self, wrong: Wrong { accepted: Some(moved), ..Wrong::default() } };
        }
        let was = host.state.name();
        let segment = packet.segment.clone();
        let mut done =
            host.goes(side, rules, |state, profile| state.on_segment_with_listener(segment, NOW, profile));
        let is = done.host.state.name();
        let answers_for = match (was, is) {
            // Whoever has no connection answers in the other's name.
            (StateName::Closed, _) | (StateName::Listen, StateName::Listen) => packet.connection,
            (StateName::TimeWait, StateName::SynReceived) => {
                self.set_free(side, false);
                done.host = Host { connection: 2, received: Vec::new(), ..done.host };
                2
            }
            (StateName::SynReceived, StateName::TimeWait) => {
                done.host.connection = 1;
                1
            }
            _ => done.host.connection,
        };
        self.done(side, answers_for, done)
    }

    fn done(mut self, side: Side, connection: u8, done: Done) -> After {
        let Done { host, sent, reset } = done;
        let first = host.connection == 1;
        let told = &host.received;
        let all = text_of(!side);
        let ended = host.is(StateName::TimeWait) || host.is(StateName::Closed);
        let is_garbled = first && !(all.starts_with(told) && (!ended || reset || told == all));
        let wrong = Wrong {
            reset: (reset && first).then_some(side),
            garbled: is_garbled.then_some(side),
            accepted: None,
        };
        self.put(side, host);
        self.send(side, connection, sent);
        self.flight.sort();
        After { world: self, wrong }
    }

    fn send(&mut self, from: Side, connection: u8, sent: Vec<Segment>) {
        self.flight.extend(sent.into_iter().map(|segment| Flying {
            age: 0,
            copy: false,
            packet: Arc::new(Packet { from, connection, segment }),
        }));
    }

    /// The end of an instant and the beginning of the next: segments that are MSL old die, waits that are over end,
    /// everything is a tick older, and what is due is sent again.
    fn passes(mut self, hasty: [bool; 2], rules: &Rules) -> After {
        let before = self.flight.iter().filter(|it| !it.copy).count();
        self.flight.retain(|flying| flying.age < rules.bounds.msl);
        let lost = before - self.flight.iter().filter(|it| !it.copy).count();
        self.losses -= u8::try_from(lost).unwrap_or(self.losses);
        for flying in &mut self.flight {
            flying.age += 1;
        }
        for (side, hasty) in [Side::Left, Side::Right].into_iter().zip(hasty) {
            if self.host(side).has_waited() {
                let ended = self.host(side).goes(side, rules, |state, profile| state.on_timer(NOW, profile));
                self.put(side, ended.host);
                self.listen_again(side);
            }
            let older = self.host(side).older();
            let is_due = older.state.next_timer().is_some_and(|at| at <= NOW);
            let again = older.may_send_again(rules) && (is_due || hasty);
            if again {
                let Done { host, sent, .. } = older.sends_again(side, rules);
                let connection = host.connection;
                self.put(side, host);
                self.send(side, connection, sent);
            } else {
                self.put(side, older);
            }
        }
        self.flight.sort();
        After { world: self, wrong: Wrong::default() }
    }

    /// The server's wait has ended, and the client has been trying again for some time: somebody listens.
    fn listen_again(&mut self, side: Side) {
        if self.host(!side).connection == 2 {
            self.put(side, Host::new(State::Closed.listen(iss(side, 2)).next, 2));
        }
    }

    /// Into the other side's TIME-WAIT with a SYN; where neither side has anything left, by an undisturbed handshake.
    fn opens_next(mut self, newer: bool, rules: &Rules) -> After {
        if self.right.is(StateName::Closed) {
            [self.left, self.right] = established(2, rules);
            return After { world: self, wrong: Wrong::default() };
        }
        self.set_free(Side::Left, !newer);
        let iss = if newer { iss(Side::Left, 2) } else { iss(Side::Left, 1) - 50 };
        let opened = State::Closed.open(iss, NOW, &rules.profile);
        self.put(Side::Left, Host::new(opened.next, 2));
        self.send(Side::Left, 2, opened.send);
        self.flight.sort();
        After { world: self, wrong: Wrong::default() }
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

/// Both sides of a connection, by a handshake that nothing disturbed.
fn established(connection: u8, rules: &Rules) -> [Arc<Host>; 2] {
    let mut left = State::Closed.open(iss(Side::Left, connection), NOW, &rules.profile);
    let mut right = State::Closed.listen(iss(Side::Right, connection));
    let mut to_right = mem::take(&mut left.send);
    while let Some(segment) = to_right.pop() {
        right = right.next.on_segment(segment, NOW, &rules.profile);
        for segment in mem::take(&mut right.send) {
            left = left.next.on_segment(segment, NOW, &rules.profile);
            to_right.append(&mut left.send);
        }
    }
    [left.next, right.next].map(|state| Arc::new(Host::new(state, connection)))
}
