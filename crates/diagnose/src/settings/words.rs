//! The sentences about settings: what they really do, and what people expect of them.

use timewait_facts::{KernelVersion, Untrusted};

use super::{Code, Evidence, Finding, Place};
use crate::words::number;

/// Ports that are named in a sentence; a host may have thousands.
const NAMED: usize = 10;
/// What is shown of a value; a file may have any.
const SHOWN: usize = 60;

/// `net.ipv4.tcp_fin_timeout = 15 (99-tune.conf:3)`
pub fn subject(finding: &Finding) -> String {
    let value = finding.value.as_ref().map(|value| format!(" = {}", beginning(value))).unwrap_or_default();
    let place = finding.place.as_ref().map(|at| format!(" ({})", place(at))).unwrap_or_default();
    format!("{}{value}{place}", finding.subject)
}

/// As much of a value as a line holds.
fn beginning(value: &Untrusted) -> String {
    match value.as_bytes().get(..SHOWN) {
        Some(shown) if shown.len() < value.as_bytes().len() => format!("{}...", Untrusted::show(shown)),
        _ => value.to_string(),
    }
}

fn place(at: &Place) -> String {
    format!("{}:{}", at.file, at.line)
}

fn limit(finding: &Finding) -> String {
    match finding.evidence {
        Evidence::Against(limit) => number(usize::try_from(limit).unwrap_or(0)),
        Evidence::Count(count) => number(usize::try_from(count).unwrap_or(usize::MAX)),
        Evidence::Value
        | Evidence::Listeners { .. }
        | Evidence::Nearest(_)
        | Evidence::Versions { .. }
        | Evidence::Later(_) => String::new(),
    }
}

/// What it really does here.
pub fn what(finding: &Finding, kernel: &KernelVersion) -> String {
    let by_numbers = || limited(finding).or_else(|| counted(finding)).or_else(|| pointed(finding, kernel));
    fixed(finding.code).map(str::to_owned).or_else(by_numbers).unwrap_or_default()
}

/// What is the same on every host.
fn fixed(code: Code) -> Option<&'static str> {
    settings(code).or_else(|| lines(code))
}

fn settings(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::RecycleDrops => {
            "it drops connections of clients that share one address (NAT): their timestamps differ. It never was safe, \
             and is gone since 4.12"
        }
        Code::TimestampsOff => {
            "without timestamps a port in TIME-WAIT is not used again (tcp_tw_reuse does nothing), and a server's \
             TIME-WAIT no longer keeps old segments from a new connection"
        }
        Code::TimestampsPlain => {
            "timestamps without an offset of their own for each connection: they tell the uptime"
        }
        Code::ReuseNeedsTimestamps => "tcp_timestamps is 0, so it does nothing",
        Code::ReuseNotForServers => {
            "it is for connect(2) alone: a server's bind(2) is refused as before. A port is used again only where both \
             ends have timestamps, and after a delay"
        }
        Code::ReuseLoopbackOnly => {
            "for connections over loopback only; so a kernel since 4.18 begins by itself"
        }
        Code::Rfc1337 => {
            "1 keeps an RST from ending a TIME-WAIT: the protection of RFC 1337. The kernel's own text (ip-sysctl) says \
             the reverse; tcp(7) is right"
        }
        Code::AbortOnOverflow => {
            "a connection that finds the queue full gets an RST; without it, the client tries again and does not notice"
        }
        Code::SyncookiesAlways => {
            "every connection gets a SYN cookie, for tests: options that do not fit are lost"
        }
        Code::SyncookiesOff => "a flood of SYNs fills the queue, and nobody else gets in",
        Code::MigrateReq => {
            "half-open connections of a listener that closes go to another one with SO_REUSEPORT; it has nothing to do \
             with TIME-WAIT"
        }
        Code::Keepalive => {
            "probes of idle connections that asked for them (SO_KEEPALIVE); it has nothing to do with TIME-WAIT, nor \
             with HTTP's keep-alive"
        }
        _ => return None,
    })
}

fn lines(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::RangeOdd => {
            "an odd number of ports: each search of connect(2) leaves one out, and the last may be refused"
        }
        Code::RangeLow => {
            "it holds ports that servers use, and none is reserved: while a server is down, an outgoing connection may \
             take its port, and no option of the server's gets it back"
        }
        Code::RestartDepends => "whether bind(2) would be refused depends on options that could not be read",
        Code::NotMainline => {
            "Linux has no such setting: TIME-WAIT is a constant. Some vendor's kernel may have it"
        }
        Code::BadValue => "the kernel refuses this value: the setting stays what it was",
        Code::TrailingText => {
            "the kernel reads the number and not what is behind it; a comment has a line of its own"
        }
        Code::NotAssignment => "no assignment, and no comment: the line is left out",
        _ => return None,
    })
}

