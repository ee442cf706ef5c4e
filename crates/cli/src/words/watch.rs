//! What `watch` says.

use std::{fmt::Write as _, time::Duration};

use timewait_diagnose::words::number;
use timewait_linux::closes::{
    Attributed, Cost, Counts, First, FirstBecause, Known, Lost, OwnerBecause, Port, Reset,
};

fn count(count: u64) -> String {
    number(usize::try_from(count).unwrap_or(usize::MAX))
}

/// What it does, when it begins to.
pub(crate) fn begins(probed: bool) -> &'static str {
    if probed { "watching, by a probe in the kernel" } else { "watching, by samples of the socket table" }
}

/// Why no probe watches.
pub(crate) fn no_probe(why: &str) -> String {
    format!("no probe: {why}")
}

/// `12 s: 1,212 closed, 1,200 by us first, 12 by the peer; 1,200 in time-wait`
pub(crate) fn so_far(elapsed: Duration, counts: &Counts) -> String {
    let mut line = format!("{} s: {} closed", elapsed.as_secs(), count(counts.closed()));
    for (of_kind, what) in [
        (counts.us, "by us first"),
        (counts.peer, "by the peer"),
        (counts.both, "by both"),
        (counts.reset, "by RST"),
    ] {
        if of_kind > 0 {
            // Writing to a String cannot fail.
            let _ = write!(line, ", {} {what}", count(of_kind));
        }
    }
    let _ = write!(line, "; {} in time-wait", count(counts.time_wait));
    line
}

/// Who closed first, in a row of `--each`.
pub(crate) fn first(first: First, because: Option<FirstBecause>) -> String {
    let who = match first {
        First::Us => "us first",
        First::Peer => "peer first",
        First::Both => "both",
        First::Reset(Reset::ByUs) => "our RST",
        First::Reset(Reset::ByPeer) => "peer's RST",
        First::Reset(Reset::TimedOut) => "timed out",
        First::Reset(Reset::Aborted) => "aborted",
        First::Unseen => "unseen",
    };
    if because.is_some() { format!("{who}?") } else { who.to_owned() }
}

/// How a process is known, in a table's cell.
pub(crate) fn known(known: Option<Known>) -> &'static str {
    match known {
        None => "-",
        Some(Known::Probed) => "probe",
        Some(Known::Sampled) => "sample",
        Some(Known::Inferred(OwnerBecause::Listener)) => "inferred: listens there",
        Some(Known::Inferred(OwnerBecause::OnlyClient)) => "inferred: only client",
    }
}

/// `:9000` where this side serves, `to :443` where it is the client.
pub(crate) fn port(port: Option<Port>) -> String {
    match port {
        Some(Port::Local(port)) => format!(":{port}"),
        Some(Port::Destination(port)) => format!("to :{port}"),
        None => "others".to_owned(),
    }
}

/// The first line of the summary.
pub(crate) fn watched(elapsed: Duration, counts: &Counts) -> String {
    let closed = match counts.closed() {
        0 => "no connection closed".to_owned(),
        1 => "1 end of a connection closed".to_owned(),
        many => format!("{} ends of connections closed", count(many)),
    };
    format!("watched for {:.1} s: {closed}", elapsed.as_secs_f64())
}

/// `the process is known of 12 of 13 (92 %): 10 by the probe, 2 by samples; of 1 more it was inferred`
pub(crate) fn attributed(attributed: Attributed) -> String {
    let known = attributed.probed + attributed.sampled;
    let all = known + attributed.inferred + attributed.unknown;
    let percent = (known * 100).checked_div(all).unwrap_or(0);
    let mut line = format!("the process is known of {} of {} ({percent} %)", count(known), count(all));
    let ways = [(attributed.probed, "by the probe"), (attributed.sampled, "by samples")];
    let said: Vec<String> = ways
        .iter()
        .filter(|way| way.0 > 0)
        .map(|(of_kind, how)| format!("{} {how}", count(*of_kind)))
        .collect();
    if !said.is_empty() {
        let _ = write!(line, ": {}", said.join(", "));
    }
    if attributed.inferred > 0 {
        let _ = write!(line, "; of {} more it was inferred", count(attributed.inferred));
    }
    line
}

pub(crate) fn inferred_first(of_kind: u64) -> String {
    format!(
        "of {} it was inferred who closed first: from time-wait alone (a simultaneous close looks alike), or \
         because the other end waits",
        count(of_kind)
    )
}

pub(crate) fn unseen(of_kind: u64) -> String {
    format!("{} went unseen between two samples: who was first is not known", count(of_kind))
}

/// Of those that closed first here, some were not met where they should have waited.
pub(crate) fn not_met(closed_first: u64, met: u64) -> String {
    format!(
        "of {} closes that this side began, {} were met in time-wait; the others wait for the peer's FIN, are gone \
         already (the port was used again), or never waited (tcp_max_tw_buckets)",
        count(closed_first),
        count(met)
    )
}

/// How many ends of connections there were, by the kernel's own count.
pub(crate) fn sampled_only(opened: Option<u64>) -> String {
    let opened = opened.map(|opened| format!(" (the kernel opened {} ends meanwhile)", count(opened)));
    format!(
        "sampled: connections that come and go between two samples, and leave nobody waiting until the next, are not \
         counted{}",
        opened.unwrap_or_default()
    )
}

/// What the probe could not tell: each close is one or two changes of a socket's state.
pub(crate) fn lost(lost: Lost) -> String {
    match lost.changes() {
        0 => "the probe lost nothing".to_owned(),
        changes => format!(
            "the probe lost {} changes of state ({} for want of room, {} while it was busy): some closes are missing, or \
             lack their process",
            count(changes),
            count(lost.full),
            count(lost.nested)
        ),
    }
}

pub(crate) fn overflowed() -> &'static str {
    "more than a million sockets waited: not all were counted"
}

/// `cost: 0.8 % of one core (812 looks at the table, 9 passes over processes)`
pub(crate) fn cost(cost: Cost, elapsed: Duration) -> String {
    let share = 100.0 * cost.cpu.as_secs_f64() / elapsed.as_secs_f64().max(f64::EPSILON);
    format!(
        "cost: {share:.1} % of one core ({} looks at the socket table, {} passes over processes)",
        count(cost.looks),
        count(cost.passes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_line_says_what_happened_and_nothing_that_did_not() {
        let quiet = Counts::default();
        assert_eq!(so_far(Duration::from_millis(3_900), &quiet), "3 s: 0 closed; 0 in time-wait");
        let busy = Counts { us: 1_200, peer: 12, time_wait: 1_200, ..quiet };
        assert_eq!(
            so_far(Duration::from_secs(12), &busy),
            "12 s: 1,212 closed, 1,200 by us first, 12 by the peer; 1,200 in time-wait"
        );
    }

    #[test]
    fn what_is_inferred_is_not_among_what_is_known() {
        let mixed = Attributed { probed: 10, sampled: 2, inferred: 7, unknown: 1 };
        assert_eq!(
            attributed(mixed),
            "the process is known of 12 of 20 (60 %): 10 by the probe, 2 by samples; of 7 more it was inferred"
        );
        assert_eq!(attributed(Attributed::default()), "the process is known of 0 of 0 (0 %)");
    }
}
