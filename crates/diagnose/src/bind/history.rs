//! What a port's bind bucket may remember.
//!
//! Before the kernel looks at the sockets of a port it asks two marks of the bucket. `fastreuse`: every socket that
//! was bound here had SO_REUSEADDR, and none listened. `fastreuseport`: the last ones that were bound had
//! SO_REUSEPORT, one user, and this address. With the right flag, a new socket then passes unseen.
//! (linux v6.12 net/ipv4/inet_connection_sock.c `inet_csk_get_port`, `sk_reuseport_match`,
//! `inet_csk_update_fastreuse`)
//!
//! As long as nobody changes flags after bind(2), `fastreuse` lets nobody pass whom the check would refuse.
//! `fastreuseport` does: it is set by a socket that itself got in by SO_REUSEADDR, and then admits sockets that have
//! SO_REUSEPORT alone. Whether it is set depends on the order in which the sockets came.

use super::{
    Bucket, Facts, Occupant, Request,
    overlap::{Place, overlap},
    sharing::{Blocker, conflict, possible_flags},
};

/// Whether the bucket may remember something that lets a request pass although these sockets forbid it.
pub(super) fn may_admit(request: &Request, facts: &Facts, blockers: &[Blocker]) -> bool {
    match facts.bucket {
        Bucket::AsTheFlagsSay => {
            request.reuseport && marks(request, facts).iter().any(|mark| opens(mark, facts, blockers))
        }
        Bucket::Unknown => request.reuseport || request.reuseaddr && !someone_listens(request, facts),
    }
}

/// `inet_csk_update_fastreuse` clears `fastreuse` when a socket begins to listen.
fn someone_listens(request: &Request, facts: &Facts) -> bool {
    facts.occupants.iter().any(|old| old.listens() && old.socket.local.port() == request.address.port())
}

/// Whether the socket that left this mark could be there with all of those that forbid the request.
fn opens((then, place): &Mark, facts: &Facts, blockers: &[Blocker]) -> bool {
    blockers
        .iter()
        .filter_map(|blocker| facts.occupants.get(blocker.index))
        .all(|old| coexist(then, *place, old))
}

/// What may have left a `fastreuseport` that lets the request pass: bound so, to that place.
type Mark = (Request, Place);

/// The marks that sockets, or the listeners that accepted them, may have left. However many sockets there are, these are
/// few: of the addresses that stand for the one asked for, there are a handful.
fn marks(request: &Request, facts: &Facts) -> Vec<Mark> {
    let mut marks = Vec::new();
    for socket in &facts.occupants {
        for mark in marks_of(request, socket) {
            if !marks.contains(&mark) {
                marks.push(mark);
            }
        }
    }
    marks
}

fn marks_of<'a>(request: &'a Request, socket: &'a Occupant) -> impl Iterator<Item = Mark> + 'a {
    let is_on_port = socket.holds_port() && socket.socket.local.port() == request.address.port();
    let is_same_user = socket.is_connection() || socket.uid() == request.uid;
    let asked = (Place::of(request.address.ip()), request.v6only);
    let flags = possible_flags(socket).filter(move |flags| flags.reuseport && is_on_port && is_same_user);
    flags.flat_map(move |flags| {
        let places = places(socket, flags.v6only).into_iter().filter(move |place| matches(*place, asked));
        places.map(move |(place, v6only)| {
            let then = Request {
                reuseaddr: flags.reuseaddr,
                reuseport: true,
                v6only,
                device: socket.socket.interface,
                ..*request
            };
            (then, place)
        })
    })
}

/// Where whatever left the mark can have been bound: a connection may come from a listener on a wildcard.
fn places(mark: &Occupant, v6only: bool) -> Vec<(Place, bool)> {
    let own = (Place::of(mark.socket.local.ip()), v6only);
    if !mark.is_connection() {
        return vec![own];
    }
    let wildcards: &[(Place, bool)] = match own.0 {
        Place::V4(_) | Place::AnyV4 | Place::AnyMapped => {
            &[(Place::AnyV4, false), (Place::AnyMapped, false), (Place::AnyV6, false)]
        }
        Place::V6(_) | Place::AnyV6 => &[(Place::AnyV6, false), (Place::AnyV6, true)],
    };
    [&[own], wildcards].concat()
}

/// Whether the address in the mark stands for the one asked for. It can be narrower: 0.0.0.0 stands for a dual-stack
/// `::`, and so does a `::` that is v6only.
/// (linux v6.12 net/ipv4/inet_connection_sock.c `sk_reuseport_match`)
fn matches((mark, mark_v6only): (Place, bool), (asked, asked_v6only): (Place, bool)) -> bool {
    match (mark, asked) {
        (Place::AnyV4, Place::AnyV6) => !asked_v6only,
        (Place::AnyV4 | Place::AnyMapped, Place::AnyV4 | Place::AnyMapped | Place::V4(_))
        | (Place::AnyV6, Place::AnyV6 | Place::V6(_)) => true,
        (Place::AnyV6, Place::AnyV4 | Place::AnyMapped | Place::V4(_)) => !mark_v6only,
        (Place::V4(_) | Place::V6(_), _) => mark == asked,
        (Place::AnyV4 | Place::AnyMapped, Place::V6(_)) | (Place::AnyMapped, Place::AnyV6) => false,
    }
}

/// Whether what left the mark could be bound although this socket was there; or this socket is a connection that a
/// listener accepted later, in which case its user need not be the listener's.
fn coexist(then: &Request, place: Place, old: &Occupant) -> bool {
    let user = if old.is_connection() { old.uid() } else { then.uid };
    let then = Request { uid: user, ..*then };
    let there = Place::of(old.socket.local.ip());
    possible_flags(old).any(|flags| {
        !overlap(place, then.v6only, there, flags.v6only) || conflict(&then, old, flags).is_none()
    })
}
