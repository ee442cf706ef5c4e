//! The timeouts: user, retransmission, TIME-WAIT (RFC 9293 §3.10.8), and the delayed ACK's.

use core::time::Duration;

use crate::{
    Context, Event, Instant, On, Other, Outbox, Profile, State, Step,
    state::{Origin, Parts, Timer},
    step::Out,
};

impl State {
    /// When [`on_timer`](Self::on_timer) is due, if nothing else happens before; none if nothing is waited for.
    pub fn next_timer(&self) -> Option<Instant> {
        let outbox = self.outbox().and_then(|outbox| outbox.timer.as_ref()).map(Timer::next);
        let inbox = self.inbox().and_then(|inbox| inbox.ack_due);
        let state = match self {
            Self::Other(Other::TimeWait(it)) => Some(it.expires_at),
            Self::Other(Other::FinWait2(it)) => it.expires_at,
            Self::Closed | Self::Listen(_) | Self::SynSent(_) | Self::Other(_) => None,
        };
        [outbox, inbox, state].into_iter().flatten().min()
    }

    /// The same connection on a clock that starts now: what is due in 5 s is due 5 s after [`Instant::START`].
    ///
    /// So that a model finds two connections equal that differ only in when they came to be. What is past is forgotten: a
    /// timestamp counts as heard just now. Not for what timestamps say, whose clock the peer has heard, nor for the
    /// profile's limit on challenges.
    #[must_use]
    pub fn rebased(mut self, now: Instant) -> Self {
        let rebase = |at: &mut Instant| *at = Instant::after_start(at.since(now));
        match &mut self {
            Self::Closed | Self::Listen(_) => {}
            Self::SynSent(it) => it.outbox.each_deadline(rebase),
            Self::Other(other) => {
                match other {
                    Other::SynReceived(it) => {
                        if let Origin::TimeWait(it) = &mut it.origin {
                            rebase(&mut it.expires_at);
                            it.numbers.stamps_fresh();
                        }
                    }
                    Other::FinWait2(it) => it.expires_at.iter_mut().for_each(rebase),
                    Other::TimeWait(it) => rebase(&mut it.expires_at),
                    Other::Established(_)
                    | Other::FinWait1(_)
                    | Other::CloseWait(_)
                    | Other::Closing(_)
                    | Other::LastAck(_) => {}
                }
                let parts = other.parts();
                parts.numbers.stamps_fresh();
                if let Some(outbox) = parts.outbox {
                    outbox.each_deadline(rebase);
                }
                if let Some(inbox) = parts.inbox {
                    inbox.ack_due.iter_mut().for_each(rebase);
                }
            }
        }
        self
    }

    /// The same connection, the peers' clock of timestamps told from another start: what [`rebased`](Self::rebased) leaves
    /// out. Timestamps that are under way have to be told from there too.
    #[must_use]
    pub fn with_stamps_earlier(mut self, by: u32) -> Self {
        if let Self::Other(other) = &mut self {
            if let Other::SynReceived(it) = other
                && let Origin::TimeWait(it) = &mut it.origin
            {
                it.numbers.stamps_earlier(by);
            }
            other.parts().numbers.stamps_earlier(by);
        }
        self
    }

    /// The time has come: does what is due. Too early, it does nothing.
    pub fn on_timer(self, now: Instant, profile: &Profile) -> Step {
        let cx = Context { now, profile };
        let mut out = Out::new(self.name());
        match self {
            Self::Closed | Self::Listen(_) => out.step(self),
            Self::SynSent(mut it) => match it.outbox.run_out(Limit::of_syn(profile), cx) {
                RunOut::NotYet => out.step(it),
                RunOut::SendAgain => {
                    out.send.push(it.segment(cx));
                    out.step(it)
                }
                RunOut::GiveUp => timed_out(out),
            },
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.8
            //# If the time-wait timeout expires on a connection, delete the TCB,
            //# enter the CLOSED state, and return.
            Self::Other(Other::TimeWait(it)) if it.expires_at <= now => {
                out.end(On::TimeWaitTimeout, Self::Closed)
            }
            Self::Other(Other::FinWait2(it)) if it.expires_at.is_some_and(|at| at <= now) => {
                out.end(On::FinWait2Timeout, Self::Closed)
            }
            Self::Other(other) => in_other_states(other, out, cx),
        }
    }
}

