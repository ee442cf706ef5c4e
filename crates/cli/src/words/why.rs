//! What `why` says.

use std::{net::SocketAddr, time::Duration};

use timewait_diagnose::{
    Role, Until,
    bind::{Answer, Call, On},
    words::{number, seconds},
};
use timewait_linux::rehearsal::NotRebuilt;

pub(crate) fn call(call: Call) -> &'static str {
    match call {
        Call::Bind => "bind(2)",
        Call::Listen => "listen(2)",
    }
}

pub(crate) fn errno(answer: Answer) -> &'static str {
    answer.name().unwrap_or("another errno")
}

pub(crate) fn both(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" and ")
}

/// `Yes: bind(2) and listen(2) on 0.0.0.0:9000 succeed with SO_REUSEADDR.`
pub(crate) fn yes(place: &str, flags: &str) -> String {
    format!("Yes: bind(2) and listen(2) on {place} succeed ({flags}).")
}

/// `No: bind(2) on 0.0.0.0:9000 fails with EADDRINUSE for another 59.8 s (reuseaddr).`
pub(crate) fn no(failing: (Call, Answer), place: &str, until: Until, flags: &str) -> String {
    let for_long = match until {
        Until::Expires(left) => format!(" for another {}", seconds(left)),
        Until::Released | Until::ConnectionsEnd | Until::Changed | Until::Unknown => String::new(),
    };
    format!("No: {} on {place} fails with {}{for_long} ({flags}).", call(failing.0), errno(failing.1))
}

pub(crate) fn depends(place: &str, answer: Answer, flags: &str) -> String {
    format!("It depends: bind(2) on {place} succeeds or fails with {} ({flags}).", errno(answer))
}

/// What an open answer depends on, for scripts.
pub(crate) fn depends_on_name(on: On) -> &'static str {
    match on {
        On::Flags(_) => "old-flags",
        On::History => "history",
    }
}

/// What settles an open question.
pub(crate) fn settle(address: SocketAddr, until: Until) -> Vec<String> {
    let trial = format!("settle it by one bind(2) on this host: timewait why {address} --try");
    match until {
        Until::Expires(left) => vec![trial, format!("or wait {}", seconds(left))],
        Until::Released | Until::ConnectionsEnd | Until::Changed | Until::Unknown => vec![trial],
    }
}

pub(crate) fn passing(role: Role, count: usize) -> String {
    let many = if count == 1 { "1 socket".to_owned() } else { format!("{} sockets", number(count)) };
    format!("{many} {}", how(role))
}

fn how(role: Role) -> &'static str {
    match role {
        Role::Listener => "listening",
        Role::Bound => "bound, not listening",
        Role::Connection => "of open connections",
        Role::Outgoing => "of outgoing connections",
        Role::OrphanedFinWait2 => "in fin-wait-2, held by no process",
        Role::TimeWait => "in time-wait",
        Role::OutgoingWaiting => "of outgoing connections, waiting",
    }
}

pub(crate) fn nobody() -> &'static str {
    "no socket of this network namespace has the port"
}

pub(crate) fn passes(sockets: &str, count: usize) -> String {
    let they = if count == 1 { "it does not stand" } else { "they do not stand" };
    format!("{sockets}: {they} in its way")
}

/// Sockets that passed bind(2) by SO_REUSEADDR as this one would.
pub(crate) fn rivals(count: usize) -> String {
    let sockets = if count == 1 {
        "a bound socket shares".to_owned()
    } else {
        format!("{} bound sockets share", number(count))
    };
    format!(
        "{sockets} the port by SO_REUSEADDR: whoever listens first has it, and listen(2) of the others fails"
    )
}

/// Our own defect: the rules and the kernel disagree, and nothing has changed in between.
pub(crate) fn defect(address: SocketAddr, flags: &str) -> String {
    format!(
        "the rules and this kernel disagree on a bind(2) to {address} ({flags}), and the sockets on the port are the \
         same as before: a defect of this program. Please report it with the output of: timewait why {address} \
         --flags {flags} --try --rows --json; timewait ls --all --local {address} -v; uname -r"
    )
}

pub(crate) fn more(count: usize) -> String {
    format!("... and {} more (--rows shows all)", number(count))
}

pub(crate) const HEADINGS: [&str; 4] = ["flags", "bind", "listen", "known by"];

/// How an answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KnownBy {
    Rules,
    Rehearsal,
    Contradicted,
    Trial,
}

pub(crate) fn known_by(how: KnownBy) -> &'static str {
    match how {
        KnownBy::Rules => "predicted",
        KnownBy::Rehearsal => "checked on this kernel",
        KnownBy::Contradicted => "predicted, and this kernel did otherwise in a rehearsal",
        KnownBy::Trial => "tried here",
    }
}

/// A listener whose options are not known.
pub(crate) fn unread(listener: SocketAddr, why: &str) -> String {
    format!("the options of the listener on {listener} could not be read: {why}")
}

/// Why a situation was not rebuilt.
pub(crate) fn not_rebuilt(why: NotRebuilt) -> String {
    match why {
        NotRebuilt::Users => "it has several users' sockets, and only root can be all of them".to_owned(),
        NotRebuilt::Devices => {
            "it has sockets on several devices, and a private namespace has one".to_owned()
        }
        NotRebuilt::Refused { errno, .. } => format!("a socket of it could not be made again, {errno}"),
        NotRebuilt::NotReached { .. } => "a socket of it did not get into its state again in time".to_owned(),
    }
}

pub(crate) fn not_rehearsed(why: &str) -> String {
    format!("predicted only, not checked on this kernel: {why}")
}

pub(crate) fn waiting(left: Duration) -> String {
    format!("waiting, another {}", seconds(left))
}

pub(crate) fn waited_in_vain(limit: Duration) -> String {
    format!("not within {}", seconds(limit))
}

pub(crate) fn cannot_wait() -> &'static str {
    "waiting would not help: nobody can know when this ends"
}

/// Of `why --listening` and `--pid`.
pub(crate) fn no_listener(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "nothing listens here".to_owned(),
        |pid| format!("process {pid} has no TCP listener here"),
    )
}

pub(crate) const RESTART_HEADINGS: [&str; 4] = ["listener", "flags", "restart", "owner"];

pub(crate) fn restarts() -> &'static str {
    "would succeed"
}

pub(crate) fn restart_fails(answer: Answer, connections: usize) -> String {
    let connections = if connections == 1 {
        "1 connection".to_owned()
    } else {
        format!("{} connections", number(connections))
    };
    format!("{} over {connections}", errno(answer))
}

pub(crate) fn restart_depends() -> &'static str {
    "depends on flags"
}

pub(crate) fn flags_unknown() -> &'static str {
    "not readable"
}

pub(crate) fn restart_note() -> &'static str {
    "(inferred: connections have their listener's flags; a restart is judged with the flags that it has now)"
}
