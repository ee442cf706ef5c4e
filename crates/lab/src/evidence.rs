use core::fmt;
use std::io;

use serde::{Deserialize, Serialize};
use timewait_linux::Errno;

use crate::{Drawing, Entry, Family};

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// This kernel does as the sentence says.
    Confirmed,
    /// It does not.
    Refuted,
    /// Nobody knows, for this reason: something is missing, or a control shows that the experiment proves nothing.
    CouldNotTry(String),
}

impl Verdict {
    /// Confirmed if the sentence is so, else refuted.
    pub const fn of(is_so: bool) -> Self {
        if is_so { Self::Confirmed } else { Self::Refuted }
    }

    /// Decides only if what the experiment rests on has been seen to hold.
    pub fn given(control: bool, otherwise: &str, is_so: bool) -> Self {
        if control { Self::of(is_so) } else { Self::CouldNotTry(format!("the control failed: {otherwise}")) }
    }

    /// A word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::CouldNotTry(_) => "could-not-try",
        }
    }
}

/// What a system call answered: `OK`, or the name of an errno.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answer(String);

impl Answer {
    /// The answer that a call's outcome is.
    pub fn of<T>(outcome: &io::Result<T>) -> Self {
        match outcome {
            Ok(_) => Self::ok(),
            Err(error) => Self(Errno::of(error).map_or_else(|| error.to_string(), Errno::name)),
        }
    }

    /// It went well.
    pub fn ok() -> Self {
        Self("OK".to_owned())
    }

    /// This errno, by its name.
    pub fn errno(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Whether it went well.
    pub fn is_ok(&self) -> bool {
        self.0 == "OK"
    }

    /// Whether it is EADDRINUSE.
    pub fn is_in_use(&self) -> bool {
        self.0 == "EADDRINUSE"
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// All that came of trying a claim once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The claim's name.
    pub id: String,
    /// The family of addresses for which it was tried.
    pub family: Family,
    /// If it was not tried as said: what was changed, so that the verdict should be the other one.
    pub contrary: Option<String>,
    /// The verdict, by the claim's rule.
    pub verdict: Verdict,
    /// The one number or row that decided.
    pub decided_by: String,
    /// The numbers, as JSON. `null` if there are none.
    pub evidence: serde_json::Value,
    /// What was done and seen, in order.
    pub journal: Vec<Entry>,
    /// What was on the wire; entries of the journal say where each belongs.
    pub drawings: Vec<Drawing>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}
