//! The report: one page that needs nothing else.

use askama::Template;
use jiff::Zoned;
use timewait_lab::{Drawing, Entry, Finding, SeenSocket, Verdict};
use timewait_tcp::draw::Ladder;

use super::{Found, Outcome, is_news, table::meaning};
use crate::words::lab as words;

#[derive(Template)]
#[template(path = "lab-report.html")]
struct Page<'a> {
    kernel: &'a str,
    opening: String,
    wherever: &'static str,
    summary: String,
    /// What the article got right and wrong; empty if it is not about that.
    article: String,
    date: String,
    command: String,
    claims: Vec<Claim<'a>>,
}

struct Claim<'a> {
    id: &'a str,
    says: &'a str,
    by: String,
    how: &'a str,
    verdict: &'a str,
    word: &'static str,
    decided_by: &'a str,
    means: &'static str,
    news: bool,
    news_text: String,
    runs: Vec<Run<'a>>,
}

/// One experiment: over a family of addresses, as said or the other way round.
struct Run<'a> {
    heading: String,
    /// Whether it is the one whose verdict stands above.
    same: bool,
    open: bool,
    verdict: &'a str,
    word: &'static str,
    decided_by: &'a str,
    ladders: Vec<String>,
    steps: Vec<Step>,
    evidence: String,
}

enum Step {
    Case(String),
    Line(String),
    Call(String, String, bool),
    Rows(String, Vec<Row>),
}

struct Row {
    state: String,
    local: String,
    peer: String,
    left: String,
}

/// The page.
///
/// # Errors
/// The template cannot be filled.
pub(super) fn page(outcome: &Outcome, arguments: &[String]) -> anyhow::Result<String> {
    let claims = outcome.founds.iter().filter_map(|found| claim(outcome, found));
    let page = Page {
        kernel: outcome.kernel.number(),
        opening: words::opening(outcome.kernel.number(), outcome.founds.len()),
        wherever: words::where_it_runs(),
        summary: outcome.summary(),
        article: outcome.of_the_article().unwrap_or_default(),
        date: Zoned::now().strftime("%-d %B %Y, %H:%M %Z").to_string(),
        command: std::iter::once("timewait")
            .chain(arguments.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" "),
        claims: claims.collect(),
    };
    Ok(page.render()?)
}

fn claim<'a>(outcome: &Outcome, found: &'a Found) -> Option<Claim<'a>> {
    let told = found.told(&outcome.kernel)?;
    let about = found.claim.about;
    Some(Claim {
        id: about.id,
        says: about.says,
        by: about.by.to_string(),
        how: about.how,
        verdict: told.verdict.name(),
        word: words::word(&told.verdict),
        decided_by: decided_by(told),
        means: meaning(found, told),
        news: is_news(found.claim, told, &outcome.kernel),
        news_text: words::news(&outcome.kernel, &told.verdict),
        runs: found.findings.iter().map(|finding| run(finding, told)).collect(),
    })
}

/// What decided, or why nothing did.
fn decided_by(finding: &Finding) -> &str {
    match &finding.verdict {
        Verdict::CouldNotTry(reason) => reason,
        Verdict::Confirmed | Verdict::Refuted => &finding.decided_by,
    }
}

fn run<'a>(finding: &'a Finding, told: &Finding) -> Run<'a> {
    let same = finding.contrary.is_none() && finding.family == told.family;
    let name = format!(
        "{}-{}{}",
        finding.id,
        finding.family,
        if finding.contrary.is_some() { "-contrary" } else { "" }
    );
    let svg =
        |(number, drawing): (usize, &Drawing)| Ladder::of(&drawing.trace).svg(&format!("{name}-{number}"));
    Run {
        heading: words::run_heading(finding.family.name(), finding.contrary.as_deref()),
        same,
        open: same,
        verdict: finding.verdict.name(),
        word: words::word(&finding.verdict),
        decided_by: decided_by(finding),
        ladders: if same || finding.contrary.is_some() {
            finding.drawings.iter().enumerate().map(svg).collect()
        } else {
            Vec::new()
        },
        steps: finding.journal.iter().filter_map(step).collect(),
        evidence: serde_json::to_string_pretty(&finding.evidence).unwrap_or_default(),
    }
}

fn step(entry: &Entry) -> Option<Step> {
    Some(match entry {
        Entry::Case(what) => Step::Case(what.clone()),
        Entry::Did(what) => Step::Line(what.clone()),
        Entry::Set { host, name, value } => Step::Line(words::setting(host, name, value)),
        Entry::Called { host, call, answer } => {
            Step::Call(words::call(host, call), answer.clone(), !words::is_errno(answer))
        }
        Entry::Rows { host, when, rows } if rows.is_empty() => {
            Step::Line(words::no_rows(&words::rows(host, when)))
        }
        Entry::Rows { host, when, rows } => {
            Step::Rows(words::rows(host, when), rows.iter().map(row).collect())
        }
        Entry::Drawn(_) => return None,
    })
}

fn row(socket: &SeenSocket) -> Row {
    let left = socket
        .expires_in_ms
        .map_or_else(|| "-".to_owned(), |ms| format!("{}.{} s", ms / 1000, ms % 1000 / 100));
    let peer = if socket.peer.port() == 0 { "*".to_owned() } else { socket.peer.to_string() };
    Row { state: socket.state.clone(), local: socket.local.to_string(), peer, left }
}
