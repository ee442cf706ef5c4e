//! What was seen between two hosts, in order: by a wire, or by a model of one.

use alloc::{string::String, vec::Vec};
use core::{ops::Not, time::Duration};

use crate::{Segment, StateName};

/// Everything that was seen between two hosts, in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Trace {
    /// What it shows, in a few words: `without the wait (tcp_max_tw_buckets = 0)`.
    pub title: String,
    /// Whom the left side is: `client`.
    pub left: String,
    /// Whom the right side is: `server`.
    pub right: String,
    /// What a unit of time is called here, if it is not wall-clock time: a model's `tick`, in which a [`Row::at`] of
    /// one second is one tick.
    pub tick: Option<String>,
    /// In order of time.
    pub rows: Vec<Row>,
}

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Row {
    /// When, from the beginning of the trace.
    pub at: Duration,
    /// What.
    pub seen: Seen,
}

/// What can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Seen {
    /// A segment.
    Segment {
        /// Who sent it (or in whose name it was made up).
        from: Side,
        /// The connection that it was sent in: 1 for the first between these two ends, 2 for its next incarnation.
        connection: u32,
        /// The segment.
        segment: Segment,
        /// What became of it.
        fate: Fate,
        /// What it is in the story: `the last ACK`. Empty where it speaks for itself.
        note: String,
    },
    /// A connection on this side is now in this state.
    State {
        /// On which side.
        side: Side,
        /// The connection that it is of, as for a segment.
        connection: u32,
        /// The state.
        state: StateName,
    },
    /// Something else, on one side or (`None`) between them: what an application did or got, that time passed.
    Note {
        /// On which side.
        side: Option<Side>,
        /// In a few words.
        text: String,
    },
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Fate {
    /// It arrived.
    Delivered,
    /// It was lost on the way.
    Lost,
    /// It was taken off the wire, to be released or forgotten later.
    Held,
    /// It had been held, and arrives now.
    Released,
    /// It had arrived before, and arrives once more.
    Repeated,
    /// Nobody sent it: it was made up, and arrived.
    Injected,
    /// It was changed on the way, and arrived as it is here.
    Altered,
}

impl Fate {
    /// Whether it reached the other side.
    pub const fn arrived(self) -> bool {
        match self {
            Self::Delivered | Self::Released | Self::Repeated | Self::Injected | Self::Altered => true,
            Self::Lost | Self::Held => false,
        }
    }
}

/// One of two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Side {
    /// The one drawn on the left: the client, where there is one.
    Left,
    /// The one drawn on the right: the server.
    Right,
}

impl Not for Side {
    type Output = Self;

    /// The other one.
    fn not(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}
