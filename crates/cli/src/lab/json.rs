//! What was found, as the contract has it.

use std::io::Write;

use serde::Serialize;
use timewait_lab::{Finding, Verdict};

use super::{Found, Outcome, is_news};
use crate::print::json;

#[derive(Serialize)]
struct Report<'a> {
    v: u8,
    kernel: &'a str,
    took_ms: u128,
    claims: Vec<Claim<'a>>,
}

#[derive(Serialize)]
struct Claim<'a> {
    id: &'a str,
    says: &'a str,
    by: String,
    family: &'a str,
    /// `null`: as said.
    contrary: Option<&'a str>,
    verdict: &'a str,
    /// Why it could not be tried.
    reason: Option<&'a str>,
    recorded: Option<&'static str>,
    news: bool,
    decided_by: &'a str,
    evidence: &'a serde_json::Value,
    took_ms: u64,
}

pub(super) fn print(out: &mut impl Write, outcome: &Outcome) -> anyhow::Result<()> {
    let claims = outcome
        .founds
        .iter()
        .flat_map(|found| found.findings.iter().map(move |finding| claim(outcome, found, finding)));
    let report = Report {
        v: json::VERSION,
        kernel: outcome.kernel.number(),
        took_ms: outcome.took.as_millis(),
        claims: claims.collect(),
    };
    json::write_line(out, &report)?;
    Ok(())
}

fn claim<'a>(outcome: &Outcome, found: &Found, finding: &'a Finding) -> Claim<'a> {
    let record = found.claim.about.recorded_for(&outcome.kernel);
    let reason = match &finding.verdict {
        Verdict::CouldNotTry(reason) => Some(reason.as_str()),
        Verdict::Confirmed | Verdict::Refuted => None,
    };
    Claim {
        id: &finding.id,
        says: found.claim.about.says,
        by: found.claim.about.by.to_string(),
        family: finding.family.name(),
        contrary: finding.contrary.as_deref(),
        verdict: finding.verdict.name(),
        reason,
        recorded: record.map(|record| if record.confirmed { "confirmed" } else { "refuted" }),
        news: finding.contrary.is_none() && is_news(found.claim, finding, &outcome.kernel),
        decided_by: &finding.decided_by,
        evidence: &finding.evidence,
        took_ms: finding.took_ms,
    }
}
