use alloc::vec::Vec;
use core::{error, fmt};

use crate::{
    Arrow, On, Other, Segment, State,
    StateName::{self, FinWait1, FinWait2, TimeWait},
};

/// What came of a segment, a call or the time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the connection goes on from its `next`"]
pub struct Step {
    /// The state now.
    pub next: State,
    /// What to send, in this order.
    pub send: Vec<Segment>,
    /// What the user is to be told, in this order.
    pub events: Vec<Event>,
    /// The arrows that were taken, in this order. None: it stays in its state.
    pub arrows: Vec<&'static Arrow>,
    /// What a call is answered with, if not with `ok`. It has then changed nothing.
    pub error: Option<CallError>,
}

/// What the user is told without having asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The connection is open.
    Established,
    /// Text, in order, each octet once.
    Received(Vec<u8>),
    /// The peer has closed: no more text comes.
    PeerClosed,
    /// `connection refused`: an active OPEN was answered with an RST.
    Refused,
    /// `connection reset`: the peer, or something that cannot be, has ended it.
    Reset,
    /// `connection aborted due to user timeout`.
    TimedOut,
}

/// Why a call is not served, in the words of RFC 9293 §3.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallError {
    /// There is no connection.
    DoesNotExist,
    /// It is open already, or being opened.
    AlreadyExists,
    /// It has been closed.
    Closing,
    /// There is no room for so much text.
    InsufficientResources,
    /// An active OPEN says nobody to reach: no one host has that address, or there is no port 0.
    RemoteUnspecified,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DoesNotExist => "connection does not exist",
            Self::AlreadyExists => "connection already exists",
            Self::Closing => "connection closing",
            Self::InsufficientResources => "insufficient resources",
            Self::RemoteUnspecified => "remote socket unspecified",
        })
    }
}

impl error::Error for CallError {}

/// A step while it is being made.
pub(crate) struct Out {
    at: StateName,
    pub(crate) send: Vec<Segment>,
    pub(crate) events: Vec<Event>,
    arrows: Vec<&'static Arrow>,
}

impl Out {
    /// Nothing has come of it yet.
    pub(crate) const fn new(at: StateName) -> Self {
        Self { at, send: Vec::new(), events: Vec::new(), arrows: Vec::new() }
    }

    /// Takes an arrow, and the segment is processed further.
    pub(crate) fn go<S: Into<Other>>(&mut self, on: On, next: S) -> Other {
        let next = next.into();
        self.take(on, next.name());
        next
    }

    /// Takes an arrow, and that is all.
    pub(crate) fn end<S: Into<State>>(mut self, on: On, next: S) -> Step {
        let next = next.into();
        self.take(on, next.name());
        self.step(next)
    }

    /// A step that is no row of [`TABLE`](crate::TABLE) is refused in debug builds.
    fn take(&mut self, on: On, to: StateName) {
        let (from, on) = self.note_2(on, to);
        let arrow = Arrow::find(from, on, to);
        debug_assert!(arrow.is_some(), "no arrow leads from {from} to {to} on {on}");
        self.arrows.extend(arrow);
        self.at = to;
    }

    /// The FIN comes with the ACK of ours: one arrow, not two.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.3.2
    //# The figure omits a transition from FIN-WAIT-1 to TIME-WAIT
    //# if a FIN is received and the local FIN is also acknowledged
    fn note_2(&mut self, on: On, to: StateName) -> (StateName, On) {
        let last = self.arrows.last().map(|arrow| (arrow.from, arrow.on, arrow.to));
        if (last, on, to) == (Some((FinWait1, On::AckOfFin, FinWait2)), On::Fin, TimeWait) {
            self.arrows.pop();
            (FinWait1, On::FinAndAckOfFin)
        } else {
            (self.at, on)
        }
    }

    /// That is all.
    pub(crate) fn step<S: Into<State>>(self, next: S) -> Step {
        let Self { at, send, events, arrows } = self;
        let next = next.into();
        debug_assert_eq!(at, next.name(), "a state is only left by an arrow");
        Step { next, send, events, arrows, error: None }
    }

    /// The call is not served.
    pub(crate) fn refuse<S: Into<State>>(self, next: S, error: CallError) -> Step {
        Step { error: Some(error), ..self.step(next) }
    }
}
