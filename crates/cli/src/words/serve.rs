//! What `serve` says.

use std::net::SocketAddr;

use timewait_diagnose::words::number;
use timewait_linux::Errno;
use timewait_oneline::Totals;

pub(crate) fn listening(address: SocketAddr, backlog: u32, options: &[&str]) -> String {
    let options = if options.is_empty() { "no option".to_owned() } else { options.join(", ") };
    format!("listening on {address} (backlog {backlog}, {options})")
}

pub(crate) fn client(count: u64, peer: SocketAddr) -> String {
    format!("client {count} from {peer}: sent it the line")
}

pub(crate) fn and_more(clients: u64) -> String {
    format!("... and {} more {}", number_of(clients), if clients == 1 { "client" } else { "clients" })
}

pub(crate) fn lost(peer: SocketAddr, errno: Errno) -> String {
    format!("client {peer} is lost: {errno}")
}

pub(crate) fn aborted(errno: Errno) -> String {
    format!("accept4 returned -1, {errno}: a client was gone before it was accepted")
}

pub(crate) fn paused(errno: Errno, open: usize) -> String {
    format!("accept4 returned -1, {errno}: no more clients until one of {} ends", number(open))
}

pub(crate) fn stopping(open: usize) -> String {
    format!("stopping: {} to finish (again: stop at once)", plural(open as u64, "connection"))
}

pub(crate) fn cannot_serve(address: SocketAddr) -> String {
    format!("cannot serve on {address}")
}

pub(crate) fn holder_unknown(address: SocketAddr, why: &str) -> String {
    format!("cannot listen on {address}; what holds the port is not known: {why}")
}

/// What a run amounted to: what was served, who closed first, and what went wrong if anything did.
pub(crate) fn totals(totals: &Totals) -> Vec<String> {
    let first = totals.closed_first;
    let closers = [
        (first.server, "by this side"),
        (first.client, "by the client"),
        (first.both, "by both at once"),
        (first.unseen, "unseen by whom"),
    ];
    let troubles = [
        (totals.reset_by_us, "reset by this side (SO_LINGER 0)"),
        (totals.lost, "lost by the client's RST or the network"),
        (totals.left, "left to the kernel: the client did not close in time"),
        (totals.impatient, "waited for in vain (--patience)"),
        (totals.cut, "cut off by the end of the run"),
        (totals.aborted, "gone before they were accepted"),
    ];
    let closers: Vec<String> = said(&closers).map(|(count, who)| format!("{count} {who}")).collect();
    let mut lines = vec![format!(
        "served {} of {}, {} sent",
        number_of(totals.served),
        plural(totals.accepted, "client"),
        plural(totals.bytes_sent, "byte")
    )];
    if !closers.is_empty() {
        lines.push(format!("closed first: {}", closers.join(", ")));
    }
    lines.extend(said(&troubles).map(|(count, what)| format!("{count} {what}")));
    lines
}

fn said<'a>(counts: &'a [(u64, &'a str)]) -> impl Iterator<Item = (String, &'a str)> {
    counts.iter().filter(|(count, _)| *count > 0).map(|&(count, what)| (number_of(count), what))
}

fn number_of(count: u64) -> String {
    number(usize::try_from(count).unwrap_or(usize::MAX))
}

fn plural(count: u64, noun: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{} {noun}{end}", number_of(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use timewait_oneline::server::ClosedFirst;

    #[test]
    fn totals_tell_what_happened_and_nothing_that_did_not() {
        let quiet = Totals { accepted: 1, served: 1, bytes_sent: 22, ..Totals::default() };
        assert_eq!(totals(&quiet), ["served 1 of 1 client, 22 bytes sent"]);
        let busy = Totals {
            accepted: 1_200,
            served: 1_199,
            lost: 3,
            closed_first: ClosedFirst { server: 1_100, both: 1, ..ClosedFirst::default() },
            ..quiet
        };
        assert_eq!(
            totals(&busy),
            [
                "served 1,199 of 1,200 clients, 22 bytes sent",
                "closed first: 1,100 by this side, 1 by both at once",
                "3 lost by the client's RST or the network",
            ]
        );
    }
}
