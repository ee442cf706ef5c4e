use timewait_tcp::{Arrow, Event, Instant, On, Profile, Seq, Side, State, StateName, Step};

use crate::{bounds::TICK, rules::Rules};

/// A side: its connection, and what its user has read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// The machine.
    pub state: State,
    /// Which connection between these two ends it is of: 1, or 2 for the next.
    pub connection: u8,
    /// What the user has received in it.
    pub received: Vec<u8>,
}

/// What became of a host, and what it sent.
pub(crate) struct Done {
    pub(crate) host: Host,
    pub(crate) sent: Vec<timewait_tcp::Segment>,
    /// An RST has ended it.
    pub(crate) reset: bool,
}

/// In a world, it is always now.
pub(crate) const NOW: Instant = Instant::START;

impl Host {
    pub(crate) const fn new(state: State, connection: u8) -> Self {
        Self { state, connection, received: Vec::new() }
    }

    /// Something happens to it; then its user does what is to be done.
    pub(crate) fn goes(
        &self,
        side: Side,
        rules: &Rules,
        happens: impl FnOnce(State, &Profile) -> Step,
    ) -> Done {
        let mut host = self.clone();
        let mut sent = Vec::new();
        let mut reset = false;
        let mut step = happens(self.state.clone(), &rules.profile);
        loop {
            // In TIME-WAIT it has ended already: both sides have said and heard everything.
            let ends_it = |arrow: &&Arrow| arrow.on == On::Rst && arrow.to == StateName::Closed;
            reset |= !host.is(StateName::TimeWait) && step.arrows.iter().any(ends_it);
            sent.append(&mut step.send);
            for event in step.events {
                if let Event::Received(text) = event {
                    host.received.extend(text);
                }
            }
            host.state = step.next;
            let Some(next) = host.user(side, rules) else { break };
            step = next;
        }
        Done { host, sent, reset }
    }

    /// Its user does what there is to be done at first.
    pub(crate) fn begins(&self, side: Side, rules: &Rules) -> Done {
        self.goes(side, rules, |state, _| Step {
            next: state,
            send: vec![],
            events: vec![],
            arrows: vec![],
            error: None,
        })
    }

    /// The user of the first connection says what it has to say and closes, as soon as it may. The next connection's
    /// only opens.
    fn user(&self, side: Side, rules: &Rules) -> Option<Step> {
        let may = match self.state.name() {
            StateName::Established => side == Side::Right || rules.bounds.both_close,
            StateName::CloseWait => true,
            StateName::Closed
            | StateName::Listen
            | StateName::SynSent
            | StateName::SynReceived
            | StateName::FinWait1
            | StateName::FinWait2
            | StateName::Closing
            | StateName::LastAck
            | StateName::TimeWait => false,
        };
        if !may || self.connection != 1 {
            return None;
        }
        let Rules { bounds, profile, .. } = rules;
        if !bounds.text_apart {
            return Some(self.state.clone().send_last(text_of(side), NOW, profile));
        }
        let mut said = self.state.clone().send(text_of(side), NOW, profile);
        let closed = said.next.close(NOW, profile);
        said.send.extend(closed.send);
        said.events.extend(closed.events);
        said.arrows.extend(closed.arrows);
        Some(Step { next: closed.next, ..said })
    }

    /// Whether something waits for its ACK and may be sent again. In the next connection all is sent once.
    pub(crate) fn may_send_again(&self, rules: &Rules) -> bool {
        self.connection == 1
            && self
                .state
                .outbox()
                .is_some_and(|outbox| outbox.retransmissions() < rules.bounds.retransmissions)
            && self.state.next_timer().is_some()
    }

    /// Whether its wait has lasted as long as it is to last.
    pub(crate) fn has_waited(&self) -> bool {
        self.state.time_wait_until().is_some_and(|at| at <= NOW)
    }

    /// The same a tick later.
    pub(crate) fn older(&self) -> Self {
        Self { state: self.state.clone().rebased(NOW + TICK).with_stamps_earlier(1), ..self.clone() }
    }

    /// Its retransmission timer goes off, now or (an estimate that was too short) before its time.
    pub(crate) fn sends_again(&self, side: Side, rules: &Rules) -> Done {
        let at = self.state.next_timer().unwrap_or(NOW);
        self.goes(side, rules, |state, profile| {
            let step = state.on_timer(at, profile);
            Step { next: step.next.rebased(at), ..step }
        })
    }

    pub(crate) fn is(&self, name: StateName) -> bool {
        self.state.name() == name
    }
}

/// What a side has to say.
pub(crate) const fn text_of(side: Side) -> &'static [u8] {
    match side {
        Side::Left => b"c",
        Side::Right => b"s",
    }
}

/// The number that a side's connection starts with.
pub(crate) const fn iss(side: Side, connection: u8) -> Seq {
    let first = match side {
        Side::Left => 100,
        Side::Right => 300,
    };
    Seq::new(first + 10_000 * (connection as u32 - 1))
}
