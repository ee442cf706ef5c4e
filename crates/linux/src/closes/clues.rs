//! What lets one conclude whose a socket was that nobody sampled: who listens, who connects where.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use timewait_facts::{Owner, PortRange};

use super::{Attribution, Known, OwnerBecause, Port, ends::plain};

/// Destinations at most; those beyond give no clue.
const DESTINATIONS: usize = 65_536;
/// `ip_local_port_range` as the kernel has it by itself (linux v6.12 `net/ipv4/af_inet.c` `inet_init_net`).
const DEFAULT_RANGE: (u16, u16) = (32_768, 60_999);

/// Who was seen to do a thing.
#[derive(Clone, Debug)]
enum Who {
    /// Somebody whose process could not be found.
    Unknown,
    /// These processes alone: one, or several of one name and one control group.
    Only(Arc<Owner>),
    /// Different ones, who cannot be told apart.
    Several,
}

impl Who {
    fn or(&mut self, owner: &Arc<Owner>) {
        match self {
            Self::Unknown => *self = Self::Only(Arc::clone(owner)),
            Self::Only(known) if known.command == owner.command && known.cgroup == owner.cgroup => {}
            Self::Only(_) => *self = Self::Several,
            Self::Several => {}
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Clues {
    range: Option<PortRange>,
    listeners: HashMap<u16, HashMap<IpAddr, Who>>,
    clients: HashMap<SocketAddr, Who>,
}

impl Clues {
    /// With the range from which the kernel picks the ports of outgoing connections, where it is known.
    pub(super) fn new(range: Option<PortRange>) -> Self {
        Self { range, ..Self::default() }
    }

    /// Somebody listens there.
    pub(super) fn listens(&mut self, local: SocketAddr, owner: Option<&Arc<Owner>>) {
        let local = plain(local);
        let who = self.listeners.entry(local.port()).or_default().entry(local.ip()).or_insert(Who::Unknown);
        if let Some(owner) = owner {
            who.or(owner);
        }
    }

    /// A process holds this connection.
    pub(super) fn holds(&mut self, local: SocketAddr, peer: SocketAddr, owner: &Arc<Owner>) {
        let peer = plain(peer);
        let room = self.clients.len() < DESTINATIONS || self.clients.contains_key(&peer);
        if room && !self.listeners.contains_key(&local.port()) {
            self.clients.entry(peer).or_insert(Who::Unknown).or(owner);
        }
    }

    /// Whose a connection was, concluded; `None` if nothing tells, or several things differ.
    pub(super) fn infer(&self, local: SocketAddr, peer: SocketAddr) -> Option<Attribution> {
        let (local, peer) = (plain(local), plain(peer));
        let (who, because) = match self.listeners.get(&local.port()) {
            Some(listeners) => (only_listener(listeners, local.ip())?, OwnerBecause::Listener),
            None => match self.clients.get(&peer)? {
                Who::Only(owner) => (Arc::clone(owner), OwnerBecause::OnlyClient),
                Who::Unknown | Who::Several => return None,
            },
        };
        Some(Attribution { owner: who, known: Known::Inferred(because) })
    }

    /// The port that tells what a connection was for: the local one where somebody listens or listened on it.
    pub(super) fn port(&self, local: SocketAddr, peer: SocketAddr) -> Port {
        let (first, last) = self.range.map_or(DEFAULT_RANGE, |range| (range.first(), range.last()));
        let is_server = self.listeners.contains_key(&local.port())
            || !self.listeners.contains_key(&peer.port()) && !(first..=last).contains(&local.port());
        if is_server { Port::Local(local.port()) } else { Port::Destination(peer.port()) }
    }
}

/// Who alone listens at this address, or at all addresses.
fn only_listener(listeners: &HashMap<IpAddr, Who>, local: IpAddr) -> Option<Arc<Owner>> {
    let mut found = Who::Unknown;
    for (_, who) in listeners.iter().filter(|(ip, _)| ip.is_unspecified() || **ip == local) {
        match who {
            Who::Only(owner) => found.or(owner),
            Who::Unknown | Who::Several => return None,
        }
    }
    match found {
        Who::Only(owner) => Some(owner),
        Who::Unknown | Who::Several => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(command: &str, pid: u32) -> Arc<Owner> {
        Arc::new(Owner { pid, command: command.as_bytes().into(), cgroup: None, processes: 1 })
    }

    fn end(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn inferred(clues: &Clues, local: &str, peer: &str) -> Option<(u32, Known)> {
        clues.infer(end(local), end(peer)).map(|by| (by.owner.pid, by.known))
    }

    #[test]
    fn a_connection_of_a_listened_port_is_the_listeners() {
        let mut clues = Clues::default();
        clues.listens(end("[::]:9000"), Some(&owner("web", 7)));
        let by = inferred(&clues, "[::ffff:10.0.0.1]:9000", "10.0.0.2:40000");
        assert_eq!(by, Some((7, Known::Inferred(OwnerBecause::Listener))));
        assert_eq!(clues.port(end("10.0.0.1:9000"), end("10.0.0.2:40000")), Port::Local(9000));
    }

    #[test]
    fn workers_of_one_name_are_one_and_two_names_are_none() {
        let mut clues = Clues::default();
        clues.listens(end("0.0.0.0:80"), Some(&owner("web", 7)));
        clues.listens(end("10.0.0.1:80"), Some(&owner("web", 8)));
        assert!(inferred(&clues, "10.0.0.1:80", "10.0.0.2:1").is_some());
        clues.listens(end("10.0.0.1:80"), Some(&owner("other", 9)));
        assert_eq!(inferred(&clues, "10.0.0.1:80", "10.0.0.2:1"), None);
        assert!(inferred(&clues, "10.0.0.9:80", "10.0.0.2:1").is_some(), "another address");
    }

    #[test]
    fn a_listener_whose_process_is_hidden_lets_one_conclude_nothing() {
        let mut clues = Clues::default();
        clues.holds(end("10.0.0.1:80"), end("10.0.0.2:1"), &owner("client", 3));
        clues.listens(end("10.0.0.1:80"), None);
        assert_eq!(inferred(&clues, "10.0.0.1:80", "10.0.0.2:1"), None);
    }

    #[test]
    fn the_only_client_of_a_destination_is_concluded_until_there_is_another() {
        let mut clues = Clues::default();
        let (local, peer) = ("10.0.0.1:40000", "10.0.0.2:5432");
        assert_eq!(inferred(&clues, local, peer), None);
        clues.holds(end(local), end(peer), &owner("app", 3));
        assert_eq!(inferred(&clues, local, peer), Some((3, Known::Inferred(OwnerBecause::OnlyClient))));
        clues.holds(end("10.0.0.1:40001"), end(peer), &owner("backup", 4));
        assert_eq!(inferred(&clues, local, peer), None);
    }

    #[test]
    fn without_a_listener_the_range_of_local_ports_tells_the_side() {
        let range = PortRange::new(10_000, 20_000).unwrap();
        let mut clues = Clues::new(Some(range));
        assert_eq!(clues.port(end("10.0.0.1:15000"), end("10.0.0.2:443")), Port::Destination(443));
        assert_eq!(clues.port(end("10.0.0.1:40000"), end("10.0.0.2:443")), Port::Local(40_000));
        clues.listens(end("0.0.0.0:443"), None);
        assert_eq!(clues.port(end("10.0.0.1:40000"), end("10.0.0.1:443")), Port::Destination(443));
    }
}
