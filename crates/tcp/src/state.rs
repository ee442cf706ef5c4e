//! The states: each a struct that owns just what that state still needs.
//!
//! | state | [numbers](Numbers) | [outbox](Outbox) | [inbox](Inbox) | besides |
//! |---|---|---|---|---|
//! | [`Listen`] | | | | the number it will start with |
//! | [`SynSent`] | | yes | | the number it started with |
//! | [`SynReceived`] | yes | yes | yes | where it came from; whether CLOSE waits |
//! | [`Established`], [`FinWait1`] | yes | yes | yes | |
//! | [`FinWait2`] | yes | | yes | how long it waits for nobody |
//! | [`CloseWait`], [`Closing`], [`LastAck`] | yes | yes | | |
//! | [`TimeWait`] | yes | | | when it ends |
//!
//! What a state no longer owns needs no rule to be ignored: TIME-WAIT has no retransmission timer to turn off.

mod close_wait;
mod closing;
mod established;
mod fin_wait_1;
mod fin_wait_2;
mod inbox;
mod last_ack;
mod listen;
mod name;
mod numbers;
mod outbox;
mod parts;
mod syn_received;
mod syn_sent;
mod time_wait;

pub use close_wait::CloseWait;
pub use closing::Closing;
pub use established::Established;
pub use fin_wait_1::FinWait1;
pub use fin_wait_2::FinWait2;
pub use inbox::Inbox;
pub use last_ack::LastAck;
pub use listen::Listen;
pub use name::StateName;
pub(crate) use numbers::Acked;
pub use numbers::Numbers;
pub use outbox::Outbox;
pub(crate) use outbox::Timer;
pub(crate) use parts::Parts;
pub use syn_received::{Origin, SynReceived};
pub use syn_sent::SynSent;
pub use time_wait::TimeWait;

use crate::{Instant, Seq};

/// A connection, in the state that it is in: divided as RFC 9293 §3.10.7 divides SEGMENT ARRIVES.
///
/// A value: it can be cloned, compared and hashed, holds no history, and changes only by being consumed. What
/// happens to it is a segment ([`on_segment`](Self::on_segment)), a call ([`open`](Self::open), [`send`](Self::send),
/// [`close`](Self::close) …) or the time ([`on_timer`](Self::on_timer)); each answers with a [`Step`](crate::Step).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::large_enum_variant, reason = "nearly every connection is in the large one")]
pub enum State {
    /// No connection at all (§3.10.7.1).
    Closed,
    /// §3.10.7.2.
    Listen(Listen),
    /// §3.10.7.3.
    SynSent(SynSent),
    /// Both sides' numbers are known (§3.10.7.4).
    Other(Other),
}

/// The states in which both sides' numbers are known: §3.10.7.4's "Other States".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are RFC 9293's")]
pub enum Other {
    SynReceived(SynReceived),
    Established(Established),
    FinWait1(FinWait1),
    FinWait2(FinWait2),
    CloseWait(CloseWait),
    Closing(Closing),
    LastAck(LastAck),
    TimeWait(TimeWait),
}

impl State {
    /// Which of the eleven it is.
    pub const fn name(&self) -> StateName {
        match self {
            Self::Closed => StateName::Closed,
            Self::Listen(_) => StateName::Listen,
            Self::SynSent(_) => StateName::SynSent,
            Self::Other(other) => other.name(),
        }
    }

    /// Where both streams of numbers are; none before both are known.
    pub const fn numbers(&self) -> Option<&Numbers> {
        match self {
            Self::Closed | Self::Listen(_) | Self::SynSent(_) => None,
            Self::Other(other) => Some(other.numbers()),
        }
    }

    /// What was given to SEND and has not been acknowledged; none where nothing is left to send.
    pub const fn outbox(&self) -> Option<&Outbox> {
        match self {
            Self::Closed | Self::Listen(_) => None,
            Self::SynSent(it) => Some(&it.outbox),
            Self::Other(other) => other.outbox(),
        }
    }

    /// What was received and not yet handed over; none where nothing more can come.
    pub const fn inbox(&self) -> Option<&Inbox> {
        match self {
            Self::Closed | Self::Listen(_) | Self::SynSent(_) => None,
            Self::Other(other) => other.inbox(),
        }
    }

    /// SND.NXT: the number that the next octet will have.
    pub fn snd_nxt(&self) -> Option<Seq> {
        match self {
            Self::Closed | Self::Listen(_) => None,
            Self::SynSent(it) => Some(it.snd_nxt()),
            Self::Other(other) => Some(other.numbers().snd_nxt),
        }
    }

