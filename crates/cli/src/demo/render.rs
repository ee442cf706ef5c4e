//! A step as a person sees it, and as JSON.

use std::{fmt::Write as _, io::Write, time::Duration};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use timewait_facts::State;
use timewait_tcp::draw::diagram::{self, Highlight};

use super::{
    Told,
    step::{Held, Moment, Outcome, Run, Step},
};
use crate::{
    print::{Columns, Paint, Table, Tone, json, page, print_drawing, time_of_day_in, wrap},
    words::demo as words,
};

/// Nothing of the demo is wider, whatever the terminal.
pub(super) const WIDTH: usize = 80;
pub(super) const INDENT: &str = "   ";
/// A table of more rows than this shows some of each kind, and counts the others.
const ROWS_SHOWN: usize = 4;
/// Rows of a kind, a state on one side, in such a table.
const ROWS_OF_A_KIND: usize = 2;
/// Rows that go into the JSON, as everywhere in the contract.
const ROWS_IN_JSON: usize = 20;

/// What stands above the first step.
pub(super) fn opening(
    out: &mut impl Write,
    paint: Paint,
    kernel: &str,
    refusal: Option<&str>,
) -> anyhow::Result<()> {
    writeln!(out, "{}", paint.tone(Tone::Heading, &words::opening(kernel)))?;
    let place = refusal.map_or_else(|| words::namespace_own().to_owned(), words::namespace_refused);
    for line in wrap(&place, WIDTH) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "\n{}\n", paint.tone(Tone::Heading, words::diagram_title()))?;
    print_drawing(out, paint, &diagram::text(&Highlight::closer(), page(INDENT.len())), INDENT)?;
    writeln!(out)?;
    for line in wrap(words::diagram_explained(), WIDTH) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    Ok(())
}

/// A whole step, with an empty line behind it.
pub(super) fn screen(step: &Step, paint: Paint, label: &str) -> anyhow::Result<String> {
    let mut text = heading(step.id.number(), words::title(step.id), label, paint);
    for moment in &step.moments {
        text.push('\n');
        push_moment(&mut text, step.port, moment, paint)?;
    }
    text.push('\n');
    let (tone, meaning) = if step.as_told() {
        (None, words::explanation(step.id, &seen(step)))
    } else {
        (Some(Tone::Bad), words::otherwise(step.id))
    };
    for line in wrap(&meaning, WIDTH - INDENT.len()) {
        let line = tone.map_or_else(|| line.clone(), |tone| paint.tone(tone, &line));
        writeln!(text, "{INDENT}{line}")?;
    }
    text.push('\n');
    Ok(text)
}

/// `2  Stop the server, start it again                namespace: own`
pub(super) fn heading(number: usize, title: &str, label: &str, paint: Paint) -> String {
    let left = format!("{number}  {title}");
    if label.is_empty() {
        return format!("{}\n", paint.tone(Tone::Heading, &left));
    }
    let gap = WIDTH.saturating_sub(left.chars().count() + label.chars().count()).max(2);
    format!("{}{}{}\n", paint.tone(Tone::Heading, &left), " ".repeat(gap), paint.tone(Tone::Faint, label))
}

fn push_moment(text: &mut String, port: u16, moment: &Moment, paint: Paint) -> anyhow::Result<()> {
    match moment {
        Moment::Ran(run) => push_run(text, run, paint)?,
        Moment::Did(what) => writeln!(text, "{INDENT}{what}")?,
        Moment::Table(rows) => push_table(text, port, rows, paint)?,
    }
    Ok(())
}

fn push_run(text: &mut String, run: &Run, paint: Paint) -> anyhow::Result<()> {
    writeln!(text, "{INDENT}{} {}", paint.tone(Tone::Faint, "$"), paint.tone(Tone::Heading, &run.command))?;
    let refused = matches!(run.outcome, Outcome::Refused { .. } | Outcome::Unclear);
    for line in &run.said {
        let line = if refused { paint.tone(Tone::Bad, line) } else { line.clone() };
        writeln!(text, "{INDENT}{line}")?;
    }
    Ok(())
}

