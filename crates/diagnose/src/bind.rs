//! Why bind(2) or listen(2) was refused.
//!
//! The rule behind it, for TCP: two sockets share a port on overlapping addresses only if both have SO_REUSEADDR
//! and neither listens, or both have SO_REUSEPORT (and, for live ones, the same user). Sockets of connections,
//! waiting ones included, count like any other, with the flags that the socket had when it was closed.
//! (linux v6.12 net/ipv4/inet_connection_sock.c `inet_bind_conflict`, `inet_csk_get_port`)

use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use timewait_facts::{Owner, Socket};

use crate::{Because, Code, Finding, Holder, Remedy, Role, Until};

/// What was asked of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The address and port.
    pub address: SocketAddr,
    /// SO_REUSEADDR was set before bind(2).
    pub reuseaddr: bool,
    /// SO_REUSEPORT was set before bind(2).
    pub reuseport: bool,
    /// IPV6_V6ONLY; without meaning for an IPv4 address.
    pub v6only: bool,
}

/// Which call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// bind(2)
    Bind,
    /// listen(2)
    Listen,
}

/// How it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// EADDRINUSE
    InUse,
    /// EADDRNOTAVAIL
    NotAvailable,
    /// EACCES
    NotPermitted,
    /// Any other errno.
    Other,
}

/// What is known about the machine at the moment of the refusal.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Sockets with the port asked for, on any local address, in any state.
    pub sockets: Vec<(Socket, Option<Owner>)>,
    /// Whether this kernel lists sockets that are only bound.
    pub bound_listed: bool,
    /// `net.ipv4.ip_unprivileged_port_start`, where it can be read.
    pub unprivileged_from: Option<u16>,
}

/// Why `call` was refused with `answer`, as far as the facts tell.
pub fn explain(request: &Request, call: Call, answer: Answer, facts: &Facts) -> Finding {
    match (answer, facts.unprivileged_from) {
        (Answer::InUse, _) => explain_in_use(request, call, facts),
        (Answer::NotAvailable, _) => {
            plain(Code::AddressNotHere, Because::NoSuchAddress, Remedy::LocalAddress)
        }
        (Answer::NotPermitted, Some(from)) if request.address.port() < from => plain(
            Code::PrivilegedPort,
            Because::Privileged { unprivileged_from: from },
            Remedy::Privilege { unprivileged_from: from },
        ),
        (Answer::NotPermitted | Answer::Other, _) => Finding {
            remedies: Vec::new(),
            until: Until::Unknown,
            ..plain(Code::Unexplained, Because::Errno, Remedy::OtherPort)
        },
    }
}

fn plain(code: Code, because: Because, remedy: Remedy) -> Finding {
    Finding { code, holders: Vec::new(), because, until: Until::Changed, remedies: vec![remedy] }
}

fn explain_in_use(request: &Request, call: Call, facts: &Facts) -> Finding {
    let holders = holders(request, facts);
    let Some(strongest) = holders.first() else { return unseen(facts) };
    let (code, until) = match strongest.role {
        Role::Listener => (Code::HeldByListener, Until::Released),
        Role::Bound => (Code::HeldByBound, Until::Released),
        Role::Connection => (Code::HeldByConnections, Until::ConnectionsEnd),
        Role::OrphanedFinWait2 | Role::TimeWait => (Code::HeldByWaiting, Until::Expires(last_wait(&holders))),
    };
    let because = because(request, call, strongest.role);
    let remedies = remedies(strongest, because, until);
    Finding { code, holders, because, until, remedies }
}

fn unseen(facts: &Facts) -> Finding {
    Finding {
        code: Code::HeldByUnseen,
        holders: Vec::new(),
        because: Because::NothingSeen { bound_listed: facts.bound_listed },
        until: Until::Unknown,
        remedies: vec![Remedy::LookAsRoot, Remedy::OtherPort],
    }
}