    /// When TIME-WAIT ends; none in another state.
    pub const fn time_wait_until(&self) -> Option<Instant> {
        match self {
            Self::Other(Other::TimeWait(it)) => Some(it.expires_at),
            Self::Closed | Self::Listen(_) | Self::SynSent(_) | Self::Other(_) => None,
        }
    }
}

impl Other {
    /// Which of the eleven it is.
    pub const fn name(&self) -> StateName {
        match self {
            Self::SynReceived(_) => StateName::SynReceived,
            Self::Established(_) => StateName::Established,
            Self::FinWait1(_) => StateName::FinWait1,
            Self::FinWait2(_) => StateName::FinWait2,
            Self::CloseWait(_) => StateName::CloseWait,
            Self::Closing(_) => StateName::Closing,
            Self::LastAck(_) => StateName::LastAck,
            Self::TimeWait(_) => StateName::TimeWait,
        }
    }

    /// Where both streams of numbers are.
    pub const fn numbers(&self) -> &Numbers {
        match self {
            Self::SynReceived(it) => &it.numbers,
            Self::Established(it) => &it.numbers,
            Self::FinWait1(it) => &it.numbers,
            Self::FinWait2(it) => &it.numbers,
            Self::CloseWait(it) => &it.numbers,
            Self::Closing(it) => &it.numbers,
            Self::LastAck(it) => &it.numbers,
            Self::TimeWait(it) => &it.numbers,
        }
    }

    const fn outbox(&self) -> Option<&Outbox> {
        match self {
            Self::SynReceived(it) => Some(&it.outbox),
            Self::Established(it) => Some(&it.outbox),
            Self::FinWait1(it) => Some(&it.outbox),
            Self::CloseWait(it) => Some(&it.outbox),
            Self::Closing(it) => Some(&it.outbox),
            Self::LastAck(it) => Some(&it.outbox),
            Self::FinWait2(_) | Self::TimeWait(_) => None,
        }
    }

    /// Whether what is sent and not acknowledged leaves no room in the peer's window, so that even an ACK of ours lies
    /// outside of it.
    pub(crate) fn has_filled_the_window(&self) -> bool {
        let in_flight = self.numbers().in_flight();
        self.outbox()
            .is_some_and(|outbox| outbox.syn.is_none() && in_flight > 0 && in_flight >= outbox.snd_wnd)
    }

    const fn inbox(&self) -> Option<&Inbox> {
        match self {
            Self::SynReceived(it) => Some(&it.inbox),
            Self::Established(it) => Some(&it.inbox),
            Self::FinWait1(it) => Some(&it.inbox),
            Self::FinWait2(it) => Some(&it.inbox),
            Self::CloseWait(_) | Self::Closing(_) | Self::LastAck(_) | Self::TimeWait(_) => None,
        }
    }

    /// All three at once, to be written to.
    pub(crate) const fn parts(&mut self) -> Parts<'_> {
        let (numbers, outbox, inbox) = match self {
            Self::SynReceived(it) => (&mut it.numbers, Some(&mut it.outbox), Some(&mut it.inbox)),
            Self::Established(it) => (&mut it.numbers, Some(&mut it.outbox), Some(&mut it.inbox)),
            Self::FinWait1(it) => (&mut it.numbers, Some(&mut it.outbox), Some(&mut it.inbox)),
            Self::FinWait2(it) => (&mut it.numbers, None, Some(&mut it.inbox)),
            Self::CloseWait(it) => (&mut it.numbers, Some(&mut it.outbox), None),
            Self::Closing(it) => (&mut it.numbers, Some(&mut it.outbox), None),
            Self::LastAck(it) => (&mut it.numbers, Some(&mut it.outbox), None),
            Self::TimeWait(it) => (&mut it.numbers, None, None),
        };
        Parts { numbers, outbox, inbox }
    }
}

macro_rules! is_a_state {
    ($($state:ident)*) => {$(
        impl From<$state> for Other {
            fn from(state: $state) -> Self {
                Self::$state(state)
            }
        }

        impl From<$state> for State {
            fn from(state: $state) -> Self {
                Self::Other(state.into())
            }
        }
    )*};
}

is_a_state!(SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait);

impl From<Other> for State {
    fn from(other: Other) -> Self {
        Self::Other(other)
    }
}

impl From<Listen> for State {
    fn from(state: Listen) -> Self {
        Self::Listen(state)
    }
}

impl From<SynSent> for State {
    fn from(state: SynSent) -> Self {
        Self::SynSent(state)
    }
}
