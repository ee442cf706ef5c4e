//! What `ls` says beside its rows.

use timewait_diagnose::words::number;
use timewait_facts::{Pattern, State, States};

/// `2 sockets in time-wait`, `1 socket`.
pub(crate) fn total(count: u64, states: States) -> String {
    let noun = if count == 1 { "socket" } else { "sockets" };
    let count = self::count(count);
    if states == States::all() {
        format!("{count} {noun}")
    } else {
        format!("{count} {noun} in {}", either(states))
    }
}

fn either(states: States) -> String {
    let names: Vec<&str> = states.iter().map(State::name).collect();
    names.join(" or ")
}

/// `5 of 1,212 sockets in time-wait`: what was wanted of them.
pub(crate) fn some_of(shown: u64, total: &str) -> String {
    format!("{} of {total}", count(shown))
}

/// `the first 5 sockets in time-wait; there are more`
pub(crate) fn first_of_more(shown: u64, states: States) -> String {
    format!("the first {}; there are more", total(shown, states))
}

/// `2 groups`, `1 of 2 groups`
pub(crate) fn groups(shown: usize, found: usize) -> String {
    let noun = if found == 1 { "group" } else { "groups" };
    if shown == found {
        format!("{} {noun}", number(found))
    } else {
        format!("{} of {} {noun}", number(shown), number(found))
    }
}

/// `1,212`
pub(crate) fn count(count: u64) -> String {
    number(usize::try_from(count).unwrap_or(usize::MAX))
}

/// `59.8 s`
pub(crate) fn seconds(milliseconds: u32) -> String {
    format!("{:.1} s", f64::from(milliseconds) / 1e3)
}

pub(crate) fn no_process() -> &'static str {
    "no process holds them"
}

pub(crate) fn unseen_process() -> &'static str {
    "processes that may not be seen"
}

pub(crate) fn no_processes_in_time_wait() -> &'static str {
    "no process holds a socket in time-wait, and the kernel does not keep which did, so --by process has nothing to go by; \
    expected states of live sockets (--all, --state close-wait); which process makes them: timewait watch"
}

pub(crate) fn no_groups_without_owners() -> &'static str {
    "--by process needs /proc, in which owners are found"
}

/// `--sort local` where lines have no local end.
pub(crate) fn no_such_key(key: &str, by: Option<&str>, keys: &[&str]) -> String {
    let lines = by.map_or_else(|| "rows".to_owned(), |by| format!("groups --by {by}"));
    format!("{lines} have no {key} to --sort by; expected one of {}", keys.join(", "))
}

/// The end of the footer.
pub(crate) fn last_expires(count: u64, at: &str) -> String {
    if count == 1 { format!("it expires at {at}") } else { format!("the last expires at {at}") }
}

/// `no socket in time-wait at :9000 in network namespace web`
pub(crate) fn none(states: States, address: Option<&Pattern>, netns: Option<&str>) -> String {
    let state = if states == States::all() { String::new() } else { format!(" in {}", either(states)) };
    let at = address.map(|address| format!(" at {address}")).unwrap_or_default();
    let place =
        netns.map_or_else(|| "this network namespace".to_owned(), |name| format!("network namespace {name}"));
    format!("no socket{state}{at} in {place}")
}

/// Where else to look: sockets of other states are there.
pub(crate) fn other_states(states: &[(State, u64)], again: &str) -> String {
    let seen: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    format!("in other states: {} ({again})", seen.join(", "))
}

pub(crate) fn no_other_states() -> &'static str {
    "in other states: none either"
}

pub(crate) fn other_namespaces(again: &str) -> String {
    format!("in other network namespaces, such as a container's: {again}")
}

/// A user's view of other users' sockets.
pub(crate) fn hidden_owners(processes: u32) -> String {
    format!(
        "the owners of some sockets are not shown: /proc/PID/fd of {} may not be read (CAP_SYS_PTRACE would allow it)",
        if processes == 1 { "1 process".to_owned() } else { format!("{processes} processes") }
    )
}

pub(crate) fn no_owners(error: &str) -> String {
    format!("the owners of sockets are not shown: {error}")
}

pub(crate) fn bound_not_listed(kernel: &str) -> String {
    format!("this kernel ({kernel}) does not list sockets that are only bound; 6.8 and later do")
}
