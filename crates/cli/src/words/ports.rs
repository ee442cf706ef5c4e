//! What `ports` says.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use timewait_diagnose::{
    ports::{
        Facts, Reuse,
        advice::Advice,
        forecast::Reached,
        tally::{Common, Share},
    },
    words::{number, seconds},
};
use timewait_facts::Pattern;

fn count(ports: u32) -> String {
    number(usize::try_from(ports).unwrap_or(usize::MAX))
}

pub(crate) fn watching(time: Duration) -> String {
    format!("watching for {} s", time.as_secs())
}

pub(crate) fn namespace(name: &str) -> String {
    format!("network namespace {name}")
}

/// `ports 32768 to 60999: 28,232 for each pair of source and destination, 2 of them bound, 0 reserved`
pub(crate) fn range(facts: &Facts, common: &Common) -> String {
    let (range, bound, reserved) = (facts.range, count(common.bound), count(common.reserved));
    format!(
        "ports {} to {}: {} for each source and destination; {bound} bound, {reserved} reserved",
        range.first(),
        range.last(),
        count(common.ports)
    )
}

pub(crate) fn none(address: Option<&Pattern>) -> String {
    let to = address.map(|address| format!(" to {address}")).unwrap_or_default();
    format!("no connection{to} holds one of them")
}

pub(crate) const HEADINGS: [&str; 7] = ["from", "to", "open", "time-wait", "reusable", "free", "in use"];

pub(crate) fn row(share: &Share, common: &Common) -> [String; 7] {
    let percent = u64::from(share.lost()) * 1000 / u64::from(common.usable().max(1));
    [
        share.question.from.to_string(),
        share.question.to.to_string(),
        count(share.taken),
        count(share.time_wait),
        count(share.reusable),
        count(share.free),
        format!("{}.{} %", percent / 10, percent % 10),
    ]
}

pub(crate) fn more(rows: usize) -> String {
    format!("... and {} more (--rows shows all)", number(rows))
}

pub(crate) fn uncounted(connections: u64) -> String {
    let connections = number(usize::try_from(connections).unwrap_or(usize::MAX));
    format!("{connections} connections go to yet other destinations, too many to count one by one")
}

pub(crate) fn inferred(facts: &Facts) -> String {
    format!("(reusable: inferred; {})", super::to::reuse(facts))
}

pub(crate) const FORECAST: [&str; 6] = ["from", "to", "closes first", "new/s", "slow", "refused"];

/// Inferred from the states that were seen.
pub(crate) fn first(here: bool, there: bool, both: bool) -> &'static str {
    match (here, there, both) {
        (true, ..) => "this side (inferred)",
        (_, true, _) => "the peer (inferred)",
        (.., true) => "either (inferred)",
        (..) => "not seen",
    }
}

pub(crate) fn rate(rate: f64) -> String {
    format!("{rate:.1}")
}

pub(crate) fn when(reached: Reached) -> String {
    match reached {
        Reached::Already => "now".to_owned(),
        Reached::In(time) => format!("in {}", span(time)),
        Reached::Not { .. } => "never".to_owned(),
    }
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        0..120 => seconds(time),
        minutes @ 120..7200 => format!("{} min", minutes / 60),
        hours => format!("{} h", hours / 3600),
    }
}

/// What was watched, and what it cannot show.
pub(crate) fn watched(time: Duration, opened: Option<f64>, seen: f64) -> Vec<String> {
    let mut lines = vec![format!(
        "(seen for {}; foretold at this rate: slow, when half is in use and connect(2) becomes some 200 times slower; \
         refused, when it fails with EADDRNOTAVAIL)",
        seconds(time)
    )];
    if let Some(opened) = opened {
        lines.push(format!("{opened:.1} connections a second were opened here in all (the kernel's count)"));
        if opened > seen * 1.05 + 1.0 {
            lines.push(
                "some of them left no port behind: the peer closed first, it ended by an RST, or the port was used again"
                    .to_owned(),
            );
        }
    }
    lines.iter().flat_map(|line| crate::print::wrap(line, 80)).collect()
}

pub(crate) fn pair(from: IpAddr, to: SocketAddr) -> String {
    format!("{from} to {to}")
}

pub(crate) fn advice(advice: Advice) -> String {
    match advice {
        Advice::KeepAlive { saves, open } => format!(
            "keep connections open and use them again: {} ports in time-wait would be saved ({} connections are open \
             at once now)",
            count(saves),
            count(open)
        ),
        Advice::LetServerClose { moves } => {
            format!("let the server close first: it would have the {} in time-wait", count(moves))
        }
        Advice::ReuseApplies { delay } => format!(
            "tcp_tw_reuse applies here already: ports in time-wait are used again after {} ms (inferred)",
            delay.as_millis()
        ),
        Advice::SetReuse { now, delay, lost } => set_reuse(now, delay, lost),
        Advice::ReuseNeedsTimestamps => {
            "set net.ipv4.tcp_timestamps to 1: without timestamps tcp_tw_reuse does \
                                         nothing, and the peer must have them too"
                .to_owned()
        }
        Advice::MoreAddresses { addresses, each } => format!(
            "connect from {} source addresses in all, each bound with IP_BIND_ADDRESS_NO_PORT: each has {} ports of \
             its own",
            count(addresses),
            count(each)
        ),
        Advice::LeavePortToConnect { destinations, held } => format!(
            "if the program binds the source address: set IP_BIND_ADDRESS_NO_PORT, or its {} destinations share one \
             pool, of which {} ports are in use",
            count(destinations),
            count(held)
        ),
        Advice::WidenRange { first, ports, listeners } => widen(first, ports, listeners),
    }
}

fn set_reuse(now: Reuse, delay: Duration, lost: Option<u32>) -> String {
    let why = match now {
        Reuse::Never => "is 0",
        Reuse::Always => "is 1",
        Reuse::Loopback => "is 2, which is loopback only, and this is not",
    };
    let lost =
        lost.map(|lost| format!(", and about {} would be lost to it", count(lost))).unwrap_or_default();
    format!(
        "set net.ipv4.tcp_tw_reuse to 1 (it {why}): ports in time-wait are used again after {} ms{lost}; the peer \
         must have timestamps too",
        delay.as_millis()
    )
}

fn widen(first: u16, ports: u32, listeners: u32) -> String {
    let reserve = if listeners == 0 {
        String::new()
    } else {
        format!(", and put the {} of them that have listeners into ip_local_reserved_ports", count(listeners))
    };
    format!("widen net.ipv4.ip_local_port_range to {first} 65535: {} ports{reserve}", count(ports))
}
