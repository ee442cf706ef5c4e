//! What `lab` says.

use std::time::Duration;

use timewait_facts::KernelVersion;
use timewait_lab::Verdict;

pub(crate) const CONFIRMED: &str = "confirmed";
pub(crate) const REFUTED: &str = "refuted";
pub(crate) const NOT_TRIED: &str = "not tried";

pub(crate) fn opening(kernel: &str, claims: usize) -> String {
    let claims = if claims == 1 { "1 claim".to_owned() } else { format!("{claims} claims") };
    format!("{claims} about TIME-WAIT, tried on Linux {kernel}")
}

pub(crate) fn where_it_runs() -> &'static str {
    "Each in network namespaces of its own; nothing of this host is touched."
}

pub(crate) fn no_namespaces() -> &'static str {
    "nothing can be tried without a network namespace of our own"
}

pub(crate) fn no_such_claim(id: &str, near: &[&str]) -> String {
    let near = if near.is_empty() { String::new() } else { format!(" (near it: {})", near.join(", ")) };
    format!("there is no claim '{id}'{near}; `timewait lab --list` names them all")
}

pub(crate) fn done(done: usize, all: usize) -> String {
    format!("{done} of {all} done")
}

pub(crate) fn running(id: &str, family: &str, contrary: bool) -> String {
    let contrary = if contrary { ", the other way round" } else { "" };
    format!("{id} over {family}{contrary}")
}

pub(crate) fn takes_long() -> &'static str {
    "; with --all, or by name"
}

pub(crate) fn family_differs(family: &str, verdict: &Verdict, decided_by: &str) -> String {
    format!("over {family}: {}: {decided_by}", word(verdict))
}

/// A verdict in a word or two.
pub(crate) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Confirmed => CONFIRMED,
        Verdict::Refuted => REFUTED,
        Verdict::CouldNotTry(_) => NOT_TRIED,
    }
}

pub(crate) fn news(kernel: &KernelVersion, verdict: &Verdict) -> String {
    format!("news: {}", record(kernel, verdict))
}

/// What another kernel of this series answered, whose verdict was the other one.
pub(crate) fn record(kernel: &KernelVersion, verdict: &Verdict) -> String {
    let (major, minor) = kernel.series();
    let before = if *verdict == Verdict::Confirmed { REFUTED } else { CONFIRMED };
    format!("another Linux {major}.{minor} {before} it")
}

pub(crate) fn no_record(kernel: &KernelVersion) -> String {
    let (major, minor) = kernel.series();
    format!("There is no record of Linux {major}.{minor}: no verdict is news here.")
}

pub(crate) fn closing(confirmed: usize, refuted: usize, not_tried: usize, took: Duration) -> String {
    format!(
        "{confirmed} confirmed, {refuted} refuted, {not_tried} could not be tried; {:.1} s",
        took.as_secs_f64()
    )
}

/// The article's five parts, by what each is about.
pub(crate) fn part(number: u8) -> &'static str {
    match number {
        1 => "1  What TIME-WAIT is",
        2 => "2  How it comes about",
        3 => "3  What harm it does",
        4 => "4  Why it exists",
        _ => "5  How to live with it",
    }
}

/// What the article got right, and what it got wrong.
pub(crate) fn article(right: usize, wrong: &[&str], not_tried: usize) -> String {
    let all = right + wrong.len() + not_tried;
    let wrong = if wrong.is_empty() { String::new() } else { format!(", wrong in: {}", wrong.join(", ")) };
    let not_tried = if not_tried == 0 { String::new() } else { format!("; {not_tried} could not be tried") };
    format!("The article is right in {right} of {all} statements{wrong}{not_tried}.")
}

pub(crate) fn did_not_turn() -> &'static str {
    "The verdict is the same: on this kernel the change makes no difference."
}

pub(crate) fn more(slow_too: bool) -> &'static str {
    if slow_too {
        "Details: timewait lab old-duplicate"
    } else {
        "Details: timewait lab old-duplicate\nWith those that take longer: timewait lab --all"
    }
}

pub(crate) fn other_family(told: &str, other: &str) -> String {
    format!("Over {other}; what is above was over {told}")
}

pub(crate) fn contrary(what: &str) -> String {
    format!("The other way round: {what}")
}

pub(crate) fn setting(host: &str, name: &str, value: &str) -> String {
    if host == "host" { format!("{name} = {value}") } else { format!("{host}: {name} = {value}") }
}

pub(crate) fn call(host: &str, call: &str) -> String {
    if host == "host" { call.to_owned() } else { format!("{host}: {call}") }
}

pub(crate) fn rows(host: &str, when: &str) -> String {
    if host == "host" { when.to_owned() } else { format!("{host}, {when}") }
}

pub(crate) fn no_rows(heading: &str) -> String {
    format!("{heading}: no socket has this port")
}

/// Whether an answer is the name of an errno.
pub(crate) fn is_errno(answer: &str) -> bool {
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    answer.starts_with('E') && answer.len() > 3 && answer.chars().all(upper)
}

pub(crate) fn run_heading(family: &str, contrary: Option<&str>) -> String {
    contrary.map_or_else(
        || format!("Over {family}"),
        |what| format!("The other way round, over {family}: {what}"),
    )
}

pub(crate) fn capture(id: &str, kernel: &str, title: &str) -> String {
    format!("timewait lab {id}, on Linux {kernel}: {title}")
}

pub(crate) fn written(path: &str) -> String {
    format!("written: {path}")
}

pub(crate) fn cannot_write(path: &str) -> String {
    format!("cannot write {path}")
}

pub(crate) fn no_folder(path: &str) -> String {
    format!("{path} is no folder that can be written to")
}

pub(crate) fn is_no_file(path: &str) -> String {
    format!("{path} is no file that could be replaced; --report takes a file's name")
}

pub(crate) fn nothing_captured() -> &'static str {
    "no capture: these claims need no wire"
}

pub(crate) fn is_folder(path: &str) -> String {
    format!("{path} is a folder; --report takes a file's name")
}
