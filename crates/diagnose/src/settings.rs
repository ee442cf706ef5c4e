//! What the settings near TIME-WAIT really do, what people expect of them, and what is gone.
//!
//! Settings come from a running kernel or from files as systemd-sysctl reads them; both are judged for a kernel version.
//!
//! - [`known`]: the settings, by kernel version, with the values that a kernel takes
//! - [`Given`]: files in the syntax of `/etc/sysctl.d`, the last word of which counts
//! - [`judge`]: what a set of values comes to
//! - [`live`]: what a running host shows beyond its settings: listeners, counters
//! - [`Finding`]: a code, where, how bad, by which source, and which claim of the laboratory proves it
//! - [`words`]: the sentences

mod code;
mod given;
pub mod known;
pub mod live;
mod pattern;
mod rules;
mod values;
pub mod words;

use timewait_facts::Untrusted;

pub use code::{Code, Severity};
pub use given::Given;
pub use rules::judge;
pub use values::{Setting, Values};

/// Where a file says something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was given.
    pub file: Untrusted,
    /// The line, from 1 on.
    pub line: usize,
}

/// What is to be said about a setting, a listener or a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which finding.
    pub code: Code,
    /// The setting by its dotted name, the listener's address, or the counter.
    pub subject: Untrusted,
    /// Its value, as found.
    pub value: Option<Untrusted>,
    /// Where a file says so.
    pub place: Option<Place>,
    /// What it is judged by, beside its value.
    pub evidence: Evidence,
}

/// What a finding is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The value alone.
    Value,
    /// The value that a kernel begins with, or a limit.
    Against(i64),
    /// How many.
    Count(u64),
    /// Ports that something listens on.
    Listeners {
        /// The ports.
        ports: Vec<u16>,
        /// What is reserved already.
        reserved: String,
    },
    /// A name that it resembles.
    Nearest(&'static str),
    /// The versions from which on, and up to which, a kernel has it.
    Versions {
        /// The first that has it; 0.0 if it is older than anyone asks.
        since: (u16, u16),
        /// The first that has it no more.
        until: Option<(u16, u16)>,
    },
    /// Another place that says something else, later.
    Later(Place),
}

impl Finding {
    fn of(code: Code, subject: &str, setting: &Setting) -> Self {
        Self {
            code,
            subject: subject.as_bytes().into(),
            value: Some(setting.value.clone()),
            place: setting.place.clone(),
            evidence: Evidence::Value,
        }
    }

    fn by(self, evidence: Evidence) -> Self {
        Self { evidence, ..self }
    }
}

/// Puts the worst first, then as the files have it.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|one, other| {
        let key = |it: &Finding| (it.code.severity(), it.code, it.subject.clone(), it.place.clone());
        key(one).cmp(&key(other))
    });
}

#[cfg(test)]
mod tests;
