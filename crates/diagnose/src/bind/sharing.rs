//! Whether two sockets whose addresses overlap may share a port.

use super::{
    Facts, Occupant, Request,
    overlap::{Place, overlap},
};

/// Options of an old socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// SO_REUSEADDR
    pub reuseaddr: bool,
    /// SO_REUSEPORT
    pub reuseport: bool,
    /// IPV6_V6ONLY
    pub v6only: bool,
}

/// Why one old socket refuses the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// Both have SO_REUSEADDR, and the old one listens.
    Listens,
    /// Both have SO_REUSEPORT, and the old one is another user's.
    OtherUser {
        /// That user.
        uid: u32,
    },
    /// The new socket has neither option.
    NewLacksReuse,
    /// The new socket has SO_REUSEADDR, the old one does not (nor share they SO_REUSEPORT).
    OldLacksReuseaddr,
    /// The new socket has SO_REUSEPORT alone, the old one does not.
    OldLacksReuseport,
}

/// An old socket that refuses the new one, for certain or if its flags are so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocker {
    /// Its place in the facts.
    pub(super) index: usize,
    /// It refuses whatever its unknown flags are.
    pub(super) certain: bool,
    /// Why.
    pub(super) clash: Clash,
    /// The other family's address overlaps.
    pub(super) across: bool,
    /// The flags that are not known and decide.
    pub(super) undecided: Flags,
}

/// The sockets on the port that refuse a request, or may.
pub(super) fn blockers<'a>(request: &'a Request, facts: &'a Facts) -> impl Iterator<Item = Blocker> + 'a {
    facts.occupants.iter().enumerate().filter_map(|(index, occupant)| {
        blocker(request, occupant).map(|blocker| Blocker { index, ..blocker })
    })
}

/// Tries every value of the flags that are not known.
pub(super) fn blocker(request: &Request, occupant: &Occupant) -> Option<Blocker> {
    if request.address.port() != occupant.socket.local.port() || !occupant.holds_port() {
        return None;
    }
    let (new, old) = (Place::of(request.address.ip()), Place::of(occupant.socket.local.ip()));
    let clash = |flags: Flags| {
        conflict(request, occupant, flags).filter(|_| overlap(new, request.v6only, old, flags.v6only))
    };
    let refuses = |flags| clash(flags).is_some();
    let matters = |with: fn(Flags, bool) -> Flags, known: Option<bool>| {
        known.is_none()
            && possible_flags(occupant).any(|flags| refuses(with(flags, false)) != refuses(with(flags, true)))
    };
    let undecided = Flags {
        reuseaddr: matters(|flags, reuseaddr| Flags { reuseaddr, ..flags }, occupant.reuseaddr),
        reuseport: matters(|flags, reuseport| Flags { reuseport, ..flags }, occupant.reuseport),
        v6only: matters(|flags, v6only| Flags { v6only, ..flags }, occupant.v6only()),
    };
    Some(Blocker {
        index: 0,
        certain: possible_flags(occupant).all(refuses),
        clash: possible_flags(occupant).find_map(clash)?,
        across: new.crosses(old),
        undecided,
    })
}

/// Every value that the flags of a socket can have.
pub(super) fn possible_flags(occupant: &Occupant) -> impl Iterator<Item = Flags> {
    let [adders, ports, onlys] =
        [occupant.reuseaddr, occupant.reuseport, occupant.v6only()].map(possible_values);
    adders.iter().flat_map(move |&reuseaddr| {
        ports.iter().flat_map(move |&reuseport| {
            onlys.iter().map(move |&v6only| Flags { reuseaddr, reuseport, v6only })
        })
    })
}

const fn possible_values(known: Option<bool>) -> &'static [bool] {
    match known {
        Some(false) => &[false],
        Some(true) => &[true],
        None => &[false, true],
    }
}

/// Whether flags, devices and users forbid two sockets to share a port, if their addresses overlap.
///
/// (linux v6.12 net/ipv4/inet_connection_sock.c `inet_bind_conflict`, as `inet_csk_get_port` calls it for a given
/// port: `relax` and `reuseport_ok` are true.)
pub(super) fn conflict(request: &Request, occupant: &Occupant, old: Flags) -> Option<Clash> {
    if on_different_devices(request, occupant)
        || share_by_reuseaddr(request, occupant, old)
        || share_by_reuseport(request, occupant, old)
    {
        return None;
    }
    Some(match (request.reuseaddr, request.reuseport) {
        (_, true) if old.reuseport => Clash::OtherUser { uid: occupant.uid() },
        (true, _) if old.reuseaddr => Clash::Listens,
        (false, false) => Clash::NewLacksReuse,
        (true, _) => Clash::OldLacksReuseaddr,
        (false, true) => Clash::OldLacksReuseport,
    })
}

fn on_different_devices(request: &Request, occupant: &Occupant) -> bool {
    match (request.device, occupant.socket.interface) {
        (Some(new), Some(old)) => new != old,
        (Some(_) | None, None) | (None, Some(_)) => false,
    }
}

/// Both have SO_REUSEADDR, and the older one does not listen.
fn share_by_reuseaddr(request: &Request, occupant: &Occupant, old: Flags) -> bool {
    request.reuseaddr && old.reuseaddr && !occupant.listens()
}

/// Both have SO_REUSEPORT, and one user; a minisocket has no user any more (its `sk_state` is TIME-WAIT, also while
/// its sub-state is FIN-WAIT-2).
fn share_by_reuseport(request: &Request, occupant: &Occupant, old: Flags) -> bool {
    request.reuseport && old.reuseport && (occupant.socket.is_minisocket() || occupant.uid() == request.uid)
}
