//! What `free` says.

use timewait_diagnose::words::number;
use timewait_facts::Pattern;

/// What TIME-WAIT is for, and so what ending it risks: the two reasons of the article, a line each.
pub(crate) const RISKS: [&str; 2] = [
    "If the peer has not got our last ACK, its FIN comes again and is answered by an RST.",
    "A late segment of the old connection may reach a new one with the same addresses and ports.",
];

pub(crate) fn none(address: &Pattern) -> String {
    format!("no socket in time-wait, and no orphan in fin-wait-2, holds {address}: nothing to end")
}

pub(crate) fn more(count: usize) -> String {
    format!("... and {} more", number(count))
}

fn sockets(count: usize) -> String {
    if count == 1 { "1 socket".to_owned() } else { format!("{} sockets", number(count)) }
}

pub(crate) fn question(count: usize) -> String {
    let these = if count == 1 { "this socket".to_owned() } else { format!("these {}", sockets(count)) };
    format!("End {these}? [y/N]")
}

pub(crate) fn dry_run(count: usize) -> String {
    format!("{} would be ended (--dry-run)", sockets(count))
}

pub(crate) fn left_alone() -> &'static str {
    "left alone"
}

pub(crate) fn ended(count: usize, gone: usize) -> String {
    let gone = if gone == 0 { String::new() } else { format!("; {} had gone by itself", number(gone)) };
    format!("{} ended{gone}", sockets(count))
}

pub(crate) fn refused(why: &str) -> String {
    format!("nothing was ended: {why}")
}

pub(crate) fn failed(count: usize, why: &str) -> String {
    format!("{} not ended: {why}", sockets(count))
}
