//! What `--all-netns` says beside its rows.

use timewait_diagnose::words::number;

pub(crate) fn hidden(processes: u32) -> String {
    let processes = match processes {
        1 => "1 process".to_owned(),
        many => format!("{} processes", number(usize::try_from(many).unwrap_or(usize::MAX))),
    };
    format!("the network namespaces of {processes} may not be looked at (CAP_SYS_PTRACE would allow it)")
}

pub(crate) fn beyond(count: usize) -> String {
    format!("{} more network namespaces are left out", number(count))
}

pub(crate) fn not_entered(name: &str, why: &str) -> String {
    format!("network namespace {name} is left out: {why}")
}

pub(crate) fn nothing(namespaces: usize) -> String {
    let place = if namespaces == 1 {
        "1 network namespace".to_owned()
    } else {
        format!("{} network namespaces", number(namespaces))
    };
    format!("no such socket in {place}")
}
