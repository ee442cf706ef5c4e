//! Every claim in two lines: the verdict, the name, the sentence; and what decided.

use std::io::Write;

use timewait_facts::KernelVersion;
use timewait_lab::{Finding, Pace, Verdict, Voice};

use super::{Found, Outcome, is_news};
use crate::{
    print::{Paint, Tone, wrap},
    words::lab as words,
};

const WIDTH: usize = 80;
/// Room for the longest verdict.
const VERDICT: usize = 11;

pub(super) fn opening(
    out: &mut impl Write,
    paint: Paint,
    kernel: &KernelVersion,
    claims: usize,
) -> anyhow::Result<()> {
    writeln!(out, "{}", paint.tone(Tone::Heading, &words::opening(kernel.number(), claims)))?;
    for line in wrap(words::where_it_runs(), WIDTH) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// A claim's verdict, in a word that says all, and its tone.
pub(super) fn verdict(paint: Paint, verdict: &Verdict, width: usize) -> String {
    let (tone, word) = match verdict {
        Verdict::Confirmed => (Tone::Good, words::CONFIRMED),
        Verdict::Refuted => (Tone::Bad, words::REFUTED),
        Verdict::CouldNotTry(_) => (Tone::Waiting, words::NOT_TRIED),
    };
    format!("{}{}", paint.tone(tone, word), " ".repeat(width.saturating_sub(word.chars().count())))
}

/// The heading of the article's part that begins with this claim, if one does.
pub(super) fn part(
    out: &mut impl Write,
    paint: Paint,
    before: Option<&Found>,
    found: &Found,
) -> anyhow::Result<()> {
    let part = |found: &Found| match found.claim.about.by {
        Voice::Article(part) => Some(part),
        _ => None,
    };
    if let Some(number) = part(found).filter(|_| before.and_then(part) != part(found)) {
        let space = if before.is_some() { "\n" } else { "" };
        writeln!(out, "{space}{}\n", paint.tone(Tone::Heading, words::part(number)))?;
    }
    Ok(())
}

/// One claim; all its families in one, if they agree.
pub(super) fn entry(
    out: &mut impl Write,
    paint: Paint,
    found: &Found,
    kernel: &KernelVersion,
    article: bool,
) -> anyhow::Result<()> {
    let Some(told) = found.told(kernel) else { return Ok(()) };
    let about = found.claim.about;
    let mut said = wrap(&format!("{}: {}", about.id, about.says), WIDTH - VERDICT).into_iter();
    let first = said.next().unwrap_or_default();
    let first = first
        .strip_prefix(about.id)
        .map_or(first.clone(), |rest| format!("{}{rest}", paint.tone(Tone::Heading, about.id)));
    writeln!(out, "{}{first}", verdict(paint, &told.verdict, VERDICT))?;
    let lines = said.map(|line| (None, line)).chain(below(found, told, kernel, article));
    for (tone, line) in lines {
        let line = tone.map_or_else(|| line.clone(), |tone| paint.tone(tone, &line));
        writeln!(out, "{}{line}", " ".repeat(VERDICT))?;
    }
    Ok(())
}

/// What stands below the sentence: what decided, families that differ, news.
fn below(
    found: &Found,
    told: &Finding,
    kernel: &KernelVersion,
    article: bool,
) -> Vec<(Option<Tone>, String)> {
    let mut lines = Vec::new();
    let mut add = |tone, text: &str| {
        lines.extend(wrap(text, WIDTH - VERDICT).into_iter().map(|line| (Some(tone), line)));
    };
    match &told.verdict {
        Verdict::CouldNotTry(reason) => add(Tone::Waiting, reason),
        Verdict::Confirmed | Verdict::Refuted => add(Tone::Faint, &told.decided_by),
    }
    for other in found.as_said().filter(|other| other.verdict != told.verdict) {
        add(Tone::Waiting, &words::family_differs(other.family.name(), &other.verdict, &other.decided_by));
    }
    if is_news(found.claim, told, kernel) {
        add(Tone::Bad, &words::news(kernel, &told.verdict));
    }
    if article {
        add(Tone::Faint, meaning(found, told));
    }
    lines
}

/// What the verdict means.
pub(super) fn meaning(found: &Found, told: &Finding) -> &'static str {
    match told.verdict {
        Verdict::Confirmed => found.claim.about.if_confirmed,
        Verdict::Refuted => found.claim.about.if_refuted,
        Verdict::CouldNotTry(_) => "",
    }
}

pub(super) fn closing(out: &mut impl Write, paint: Paint, outcome: &Outcome) -> anyhow::Result<()> {
    let slow = outcome.founds.iter().any(|found| found.claim.about.pace == Pace::Slow);
    writeln!(out)?;
    writeln!(out, "{}", paint.tone(Tone::Heading, &outcome.summary()))?;
    for line in wrap(&outcome.of_the_article().unwrap_or_default(), WIDTH) {
        writeln!(out, "{line}")?;
    }
    let unrecorded =
        outcome.founds.iter().all(|found| found.claim.about.recorded_for(&outcome.kernel).is_none());
    if unrecorded && !outcome.founds.is_empty() {
        writeln!(out, "{}", words::no_record(&outcome.kernel))?;
    }
    if outcome.founds.len() > 1 {
        writeln!(out, "{}", words::more(slow))?;
    }
    Ok(())
}
