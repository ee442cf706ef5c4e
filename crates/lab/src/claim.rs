use std::time::Instant;

use serde::Serialize;

use crate::{About, Family, Finding, Lab, Trouble, Verdict};

/// A claim, and how it is decided.
pub(crate) trait Claim {
    /// How an experiment is set up: what differs between the claim's own and the contrary one.
    type Setup: Copy;
    /// What an experiment brings to light: numbers, rows, answers. Never the expected ones.
    type Evidence: Serialize;

    /// The sentence, who says it, and the rest.
    const ABOUT: About;
    /// The setup that the sentence is about.
    const AS_SAID: Self::Setup;
    /// A setup in which this kernel must answer the other way. It shows that the rule *can*; `None` where the kernel has
    /// no such.
    const CONTRARY: Option<Contrary<Self::Setup>>;

    /// Tries it.
    ///
    /// # Errors
    /// What stood in the way of any evidence.
    fn experiment(lab: &Lab, setup: Self::Setup) -> Result<Self::Evidence, Trouble>;

    /// The rule: what the evidence decides. Nothing else enters.
    fn judge(evidence: &Self::Evidence) -> Verdict;

    /// The one number or row that decided, for a person.
    fn decided_by(evidence: &Self::Evidence) -> String;
}

/// A setup in which the verdict must be the other one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contrary<S> {
    /// What is changed: `the client closes first`.
    pub(crate) what: &'static str,
    /// The setup.
    pub(crate) setup: S,
}

/// A claim among others.
#[derive(Debug)]
pub struct Entrant {
    /// What is known of it before.
    pub about: &'static About,
    /// What its contrary setup changes, if it has one.
    pub contrary: Option<&'static str>,
    try_it: fn(&Lab, bool) -> Result<Tried, Trouble>,
}

/// What an experiment came to.
struct Tried {
    verdict: Verdict,
    decided_by: String,
    evidence: serde_json::Value,
}

impl Entrant {
    /// This claim.
    pub(crate) const fn of<C: Claim>() -> Self {
        let contrary = match C::CONTRARY {
            Some(contrary) => Some(contrary.what),
            None => None,
        };
        Self { about: &C::ABOUT, contrary, try_it: try_claim::<C> }
    }

    /// Tries it in this process's host, which is left used: its settings and sockets stay until the process ends.
    ///
    /// `contrary`: in the contrary setup, if it has one.
    pub fn perform(&self, lab: &Lab, contrary: bool) -> Finding {
        let start = Instant::now();
        let tried = (self.try_it)(lab, contrary).unwrap_or_else(|trouble| Tried {
            verdict: Verdict::CouldNotTry(chain(&trouble)),
            decided_by: String::new(),
            evidence: serde_json::Value::Null,
        });
        let (journal, drawings) = lab.take_journal();
        Finding {
            id: self.about.id.to_owned(),
            family: lab.family(),
            contrary: self.contrary.filter(|_| contrary).map(str::to_owned),
            verdict: tried.verdict,
            decided_by: tried.decided_by,
            evidence: tried.evidence,
            journal,
            drawings,
            took_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// What is found if it could not even be started.
    pub fn not_tried(&self, family: Family, contrary: bool, reason: String) -> Finding {
        Finding {
            id: self.about.id.to_owned(),
            family,
            contrary: self.contrary.filter(|_| contrary).map(str::to_owned),
            verdict: Verdict::CouldNotTry(reason),
            decided_by: String::new(),
            evidence: serde_json::Value::Null,
            journal: Vec::new(),
            drawings: Vec::new(),
            took_ms: 0,
        }
    }
}

fn try_claim<C: Claim>(lab: &Lab, contrary: bool) -> Result<Tried, Trouble> {
    let setup = match C::CONTRARY.filter(|_| contrary) {
        Some(contrary) => contrary.setup,
        None => C::AS_SAID,
    };
    let evidence = C::experiment(lab, setup)?;
    Ok(Tried {
        verdict: C::judge(&evidence),
        decided_by: C::decided_by(&evidence),
        evidence: serde_json::to_value(&evidence).map_err(|error| Trouble::Otherwise(error.to_string()))?,
    })
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let words = deeper.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = deeper.source();
    }
    text
}