/// What is judged against a number.
fn limited(finding: &Finding) -> Option<String> {
    let limit = limit(finding);
    Some(match finding.code {
        Code::FinTimeout => format!(
            "TIME-WAIT stays 60 s, a constant of the kernel; this setting, {limit} s by default, is for FIN-WAIT-2 of \
             closed sockets, which wait for the peer's FIN"
        ),
        Code::ReuseDelay => format!(
            "connect(2) uses a port in TIME-WAIT again after so many ms; the kernel begins with {limit}, one tick of \
             the slowest timestamps"
        ),
        Code::BucketsLowered => format!(
            "beyond this number connections are closed without TIME-WAIT, and nothing protects them; a kernel begins \
             with half of its hash table, {limit}{}. A TIME-WAIT takes 256 bytes",
            assumed(finding)
        ),
        Code::OrphansLowered => format!(
            "beyond this number closed connections are reset, and what they had yet to send is lost; a kernel begins \
             with half of its hash table, {limit}{}",
            assumed(finding)
        ),
        Code::SomaxconnLow => {
            format!("listen(2) cuts every backlog to it without a word; the kernel begins with {limit}")
        }
        Code::Conntrack => format!(
            "the firewall's table of connections has a timer of its own, {limit} s by default; TCP's TIME-WAIT stays 60 s"
        ),
        Code::RangeNarrow => format!(
            "fewer than the {limit} ports that a kernel begins with; each pair of source and destination has these, \
             for 60 s each where this side closes first"
        ),
        Code::QueueFull => {
            format!("its queue of connections is full (backlog {limit}): new ones are dropped")
        }
        Code::BacklogCapped => format!(
            "its backlog is {limit}, just what net.core.somaxconn allows: it may have asked for more (inferred)"
        ),
        _ => return None,
    })
}

/// A file does not say how large a machine is.
fn assumed(finding: &Finding) -> &'static str {
    if finding.place.is_some() { " with 4 GiB of memory" } else { "" }
}

/// What was counted.
fn counted(finding: &Finding) -> Option<String> {
    let count = limit(finding);
    Some(match finding.code {
        Code::RestartFails => format!(
            "bind(2) would be refused over {count} connections that it would leave behind (timewait why --listening)"
        ),
        Code::CountedTimeWaitOverflow => {
            format!(
                "{count} connections were closed without TIME-WAIT: over tcp_max_tw_buckets, or without memory"
            )
        }
        Code::CountedListenOverflows => format!("{count} times a connection found a listener's queue full"),
        Code::CountedListenDrops => {
            format!("{count} times a connection was dropped at a listener for another reason")
        }
        Code::CountedAbortOnMemory => format!(
            "{count} closed connections were reset: over tcp_max_orphans, or over tcp_mem; unsent data were lost"
        ),
        Code::CountedRequestQueueFull => {
            format!("{count} SYNs were dropped, since the queue was full and no cookie sent")
        }
        Code::CountedPaws => {
            format!("{count} segments were too old by their timestamps, and were not let in")
        }
        _ => return None,
    })
}

/// What points elsewhere: to a name, a version, a line.
fn pointed(finding: &Finding, kernel: &KernelVersion) -> Option<String> {
    Some(match (finding.code, &finding.evidence) {
        (Code::RecycleGone, _) => {
            format!("removed with Linux 4.12; {} has no such setting, and sysctl fails", kernel.number())
        }
        (Code::ReuseTwoIsOne, _) => {
            format!("before 4.18 any value but 0 is 1: on {} it is for all connections", kernel.number())
        }
        (Code::UnknownKey, Evidence::Nearest(nearest)) => {
            format!("no kernel has this setting; {nearest} was meant, most likely")
        }
        (Code::UnknownKey, _) => "no kernel has this setting".into(),
        (Code::Overridden, Evidence::Later(later)) => {
            format!("{} says something else, later, and that counts", place(later))
        }
        (Code::Overridden, _) => "a later line says something else, and that counts".into(),
        (Code::NotInThisKernel, _) => versions(finding, kernel),
        (Code::RangeHoldsListeners, _) => listeners(finding),
        _ => return None,
    })
}