fn push_table(text: &mut String, port: u16, rows: &[Held], paint: Paint) -> anyhow::Result<()> {
    if rows.is_empty() {
        writeln!(text, "{INDENT}{}", words::no_rows())?;
        return Ok(());
    }
    let kinds = kinds(port, rows);
    let of_a_kind = if rows.len() > ROWS_SHOWN { ROWS_OF_A_KIND } else { ROWS_SHOWN };
    let mut shown = Vec::new();
    let columns = Columns { state: true, owner: true, details: false };
    let mut table = Table::new(&mut shown, paint, columns, INDENT);
    for (socket, owner) in kinds.iter().flat_map(|kind| kind.iter().take(of_a_kind)) {
        table.row(socket, owner.as_ref())?;
    }
    table.end()?;
    text.push_str(&String::from_utf8_lossy(&shown));
    let more = kinds.iter().filter(|kind| kind.len() > of_a_kind).filter_map(|kind| {
        let (socket, _) = kind.first()?;
        Some(words::more_rows(kind.len() - of_a_kind, socket.state))
    });
    for line in more {
        writeln!(text, "{INDENT}{line}")?;
    }
    Ok(())
}

/// The rows by side and state; they come in that order.
fn kinds(port: u16, rows: &[Held]) -> Vec<&[Held]> {
    let kind = |(socket, _): &Held| (socket.local.port() == port, socket.state);
    rows.chunk_by(|one, other| kind(one) == kind(other)).collect()
}

fn seen(step: &Step) -> words::Seen {
    let left = step.rows().iter().filter(|(socket, _)| socket.state == State::TimeWait);
    let left: Option<Duration> = left.filter_map(|(socket, _)| socket.expires_in()).max();
    words::Seen {
        port: step.port,
        wait: left.map(|left| (left, time_of_day_in(left))),
        orphans: step.orphans(),
    }
}

/// The step's object of the contract.
pub(super) fn json(step: &Step) -> anyhow::Result<Box<RawValue>> {
    #[derive(Serialize)]
    struct Call<'a> {
        command: &'a str,
        outcome: &'static str,
        call: Option<&'a str>,
        errno: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Object<'a> {
        id: &'static str,
        as_told: bool,
        errno: Option<&'a str>,
        answer: String,
        port: u16,
        calls: Vec<Call<'a>>,
        sockets: usize,
        rows: Vec<json::Row<'a>>,
    }
    let calls = step.moments.iter().filter_map(|moment| {
        let Moment::Ran(Run { command, outcome, .. }) = moment else { return None };
        let (outcome, call, errno) = parts(outcome);
        Some(Call { command, outcome, call, errno })
    });
    let object = Object {
        id: step.id.name(),
        as_told: step.as_told(),
        errno: step.last_start().and_then(|start| parts(start).2),
        answer: step.answer(),
        port: step.port,
        calls: calls.collect(),
        sockets: step.rows().len(),
        rows: step
            .rows()
            .iter()
            .take(ROWS_IN_JSON)
            .map(|(socket, owner)| json::Row(socket, owner.as_ref()))
            .collect(),
    };
    Ok(to_raw_value(&object)?)
}

fn parts(outcome: &Outcome) -> (&'static str, Option<&str>, Option<&str>) {
    match outcome {
        Outcome::Listens => ("listens", None, None),
        Outcome::Refused { call, errno } => ("refused", Some(call), Some(errno)),
        Outcome::Talked => ("talked", None, None),
        Outcome::Ended => ("ended", None, None),
        Outcome::Unclear => ("unclear", None, None),
    }
}

/// The table of what was seen, and what to do in a server of one's own.
pub(super) fn closing(out: &mut impl Write, paint: Paint, steps: &[Told]) -> anyhow::Result<()> {
    let number = steps.len() + 1;
    write!(out, "{}", heading(number, words::closing_title(), "", paint))?;
    writeln!(out)?;
    let [tried, answer, _] = words::CLOSING_HEADINGS.map(|heading| heading.chars().count());
    let widest = |texts: &mut dyn Iterator<Item = &String>, least: usize| {
        texts.map(|text| text.chars().count()).max().unwrap_or(0).max(least)
    };
    let first = widest(&mut steps.iter().map(|told| &told.tried), tried);
    let second = widest(&mut steps.iter().map(|told| &told.answer), answer);
    let [tried, answer, told] = words::CLOSING_HEADINGS;
    let headings = format!("{tried:first$}  {answer:second$}  {told}");
    writeln!(out, "{INDENT}{}", paint.tone(Tone::Faint, &headings))?;
    for Told { tried, answer, as_told, .. } in steps {
        let tone = match as_told {
            Some(true) => Tone::Good,
            Some(false) => Tone::Bad,
            None => Tone::Faint,
        };
        let told = paint.tone(tone, words::yes_or_no(*as_told));
        writeln!(out, "{INDENT}{tried:first$}  {answer:second$}  {told}")?;
    }
    writeln!(out, "\n{INDENT}{}", paint.tone(Tone::Heading, words::advice_title()))?;
    for advice in words::ADVICE {
        writeln!(out, "{INDENT}  {advice}")?;
    }
    Ok(())
}
