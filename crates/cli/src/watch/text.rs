//! Closes and their sums, for people.

use std::io::{self, Write};

use timewait_facts::Owner;
use timewait_linux::closes::{Close, Row};

use super::Seen;
use crate::{
    print::{Paint, Tone, owner_text, time_of_day_in, wrap},
    words::watch as words,
};

const WIDTH: usize = 80;

/// How wide the columns of addresses are so far: nobody knows which will come.
#[derive(Debug, Default)]
pub(super) struct Columns {
    local: usize,
    peer: usize,
}

/// A line for one close.
pub(super) fn close(
    out: &mut impl Write,
    close: &Close,
    columns: &mut Columns,
    paint: Paint,
) -> io::Result<()> {
    let (local, peer) = (close.local.to_string(), close.peer.to_string());
    columns.local = columns.local.max(local.len());
    columns.peer = columns.peer.max(peer.len());
    let Columns { local: local_width, peer: peer_width } = *columns;
    let time = time_of_day_in(std::time::Duration::ZERO);
    let first = format!("{:11}", words::first(close.first, close.first_inferred));
    let process = close.by.as_ref().map_or_else(|| "-".to_owned(), |by| owner_text(&by.owner));
    let known = close.by.as_ref().map(|by| words::known(Some(by.known))).unwrap_or_default();
    writeln!(
        out,
        "{}  {first}  {local:local_width$}  {peer:peer_width$}  {process}  {}",
        paint.tone(Tone::Faint, &time),
        paint.tone(Tone::Faint, known),
    )
}

/// The sums, row by row, and how they were come by.
pub(super) fn summary(
    out: &mut impl Write,
    seen: &Seen<'_>,
    after_lines: bool,
    paint: Paint,
) -> io::Result<()> {
    let watch = seen.watch;
    let (tally, elapsed) = (watch.tally(), watch.elapsed());
    let total = tally.total();
    if after_lines && total.closed() > 0 {
        writeln!(out)?;
    }
    writeln!(out, "{}", words::watched(elapsed, &total))?;
    if total.closed() > 0 {
        writeln!(out)?;
        rows(out, &tally.rows(), total.unseen > 0, paint)?;
        writeln!(out)?;
        note(out, &words::attributed(tally.attributed()))?;
    }
    if total.inferred_first > 0 {
        note(out, &words::inferred_first(total.inferred_first))?;
    }
    if total.unseen > 0 {
        note(out, &words::unseen(total.unseen))?;
    }
    if total.may_wait() > total.time_wait {
        note(out, &words::not_met(total.may_wait(), total.time_wait))?;
    }
    match seen.lost {
        Some(lost) => note(out, &words::lost(lost))?,
        None => note(out, &words::sampled_only(seen.opened))?,
    }
    if watch.overflowed() {
        note(out, words::overflowed())?;
    }
    note(out, &words::cost(watch.cost(), elapsed))
}

fn note(out: &mut impl Write, text: &str) -> io::Result<()> {
    wrap(text, WIDTH).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Cells of a table: a row's, and its heading's.
type Cells = Vec<String>;

fn rows(out: &mut impl Write, rows: &[&Row], unseen: bool, paint: Paint) -> io::Result<()> {
    let mut table = vec![heading(unseen)];
    table.extend(rows.iter().map(|row| cells(row, unseen)));
    let widths: Vec<usize> = (0..table.first().map_or(0, Vec::len))
        .map(|column| {
            let cell = |row: &Cells| row.get(column).map_or(0, |cell| cell.chars().count());
            table.iter().map(cell).max().unwrap_or(0)
        })
        .collect();
    let last = widths.len().saturating_sub(1);
    for (number, row) in table.iter().enumerate() {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            // Numbers to the right, words to the left.
            let is_word = column < 2 || column == last;
            let (before, after) = if is_word { ("", pad.as_str()) } else { (pad.as_str(), "") };
            line.extend([before, cell.as_str(), after, "  "]);
        }
        let line = line.trim_end();
        writeln!(out, "{}", if number == 0 { paint.tone(Tone::Faint, line) } else { line.to_owned() })?;
    }
    Ok(())
}

fn heading(unseen: bool) -> Cells {
    let mut heading = vec!["process", "port", "us", "peer", "both", "rst", "time-wait", "known by"];
    if unseen {
        heading.insert(6, "unseen");
    }
    heading.into_iter().map(str::to_owned).collect()
}

fn cells(row: &Row, unseen: bool) -> Cells {
    let counts = row.counts;
    let number = |count: u64| timewait_diagnose::words::number(usize::try_from(count).unwrap_or(usize::MAX));
    let process = row.owner.as_ref().map_or_else(|| "-".to_owned(), |owner| who(owner, row.processes()));
    let mut cells = vec![process, words::port(row.port)];
    cells.extend([counts.us, counts.peer, counts.both, counts.reset].map(number));
    if unseen {
        cells.push(number(counts.unseen));
    }
    cells.push(number(counts.time_wait));
    cells.push(words::known(row.known).to_owned());
    cells
}

/// `nginx.service (812) +3`: service, container or program; one process's id, and how many more there were.
fn who(owner: &Owner, processes: usize) -> String {
    let name = owner.workload().map_or_else(|| owner.command.to_string(), |workload| workload.to_string());
    let more = if processes > 1 { format!(" +{}", processes - 1) } else { String::new() };
    format!("{name} ({}){more}", owner.pid)
}