fn in_other_states(mut state: Other, mut out: Out, cx: Context<'_>) -> Step {
    let limit = match &state {
        Other::SynReceived(_) => Limit { linear: 0, retries: cx.profile.syn_ack_retries },
        Other::Established(_)
        | Other::FinWait1(_)
        | Other::FinWait2(_)
        | Other::CloseWait(_)
        | Other::Closing(_)
        | Other::LastAck(_)
        | Other::TimeWait(_) => Limit { linear: 0, retries: cx.profile.retries },
    };
    let mut parts = state.parts();
    match parts.outbox.as_mut().map_or(RunOut::NotYet, |outbox| outbox.run_out(limit, cx)) {
        RunOut::NotYet => {}
        //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.8
        //# send the segment at the front of the
        //# retransmission queue again, reinitialize the retransmission timer
        RunOut::SendAgain => parts.send_again(cx, &mut out),
        RunOut::GiveUp => return timed_out(out),
    }
    acknowledge_late(&mut parts, &mut out, cx);
    out.step(state)
}

/// The ACK that has waited for another reason to send goes out alone.
fn acknowledge_late(parts: &mut Parts<'_>, out: &mut Out, cx: Context<'_>) {
    let due = parts.inbox.as_ref().and_then(|inbox| inbox.ack_due);
    if due.is_some_and(|due| due <= cx.now) {
        out.send.push(parts.ack(cx));
    }
}

//= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.8
//# signal the user "error: connection aborted due to user timeout"
fn timed_out(mut out: Out) -> Step {
    out.events.push(Event::TimedOut);
    out.end(On::UserTimeout, State::Closed)
}

/// How often something is sent again, and how the waits grow.
#[derive(Clone, Copy)]
struct Limit {
    /// The first waits, which do not double.
    linear: u8,
    /// How many times it is sent again; `None`: until the user gives up.
    retries: Option<u8>,
}

impl Limit {
    fn of_syn(profile: &Profile) -> Self {
        let linear = profile.syn_linear_retries;
        Self { linear, retries: profile.syn_retries.map(|retries| retries.saturating_add(linear)) }
    }
}

enum RunOut {
    NotYet,
    SendAgain,
    GiveUp,
}

impl Outbox {
    fn each_deadline(&mut self, change: impl FnMut(&mut Instant)) {
        if let Some(timer) = &mut self.timer {
            [Some(&mut timer.at), timer.gives_up_at.as_mut()].into_iter().flatten().for_each(change);
        }
    }

    /// Looks at the timer; if it goes off, it runs anew, for twice as long.
    //= https://www.rfc-editor.org/rfc/rfc6298#section-5
    //# The host MUST set RTO <- RTO * 2 ("back off the timer").
    fn run_out(&mut self, limit: Limit, cx: Context<'_>) -> RunOut {
        let first = self.first_wait(cx);
        let Some(timer) = &mut self.timer else { return RunOut::NotYet };
        if timer.gives_up_at.is_some_and(|at| at <= cx.now) {
            return RunOut::GiveUp;
        }
        if cx.now < timer.at {
            return RunOut::NotYet;
        }
        if limit.retries.is_some_and(|retries| timer.unanswered >= retries) {
            return RunOut::GiveUp;
        }
        timer.times = timer.times.saturating_add(1);
        timer.unanswered = timer.unanswered.saturating_add(1);
        let wait: Duration = cx.doubled(first, timer.times.saturating_sub(limit.linear));
        timer.at = cx.now + wait;
        RunOut::SendAgain
    }
}
