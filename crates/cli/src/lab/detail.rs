//! A claim in detail: how it was tried, each step of it, the packets, the rows; then the other way round.

use std::{io::Write, time::Duration};

use timewait_facts::{KernelVersion, Socket, State, Timer, TimerKind};
use timewait_lab::{Drawing, Entry, Finding, SeenSocket, Verdict};
use timewait_tcp::draw::{Ladder, side_by_side};

use super::{
    Found, is_news,
    table::{meaning, verdict},
};
use crate::{
    print::{Columns, Paint, Table, Tone, label, page, print_drawing, wrap},
    words::lab as words,
};

const WIDTH: usize = 80;
const INDENT: &str = "   ";
/// Columns that two ladders take next to each other.
const TWO_LADDERS: usize = 156;

pub(super) fn print(
    out: &mut impl Write,
    paint: Paint,
    found: &Found,
    kernel: &KernelVersion,
) -> anyhow::Result<()> {
    let Some(told) = found.told(kernel) else { return Ok(()) };
    let about = found.claim.about;
    let name = paint.tone(Tone::Heading, about.id);
    writeln!(out, "{name}: {}\n", verdict(paint, &told.verdict, 0))?;
    label(out, paint, "says", &[format!("{}: {}", about.by, about.says)])?;
    label(out, paint, "tried", &[about.how.to_owned()])?;
    writeln!(out)?;
    journal(out, paint, told)?;
    result(out, paint, found, told, kernel)?;
    for other in found.as_said().filter(|other| other.family != told.family) {
        writeln!(out)?;
        short(out, paint, other, &words::other_family(told.family.name(), other.family.name()))?;
    }
    for contrary in found.contrary().filter(|contrary| contrary.family == told.family) {
        writeln!(out)?;
        short(out, paint, contrary, &words::contrary(contrary.contrary.as_deref().unwrap_or_default()))?;
        if contrary.verdict == told.verdict {
            writeln!(out, "{INDENT}{}", paint.tone(Tone::Bad, words::did_not_turn()))?;
        }
        if !contrary.drawings.is_empty() {
            writeln!(out)?;
            ladders(out, paint, &contrary.drawings)?;
        }
    }
    writeln!(out)?;
    Ok(())
}

/// The verdict, what decided, what it means, and whether it is news.
fn result(
    out: &mut impl Write,
    paint: Paint,
    found: &Found,
    told: &Finding,
    kernel: &KernelVersion,
) -> anyhow::Result<()> {
    let word = match &told.verdict {
        Verdict::CouldNotTry(reason) => format!("{}: {reason}", words::NOT_TRIED),
        Verdict::Confirmed => format!("{}: {}", words::CONFIRMED, told.decided_by),
        Verdict::Refuted => format!("{}: {}", words::REFUTED, told.decided_by),
    };
    label(out, paint, "so", &[word])?;
    let meaning = meaning(found, told);
    if !meaning.is_empty() {
        label(out, paint, "means", &[meaning.to_owned()])?;
    }
    if is_news(found.claim, told, kernel) {
        label(out, paint, "news", &[words::record(kernel, &told.verdict)])?;
    }
    Ok(())
}

/// Another run of the same claim, in a few lines.
fn short(out: &mut impl Write, paint: Paint, finding: &Finding, heading: &str) -> anyhow::Result<()> {
    for line in wrap(heading, WIDTH) {
        writeln!(out, "{}", paint.tone(Tone::Heading, &line))?;
    }
    let reason = match &finding.verdict {
        Verdict::CouldNotTry(reason) => reason,
        Verdict::Confirmed | Verdict::Refuted => &finding.decided_by,
    };
    let lines = wrap(reason, WIDTH - INDENT.len() - 11);
    for (position, line) in lines.iter().enumerate() {
        let word = if position == 0 { verdict(paint, &finding.verdict, 11) } else { " ".repeat(11) };
        writeln!(out, "{INDENT}{word}{line}")?;
    }
    Ok(())
}

/// What was done and seen, in order.
pub(super) fn journal(out: &mut impl Write, paint: Paint, finding: &Finding) -> anyhow::Result<()> {
    // Where two fit next to each other they are to be compared, after all has been told.
    let together = finding.drawings.len() > 1 && page(0).width >= TWO_LADDERS;
    for entry in &finding.journal {
        match entry {
            Entry::Case(what) => writeln!(out, "{INDENT}{}", paint.tone(Tone::Heading, what))?,
            Entry::Did(what) => wrapped(out, what)?,
            Entry::Set { host, name, value } => wrapped(out, &words::setting(host, name, value))?,
            Entry::Called { host, call, answer } => {
                let line = words::call(host, call);
                let answer = match answer.as_str() {
                    "OK" => paint.tone(Tone::Good, answer),
                    errno if words::is_errno(errno) => paint.tone(Tone::Bad, errno),
                    other => other.to_owned(),
                };
                writeln!(out, "{INDENT}  {line}: {answer}")?;
            }
            Entry::Rows { host, when, rows } => table(out, paint, &words::rows(host, when), rows)?,
            Entry::Drawn(number) => {
                let drawing = finding.drawings.get(*number..=*number).unwrap_or_default();
                if !together {
                    writeln!(out)?;
                    ladders(out, paint, drawing)?;
                    writeln!(out)?;
                }
            }
        }
    }
    writeln!(out)?;
    if together {
        ladders(out, paint, &finding.drawings)?;
        writeln!(out)?;
    }
    Ok(())
}

fn wrapped(out: &mut impl Write, text: &str) -> anyhow::Result<()> {
    for line in wrap(text, WIDTH - INDENT.len() - 2) {
        writeln!(out, "{INDENT}  {line}")?;
    }
    Ok(())
}

fn table(out: &mut impl Write, paint: Paint, heading: &str, rows: &[SeenSocket]) -> anyhow::Result<()> {
    if rows.is_empty() {
        return wrapped(out, &words::no_rows(heading));
    }
    writeln!(out, "{INDENT}  {heading}:")?;
    let columns = Columns { state: true, ..Columns::default() };
    let mut table = Table::new(out, paint, columns, "       ");
    for row in rows {
        if let Some(socket) = socket(row) {
            table.row(&socket, None)?;
        }
    }
    table.end()?;
    Ok(())
}

/// The row as the socket table had it, as far as it was kept.
fn socket(row: &SeenSocket) -> Option<Socket> {
    let state: State = row.state.parse().ok()?;
    let bare = Socket::bare(state, row.local, row.peer);
    let left = row.expires_in_ms.map(|ms| Duration::from_millis(ms).as_millis());
    let timer = left.map_or(bare.timer, |ms| Timer {
        kind: TimerKind::TimeWait,
        expires_ms: u32::try_from(ms).unwrap_or(u32::MAX),
        retries: 0,
    });
    Some(Socket { timer, ..bare })
}

/// Ladders, one under the other, or next to each other where the terminal is wide enough.
fn ladders(out: &mut impl Write, paint: Paint, drawings: &[Drawing]) -> anyhow::Result<()> {
    let ladders: Vec<Ladder> = drawings.iter().map(|drawing| Ladder::of(&drawing.trace)).collect();
    print_drawing(out, paint, &side_by_side(&ladders, page(0)), "")?;
    Ok(())
}
