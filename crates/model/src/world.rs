mod steps;

use std::sync::Arc;

use timewait_tcp::{Segment, Side, StateName};

use crate::{
    bounds::TICK,
    host::{Host, NOW},
    network::{Flying, Packet},
    opening::{begun, established},
    rules::Rules,
};

/// Two hosts and what is between them, at one instant.
///
/// All times are told from now, so that two worlds are equal that differ only in when they came to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The client, which opens.
    pub left: Arc<Host>,
    /// The server, which closes first.
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
    /// This one of the segments under way arrives.
    Arrive(u8),
    /// It arrives, and stays under way to arrive once more.
    ArriveTwice(u8),
    /// A tick passes; some send again before they must.
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
    /// The world then. If an old segment was accepted, nothing further is asked of it.
    pub world: World,
    /// What went wrong on the way.
    pub wrong: Wrong,
}

/// What can go wrong in a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// The first connection was ended on this side by an RST.
    pub reset: Option<Side>,
    /// An old segment was accepted in the next connection.
    pub accepted: Option<Accepted>,
    /// This side has not received exactly what the other one said.
    pub garbled: Option<Side>,
}

/// An old segment that the next connection accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// With the numbers by which it gets in, where the next connection's are as they are in this world.
    pub moved: Segment,
    /// It is an RST that a closed end sent.
    pub from_nobody: bool,
}

impl World {
    /// Both are ESTABLISHED, by a handshake that nothing disturbed, and the users do what they do at once; or the first
    /// SYN is under way ([`Bounds::handshake`](crate::Bounds::handshake)).
    pub fn start(rules: &Rules) -> Self {
        let ([left, right], syn) =
            if rules.bounds.handshake { begun(rules) } else { (established(1, rules), Vec::new()) };
        let (losses, repeats) = (rules.bounds.losses, rules.bounds.repeats);
        let mut world = Self { left, right, flight: Vec::new(), losses, repeats, free: [true; 2] };
        world.send(syn.into_iter().map(|segment| Packet {
            from: Side::Left,
            connection: 1,
            from_nobody: false,
            segment,
        }));
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

    /// Whether it may rest as it is: the first connection has ended on either side, and nothing of it is under way.
    pub fn is_end(&self) -> bool {
        let is_over = |host: &Host| host.connection == 2 || host.is(StateName::Closed);
        is_over(&self.left)
            && is_over(&self.right)
            && self.flight.iter().all(|flying| flying.packet.connection == 2)
    }

    /// Everything that can happen, always in the same order. Nothing: it is at rest.
    ///
    /// What is lost is not taken away at once: whatever could be lost could as well arrive until it is too old.
    pub fn actions(&self, rules: &Rules) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.is_end() {
            return actions;
        }
        let mut before = None;
        for (index, flying) in (0..).zip(&self.flight) {
            if before != Some(flying) {
                actions.push(Action::Arrive(index));
                if self.repeats > 0 && !flying.copy {
                    actions.push(Action::ArriveTwice(index));
                }
            }
            before = Some(flying);
        }
        self.openings(rules, &mut actions);
        self.ticks(rules, &mut actions);
        actions
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

    /// Time passes unless more would die than may be lost; each side that waits for an ACK may send again early.
    fn ticks(&self, rules: &Rules, actions: &mut Vec<Action>) {
        let dying = self.flight.iter().filter(|flying| flying.age >= rules.bounds.msl && !flying.copy);
        let waits = |host: &Host| host.is(StateName::TimeWait) || host.may_send_again(rules);
        let is_idle = self.flight.is_empty() && !waits(&self.left) && !waits(&self.right);
        if dying.count() > usize::from(self.losses) || is_idle {
            return;
        }
        let choices = |host: &Host| {
            let is_due_later = host.state.next_timer().is_some_and(|at| at > NOW + TICK);
            if is_due_later && host.may_send_again(rules) { &[false, true][..] } else { &[false] }
        };
        for &left in choices(&self.left) {
            for &right in choices(&self.right) {
                actions.push(Action::Tick { hasty: [left, right] });
            }
        }
    }
}