fn listeners(finding: &Finding) -> String {
    let Evidence::Listeners { ports, .. } = &finding.evidence else { return String::new() };
    let named: Vec<String> = ports.iter().take(NAMED).map(u16::to_string).collect();
    let more = if ports.len() > NAMED {
        format!(" and {} more", number(ports.len() - NAMED))
    } else {
        String::new()
    };
    format!(
        "listeners have ports of it that are not reserved: {}{more}. While one is down, an outgoing connection may take \
         its port, and no option gets it back (a port that the kernel chose by itself needs no reservation; which did, \
         no table shows)",
        named.join(", ")
    )
}

fn versions(finding: &Finding, kernel: &KernelVersion) -> String {
    let kernel = kernel.number();
    match finding.evidence {
        Evidence::Versions { until: Some((major, minor)), .. } => {
            format!("gone with Linux {major}.{minor}; {kernel} has no such setting")
        }
        Evidence::Versions { since: (major, minor), .. } => {
            format!("Linux has it from {major}.{minor} on; {kernel} has no such setting")
        }
        _ => format!("{kernel} has no such setting"),
    }
}

/// What would change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This setting to this value.
    Set(&'static str, String),
    /// The line is to be left out.
    DropLine,
    /// Something else, in words.
    Other(&'static str),
}

/// What would change it; nothing where it may stay as it is.
pub fn change(finding: &Finding) -> Option<Change> {
    let set = |name, value: &str| Some(Change::Set(name, value.to_owned()));
    let usual = || match finding.evidence {
        Evidence::Against(limit) => limit.to_string(),
        _ => String::new(),
    };
    match finding.code {
        Code::RecycleDrops => set("net.ipv4.tcp_tw_recycle", "0"),
        Code::TimestampsOff | Code::TimestampsPlain | Code::ReuseNeedsTimestamps => {
            set("net.ipv4.tcp_timestamps", "1")
        }
        Code::BucketsLowered => set("net.ipv4.tcp_max_tw_buckets", &usual()),
        Code::OrphansLowered => set("net.ipv4.tcp_max_orphans", &usual()),
        Code::SomaxconnLow => set("net.core.somaxconn", &usual()),
        Code::SyncookiesAlways | Code::SyncookiesOff => set("net.ipv4.tcp_syncookies", "1"),
        Code::AbortOnOverflow => set("net.ipv4.tcp_abort_on_overflow", "0"),
        Code::RangeHoldsListeners => match &finding.evidence {
            Evidence::Listeners { ports, reserved } => {
                let before = Some(reserved.clone()).filter(|reserved| !reserved.is_empty());
                let all: Vec<String> = before.into_iter().chain(ports.iter().map(u16::to_string)).collect();
                set("net.ipv4.ip_local_reserved_ports", &all.join(","))
            }
            _ => None,
        },
        Code::RangeNarrow | Code::RangeOdd | Code::RangeLow => {
            set("net.ipv4.ip_local_port_range", "32768 60999")
        }
        Code::UnknownKey | Code::BadValue => Some(Change::Other("write what was meant")),
        Code::RecycleGone | Code::NotMainline | Code::NotInThisKernel | Code::NotAssignment => {
            Some(Change::DropLine)
        }
        Code::RestartFails | Code::RestartDepends => Some(Change::Other("set SO_REUSEADDR before bind(2)")),
        Code::QueueFull => Some(Change::Other("accept faster, or listen with a larger backlog")),
        Code::CountedTimeWaitOverflow
        | Code::CountedListenOverflows
        | Code::CountedListenDrops
        | Code::CountedAbortOnMemory
        | Code::CountedRequestQueueFull
        | Code::CountedPaws
        | Code::FinTimeout
        | Code::ReuseNotForServers
        | Code::ReuseLoopbackOnly
        | Code::ReuseTwoIsOne
        | Code::ReuseDelay
        | Code::Rfc1337
        | Code::BacklogCapped
        | Code::MigrateReq
        | Code::Keepalive
        | Code::Conntrack
        | Code::TrailingText
        | Code::Overridden => None,
    }
}

/// A setting's value among a stranger's text, for a command that is printed.
pub fn quoted(value: &str) -> String {
    let is_plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".,-_".contains(&byte));
    if is_plain && !value.is_empty() {
        value.to_owned()
    } else {
        format!("'{}'", Untrusted::show(value.as_bytes()).to_string().replace('\'', r"'\''"))
    }
}
