//! The answer for people, on one screen.

use std::{cmp::Reverse, collections::BTreeMap, io::Write};

use timewait_diagnose::{
    Note, Role, Until,
    bind::{Answer, Call, On, Verdict},
    words as findings,
};

use super::answers::{Answered, FlagSet, Outcome};
use crate::{
    args::Why,
    port_facts::{Held, ROWS_KEPT},
    print::{Columns, Paint, Table, Tone, label, print_lines, wrap},
    words::why as words,
};

/// Writes one block for each answer; addresses whose answers are alike share one.
pub(super) fn write(
    out: &mut impl Write,
    answered: &[Answered],
    args: &Why,
    paint: Paint,
) -> anyhow::Result<()> {
    let code = |answered: &Answered| answered.finding.as_ref().map(|finding| finding.code);
    let alike =
        |one: &Answered, other: &Answered| one.outcome() == other.outcome() && code(one) == code(other);
    for (position, group) in answered.chunk_by(alike).enumerate() {
        let Some(first) = group.first() else { continue };
        if position > 0 {
            writeln!(out)?;
        }
        let addresses: Vec<_> = group.iter().map(|answered| answered.request.address).collect();
        block(out, first, &words::both(&addresses), paint)?;
        rows(out, first, args, paint)?;
        table(out, first, paint)?;
    }
    Ok(())
}

fn block(out: &mut impl Write, answered: &Answered, place: &str, paint: Paint) -> anyhow::Result<()> {
    let flags = answered.flags.to_string();
    let until = answered.finding.as_ref().map_or(Until::Unknown, |finding| finding.until);
    let (tone, headline) = match answered.outcome() {
        Outcome::Succeeds => (Tone::Good, words::yes(place, &flags)),
        Outcome::Fails(call, answer) => (Tone::Bad, words::no((call, answer), place, until, &flags)),
        Outcome::Depends => (Tone::Waiting, words::depends(place, possible_errno(answered), &flags)),
    };
    writeln!(out, "{}\n", paint.tone(tone, &headline))?;
    match (&answered.finding, open_question(answered)) {
        (Some(finding), Some(on)) => {
            label(out, paint, "who", &findings::who(finding))?;
            label(out, paint, "why", &[findings::depends(on)])?;
            label(out, paint, "do", &words::settle(answered.request.address, until))?;
        }
        (Some(finding), None) => print_lines(out, paint, finding)?,
        (None, _) => {
            label(out, paint, "who", &[passed(answered)])?;
            let elsewhere = Some(answered.found.facts.elsewhere).filter(|&sockets| sockets > 0);
            let elsewhere = elsewhere.map(|sockets| findings::note(Note::OtherNamespace { sockets }));
            let rivals = Some(answered.rivals()).filter(|&rivals| rivals > 0).map(words::rivals);
            label(out, paint, "note", &rivals.into_iter().chain(elsewhere).collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

/// What the answer depends on, where it does.
fn open_question(answered: &Answered) -> Option<On> {
    match &answered.asked()?.predicted.bind {
        Verdict::Depends { on, .. } if answered.outcome() == Outcome::Depends => Some(*on),
        Verdict::Depends { .. } | Verdict::Fails(_) | Verdict::Succeeds => None,
    }
}

/// Whom a success passes.
fn passed(answered: &Answered) -> String {
    let facts = &answered.found.facts;
    let mut counts: BTreeMap<Role, usize> = BTreeMap::new();
    let roles = facts.roles();
    for occupant in &facts.occupants {
        *counts.entry(roles.of(occupant)).or_default() += occupant.count;
    }
    if counts.is_empty() {
        return words::nobody().to_owned();
    }
    let kinds: Vec<String> = counts.into_iter().map(|(role, count)| words::passing(role, count)).collect();
    words::passes(&kinds.join(", "), answered.found.sockets)
}

fn possible_errno(answered: &Answered) -> Answer {
    let failure = answered.asked().and_then(|set| set.predicted.bind.failure());
    failure.map_or(Answer::Other, |failure| failure.answer)
}

/// The sockets that share the port, by the way in which they hold it.
fn rows(out: &mut impl Write, answered: &Answered, args: &Why, paint: Paint) -> anyhow::Result<()> {
    if answered.found.rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let limit = if args.rows { usize::MAX } else { ROWS_KEPT };
    let mut shown = 0;
    let mut table = Table::new(out, paint, Columns { state: true, owner: true, details: false }, "  ");
    for rows in answered.found.rows.values() {
        for (socket, owner) in longest_first(rows).into_iter().take(limit) {
            table.row(socket, owner.as_ref())?;
            shown += 1;
        }
    }
    table.end()?;
    if answered.found.sockets > shown {
        writeln!(out, "  {}", words::more(answered.found.sockets - shown))?;
    }
    Ok(())
}

/// Those that wait longest first.
pub(super) fn longest_first(rows: &[Held]) -> Vec<&Held> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|(socket, _)| (Reverse(socket.timer.expires_ms), socket.local, socket.peer));
    rows
}

/// Every set of flags, the one that is asked about first.
fn table(out: &mut impl Write, answered: &Answered, paint: Paint) -> anyhow::Result<()> {
    let mut lines: Vec<[String; 4]> = vec![words::HEADINGS.map(str::to_owned)];
    lines.extend(answered.answers.iter().map(|set| {
        let [bind, listen] = calls(set);
        [set.flags.to_string(), bind, listen, words::known_by(set.known_by()).to_owned()]
    }));
    let width =
        |column: usize| lines.iter().filter_map(|line| line.get(column)).map(String::len).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), 0];
    writeln!(out)?;
    for (position, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let line = if position == 0 { paint.tone(Tone::Faint, &line) } else { line };
        writeln!(out, "  {}", line.trim_end())?;
    }
    let not_rehearsed = answered.not_rehearsed.as_deref().map(words::not_rehearsed);
    for note in answered.unread.iter().chain(&not_rehearsed) {
        writeln!(out)?;
        for line in wrap(note, 76) {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}

/// What the two calls answer: a word each.
pub(super) fn calls(set: &FlagSet) -> [String; 2] {
    let verdict = |verdict: &Verdict| match verdict {
        Verdict::Succeeds => "ok".to_owned(),
        Verdict::Fails(failure) => words::errno(failure.answer).to_owned(),
        Verdict::Depends { .. } => "depends".to_owned(),
    };
    let bind = match set.tried {
        Some(Err(answer)) => words::errno(answer).to_owned(),
        Some(Ok(())) => "ok".to_owned(),
        None => verdict(&set.predicted.bind),
    };
    let not_reached = matches!(set.outcome(), Outcome::Fails(Call::Bind, _));
    let listen = if not_reached { None } else { set.predicted.listen.as_ref() };
    [bind, listen.map_or_else(|| "-".to_owned(), verdict)]
}