/// The sockets that overlap with the request, by role, the one that holds most firmly first.
fn holders(request: &Request, facts: &Facts) -> Vec<Holder> {
    let mut holders: Vec<Holder> = Vec::new();
    for (socket, owner) in facts.sockets.iter().filter(|(socket, _)| overlaps(request, socket)) {
        let role = Role::of(socket);
        match holders.iter_mut().find(|holder| holder.role == role) {
            Some(holder) => {
                holder.count += 1;
                holder.last_expires_in = holder.last_expires_in.max(socket.expires_in());
                holder.owner = holder.owner.take().or_else(|| owner.clone());
            }
            None => holders.push(Holder {
                role,
                count: 1,
                last_expires_in: socket.expires_in(),
                owner: owner.clone(),
            }),
        }
    }
    holders.sort_by_key(|holder| holder.role);
    holders
}

/// Whether a socket's local address and the one asked for can mean the same packet.
///
/// (linux v6.12 net/ipv4/inet_hashtables.c `inet_rcv_saddr_equal`; the unspecified address overlaps with all of its
/// family, `[::]` without IPV6_V6ONLY with IPv4 as well.)
fn overlaps(request: &Request, socket: &Socket) -> bool {
    let dual = |address: SocketAddr, v6only: bool| match address.ip() {
        IpAddr::V6(v6) if v6.is_unspecified() && !v6only => Reach::All,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(Reach::V6, |_| Reach::V4),
        IpAddr::V4(_) => Reach::V4,
    };
    let asked = dual(request.address, request.v6only);
    let there = dual(socket.local, socket.v6only.unwrap_or(false));
    let families_meet = asked == there || asked == Reach::All || there == Reach::All;
    let (one, other) = (request.address.ip().to_canonical(), socket.local.ip().to_canonical());
    let same_address = one == other || one.is_unspecified() || other.is_unspecified();
    request.address.port() == socket.local.port() && families_meet && same_address
}

/// The packets that can reach an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    V4,
    V6,
    All,
}

fn last_wait(holders: &[Holder]) -> Duration {
    holders.iter().filter_map(|holder| holder.last_expires_in).max().unwrap_or_default()
}

fn because(request: &Request, call: Call, strongest: Role) -> Because {
    match (strongest, call) {
        (Role::Listener, Call::Listen) => Because::SecondListener,
        (Role::Listener, Call::Bind) => Because::ListenerShares,
        (Role::Bound, _) => Because::BoundShares,
        (Role::Connection | Role::OrphanedFinWait2 | Role::TimeWait, _) => {
            match (request.reuseaddr, request.reuseport) {
                (false, false) => Because::NewLacksReuse,
                (true, _) => Because::OldLacksReuseaddr,
                (false, true) => Because::OldLacksReuseport,
            }
        }
    }
}

fn remedies(strongest: &Holder, because: Because, until: Until) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    match (because, until) {
        (Because::ListenerShares | Because::SecondListener | Because::BoundShares, _) => {
            remedies.push(strongest.owner.clone().map_or(Remedy::LookAsRoot, Remedy::EndOwner));
            remedies.push(Remedy::OtherPort);
        }
        (Because::NewLacksReuse | Because::OldLacksReuseport, Until::Expires(left)) => {
            remedies.extend([Remedy::SetReuseaddr, Remedy::Wait(left)]);
        }
        (Because::NewLacksReuse | Because::OldLacksReuseport, _) => remedies.push(Remedy::SetReuseaddr),
        (Because::OldLacksReuseaddr, Until::Expires(left)) => {
            remedies.extend([Remedy::Wait(left), Remedy::ReuseaddrFromNextRestart]);
        }
        (Because::OldLacksReuseaddr, _) => {
            remedies.extend(strongest.owner.clone().map(Remedy::EndOwner));
            remedies.extend([Remedy::OtherPort, Remedy::ReuseaddrFromNextRestart]);
        }
        (
            Because::NothingSeen { .. }
            | Because::Privileged { .. }
            | Because::NoSuchAddress
            | Because::Errno,
            _,
        ) => {}
    }
    remedies
}

#[cfg(test)]
mod tests;
