//! What `why --to` says.

use std::net::{IpAddr, SocketAddr};

use timewait_diagnose::{
    ports::{Budget, Facts, Reuse},
    words::number,
};

fn count(ports: u32) -> String {
    number(usize::try_from(ports).unwrap_or(usize::MAX))
}

pub(crate) fn left(to: SocketAddr, left: u32, of: u32) -> String {
    let ports = if left == 1 { "port is" } else { "ports are" };
    format!("Yes: connect(2) to {to} finds a local port; {} of {} {ports} left.", count(left), count(of))
}

pub(crate) fn none_left(to: SocketAddr) -> String {
    format!("No: connect(2) to {to} fails with EADDRNOTAVAIL; no local port is left.")
}

pub(crate) fn from(address: IpAddr) -> String {
    format!("{address}: ports are counted for each source and destination")
}

pub(crate) fn range(budget: &Budget) -> String {
    let Budget { range, reserved, .. } = budget;
    let reserved =
        if *reserved == 0 { String::new() } else { format!(", {} of them reserved", count(*reserved)) };
    format!("{} to {}: {} ports{reserved}", range.first(), range.last(), count(range.len()))
}

pub(crate) fn taken(budget: &Budget) -> Vec<String> {
    let kinds = [
        (budget.bound, "by sockets that are bound or listen there: for every destination"),
        (budget.taken, "by open connections to this destination"),
        (budget.time_wait, "by connections to it in time-wait"),
    ];
    let seen: Vec<String> = kinds
        .into_iter()
        .filter(|(ports, _)| *ports > 0)
        .map(|(ports, what)| format!("{} {what}", count(ports)))
        .collect();
    if seen.is_empty() { vec!["none".to_owned()] } else { seen }
}

pub(crate) fn free(budget: &Budget, facts: &Facts) -> Vec<String> {
    let mut lines = vec![count(budget.free)];
    if budget.assumed > 0 {
        lines.push(format!(
            "{} of them have connections to other destinations (inferred: their ports were the kernel's choice)",
            count(budget.assumed)
        ));
    }
    if budget.time_wait > 0 {
        lines.push(format!(
            "and {} in time-wait may be used again now (inferred: {})",
            count(budget.reusable),
            reuse(facts)
        ));
    }
    if budget.uneven {
        lines.push(
            "the range has an odd number of ports, so each search leaves one out: the last may be refused"
                .to_owned(),
        );
    }
    if budget.bindable == 0 {
        lines.push("bind(2) with port 0 finds none: EADDRINUSE".to_owned());
    }
    lines
}

pub(crate) fn reuse(facts: &Facts) -> String {
    let setting = match facts.reuse {
        Reuse::Never => "tcp_tw_reuse is 0",
        Reuse::Always => "tcp_tw_reuse is 1",
        Reuse::Loopback => "tcp_tw_reuse is 2, over loopback only",
    };
    let timestamps = if facts.timestamps { "timestamps are on" } else { "timestamps are off" };
    format!("{setting}, after {} ms, {timestamps}", facts.reuse_delay.as_millis())
}

pub(crate) fn cliff(budget: &Budget) -> String {
    let used = budget.taken + budget.time_wait;
    let reached = if used >= budget.cliff_at { "reached: " } else { "" };
    format!(
        "{reached}from {} connections on, each connect(2) walks half the range, some 200 times slower",
        count(budget.cliff_at)
    )
}

/// Only what would help here.
pub(crate) fn remedies(budget: &Budget, facts: &Facts) -> Vec<String> {
    if budget.left() > 0 && budget.taken + budget.time_wait < budget.cliff_at {
        return Vec::new();
    }
    let waiting = budget.time_wait > budget.taken;
    let mut lines = Vec::new();
    if waiting {
        lines.push("keep connections open and use them again: one leaves one time-wait".to_owned());
        lines.push("let the server close first: then it waits".to_owned());
    }
    if waiting && budget.reusable == 0 && facts.timestamps && facts.reuse != Reuse::Always {
        lines.push(format!(
            "set net.ipv4.tcp_tw_reuse to 1: ports in time-wait can be used again after {} ms",
            facts.reuse_delay.as_millis()
        ));
    }
    lines.push("connect from more addresses, bound with IP_BIND_ADDRESS_NO_PORT".to_owned());
    if budget.range.len() < 28_232 {
        lines.push(
            "widen net.ipv4.ip_local_port_range, which is narrower than the kernel's default".to_owned(),
        );
    }
    lines
}
