use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use timewait_facts::KernelVersion;

use crate::Verdict;

/// What is known of a claim before it is tried.
#[derive(Debug)]
pub struct About {
    /// Its name, stable for scripts: `fin-timeout`.
    pub id: &'static str,
    /// The sentence.
    pub says: &'static str,
    /// Who says it.
    pub by: Voice,
    /// How it is tried, and by which rule the evidence decides.
    pub how: &'static str,
    /// What it means if it is so.
    pub if_confirmed: &'static str,
    /// What it means if it is not.
    pub if_refuted: &'static str,
    /// How long it takes.
    pub pace: Pace,
    /// The families of addresses for which it is tried.
    pub families: &'static [Family],
    /// What kernels answered before. It is never used as the answer: a difference is news.
    pub recorded: &'static [Record],
}

impl About {
    /// What a kernel of the same series answered before.
    pub fn recorded_for(&self, kernel: &KernelVersion) -> Option<&'static Record> {
        self.recorded.iter().find(|record| kernel.series() == record.series)
    }
}

/// An answer of an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The kernel's first two numbers.
    pub series: (u32, u32),
    /// Whether it confirmed the claim; if not, it refuted it.
    pub confirmed: bool,
}

impl Record {
    /// Linux 6.18 confirmed it.
    pub const CONFIRMED_BY_6_18: &'static [Self] = &[Self { series: (6, 18), confirmed: true }];
    /// Linux 6.18 refuted it.
    pub const REFUTED_BY_6_18: &'static [Self] = &[Self { series: (6, 18), confirmed: false }];

    /// Whether a verdict is the one of then.
    pub fn agrees_with(&self, verdict: &Verdict) -> bool {
        *verdict == if self.confirmed { Verdict::Confirmed } else { Verdict::Refuted }
    }
}

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The article, in this part of its five.
    Article(u8),
    /// A standard: `RFC 9293`.
    Standard(&'static str),
    /// The kernel's own documentation.
    KernelDocs,
    /// People who use, or write, something: `ss users`.
    People(&'static str),
    /// Nobody in particular, and everybody.
    Folklore,
    /// Nobody: it was found on the way.
    Nobody,
}

impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Article(part) => write!(f, "the article, part {part}"),
            Self::Standard(name) | Self::People(name) => f.write_str(name),
            Self::KernelDocs => f.write_str("the kernel's documentation"),
            Self::Folklore => f.write_str("folklore"),
            Self::Nobody => f.write_str("nobody: found on the way"),
        }
    }
}

/// How long a claim takes to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Some seconds at most.
    Fast,
    /// A whole TIME-WAIT must pass, or it needs the machine for itself: only when asked for.
    Slow,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say all")]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    /// Both.
    pub const BOTH: &'static [Self] = &[Self::Ipv4, Self::Ipv6];
    /// IPv4 alone: where the claim is about both at once, or about something that has no family.
    pub const V4: &'static [Self] = &[Self::Ipv4];

    /// `ipv4` or `ipv6`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Neither `ipv4` nor `ipv6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no family of addresses has this name; there are ipv4 and ipv6")]
pub struct UnknownFamily;

impl FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(given: &str) -> Result<Self, UnknownFamily> {
        Self::BOTH.iter().copied().find(|family| family.name() == given).ok_or(UnknownFamily)
    }
}
