//! What a running host shows beyond its settings.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use timewait_facts::{PortRange, PortSet, Untrusted};

use super::{Code, Evidence, Finding, Setting, Values};

/// A host's listeners and counters.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Every socket that listens.
    pub listeners: Vec<Listener>,
    /// TCP's counters, by the names of `/proc/net/netstat` and `/proc/net/snmp`.
    pub counters: BTreeMap<String, u64>,
}

/// A socket that listens.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where.
    pub address: SocketAddr,
    /// Connections that wait for accept(2).
    pub queue: u32,
    /// The most that may.
    pub backlog: u32,
    /// What would become of a restart.
    pub restart: Restart,
}

/// What would become of a restart of a listener's process, by the rules of bind(2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restart {
    /// It would listen again.
    Succeeds,
    /// It would be refused, over so many connections.
    Fails {
        /// How many.
        connections: usize,
    },
    /// That depends on options that could not be read.
    Depends,
}

const COUNTERS: [(&str, Code); 7] = [
    ("TCPTimeWaitOverflow", Code::CountedTimeWaitOverflow),
    ("ListenOverflows", Code::CountedListenOverflows),
    ("ListenDrops", Code::CountedListenDrops),
    ("TCPAbortOnMemory", Code::CountedAbortOnMemory),
    ("TCPReqQFullDrop", Code::CountedRequestQueueFull),
    ("PAWSEstab", Code::CountedPaws),
    // From 6.15 on; before, those were counted nowhere.
    ("PAWSTimewait", Code::CountedPaws),
];

/// Judges a host, whose settings are these.
pub fn judge(host: &Host, values: &Values) -> Vec<Finding> {
    let mut found: Vec<Finding> = held_range(host, values).into_iter().collect();
    let somaxconn = values.number("net.core.somaxconn");
    found.extend(host.listeners.iter().flat_map(|listener| listener_findings(listener, somaxconn)));
    found.extend(COUNTERS.iter().filter_map(|&(name, code)| counted(host, name, code)));
    found
}

/// Listening ports of the range that are not reserved.
fn held_range(host: &Host, values: &Values) -> Option<Finding> {
    let setting = values.get("net.ipv4.ip_local_port_range")?;
    let range: PortRange = setting.text().parse().ok()?;
    let reserved = values.get("net.ipv4.ip_local_reserved_ports").map(Setting::text).unwrap_or_default();
    let set: PortSet = reserved.parse().ok()?;
    let at_risk = |port: &u16| range.contains(*port) && !set.contains(*port);
    let mut ports: Vec<u16> = host.listeners.iter().map(|it| it.address.port()).filter(at_risk).collect();
    ports.sort_unstable();
    ports.dedup();
    let finding = Finding::of(Code::RangeHoldsListeners, "net.ipv4.ip_local_port_range", setting);
    (!ports.is_empty()).then(|| finding.by(Evidence::Listeners { ports, reserved: reserved.to_owned() }))
}

fn listener_findings(listener: &Listener, somaxconn: Option<i64>) -> Vec<Finding> {
    let of = |code, evidence| Finding {
        code,
        subject: listener.address.to_string().into_bytes().into(),
        value: None,
        place: None,
        evidence,
    };
    let mut found = Vec::new();
    match listener.restart {
        Restart::Succeeds => {}
        Restart::Fails { connections } => {
            found.push(of(
                Code::RestartFails,
                Evidence::Count(u64::try_from(connections).unwrap_or(u64::MAX)),
            ));
        }
        Restart::Depends => found.push(of(Code::RestartDepends, Evidence::Value)),
    }
    // The kernel lets in one more than the backlog.
    if listener.queue > listener.backlog {
        found.push(of(Code::QueueFull, Evidence::Against(i64::from(listener.backlog))));
    } else if somaxconn == Some(i64::from(listener.backlog)) {
        found.push(of(Code::BacklogCapped, Evidence::Against(i64::from(listener.backlog))));
    }
    found
}

fn counted(host: &Host, name: &str, code: Code) -> Option<Finding> {
    let count = |name: &str| host.counters.get(name).copied().unwrap_or(0);
    // Each overflow of a queue is a drop as well.
    let beside = if code == Code::CountedListenDrops { count("ListenOverflows") } else { 0 };
    let number = count(name).saturating_sub(beside);
    (number > 0).then(|| Finding {
        code,
        subject: name.as_bytes().into(),
        value: Some(Untrusted::from(number.to_string().into_bytes())),
        place: None,
        evidence: Evidence::Count(number),
    })
}
