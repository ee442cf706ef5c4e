//! `timewait free`: ends the timewait minisockets that hold a port, and nothing else.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, IsTerminal as _, Write},
    process::ExitCode,
};

use anyhow::bail;
use timewait_facts::{Socket, State, States};
use timewait_linux::sockets::{EndError, Query, SocketTable};

use crate::{
    args::Free,
    print::{Columns, Paint, Table, problem},
    table::open,
    words::free as words,
};

/// Rows that are shown before the question; the others are counted.
const ROWS_SHOWN: usize = 20;

pub(crate) fn run(args: &Free, paint: Paint) -> anyhow::Result<ExitCode> {
    if args.address.port.is_none() {
        bail!("{} names no port; write one, as in :9000", args.address);
    }
    let mut table = open(args.netns.as_deref())?;
    let waiting = waiting(&mut table, args)?;
    let mut out = io::stdout().lock();
    if waiting.is_empty() {
        writeln!(out, "{}", words::none(&args.address))?;
        return Ok(ExitCode::SUCCESS);
    }
    show(&mut out, &waiting, paint)?;
    if args.dry_run {
        writeln!(out, "{}", words::dry_run(waiting.len()))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !is_agreed(&mut out, waiting.len())? {
        writeln!(out, "{}", words::left_alone())?;
        return Ok(ExitCode::SUCCESS);
    }
    end_all(&mut out, &mut table, &waiting, paint)
}

/// The minisockets whose local end is the one asked for, those that wait longest first.
fn waiting(table: &mut SocketTable, args: &Free) -> anyhow::Result<Vec<Socket>> {
    let states: States = [State::TimeWait, State::FinWait2].into_iter().collect();
    let mut sockets = table.collect(&Query::in_states(states).local(args.address))?;
    sockets.retain(Socket::is_minisocket);
    sockets.sort_by_key(|socket| (std::cmp::Reverse(socket.timer.expires_ms), socket.peer));
    Ok(sockets)
}

fn show(out: &mut impl Write, waiting: &[Socket], paint: Paint) -> anyhow::Result<()> {
    let mut rows = Table::new(out, paint, Columns { state: true, ..Columns::default() }, "");
    for socket in waiting.iter().take(ROWS_SHOWN) {
        rows.row(socket, None)?;
    }
    rows.end()?;
    if waiting.len() > ROWS_SHOWN {
        writeln!(out, "{}", words::more(waiting.len() - ROWS_SHOWN))?;
    }
    writeln!(out)?;
    for risk in words::RISKS {
        writeln!(out, "{risk}")?;
    }
    Ok(())
}

fn is_agreed(out: &mut impl Write, count: usize) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("nobody to ask: standard input is no terminal; --yes ends them, --dry-run does not");
    }
    write!(out, "{} ", words::question(count))?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

/// Ends them one by one, by exact cookie. What refuses one for lack of a capability would refuse all.
fn end_all(
    out: &mut impl Write,
    table: &mut SocketTable,
    waiting: &[Socket],
    paint: Paint,
) -> anyhow::Result<ExitCode> {
    let (mut ended, mut gone) = (0, 0);
    let mut failures: BTreeMap<String, usize> = BTreeMap::new();
    for socket in waiting {
        match table.end(socket) {
            Ok(_) => ended += 1,
            Err(EndError::Gone) => gone += 1,
            Err(error @ (EndError::NotPermitted(_) | EndError::Unsupported(_))) => {
                writeln!(io::stderr(), "{}", problem(paint, &words::refused(&error.to_string())))?;
                return Ok(ExitCode::from(2));
            }
            Err(error @ (EndError::NotWaiting(_) | EndError::Answer(_))) => {
                *failures.entry(error.to_string()).or_default() += 1;
            }
        }
    }
    writeln!(out, "{}", words::ended(ended, gone))?;
    for (error, count) in &failures {
        writeln!(io::stderr(), "{}", problem(paint, &words::failed(*count, error)))?;
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
