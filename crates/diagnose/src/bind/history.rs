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

use core::net::SocketAddr;

use super::{
    Bucket, Facts, Occupant, Request,
    overlap::{Place, overlap},
    sharing::{Blocker, conflict, possible_flags},
};

/// Whether the bucket may remember something that lets a request pass although these sockets forbid it.
pub(super) fn may_admit(request: &Request, facts: &Facts, blockers: &[Blocker]) -> bool {
    match facts.bucket {
        Bucket::AsTheFlagsSay => {
            request.reuseport && facts.occupants.iter().any(|mark| opens(request, facts, mark, blockers))
        }
        Bucket::Unknown => request.reuseport || request.reuseaddr && !someone_listens(request, facts),
    }
}

/// `inet_csk_update_fastreuse` clears `fastreuse` when a socket begins to listen.
fn someone_listens(request: &Request, facts: &Facts) -> bool {
    facts.occupants.iter().any(|old| old.listens() && old.socket.local.port() == request.address.port())
}

/// Whether a socket may have left a `fastreuseport` that lets the request pass: it is the same user's, its address
/// covers the one asked for, and it could come after all the sockets that forbid the request.
fn opens(request: &Request, facts: &Facts, mark: &Occupant, blockers: &[Blocker]) -> bool {
    mark.holds_port()
        && mark.socket.local.port() == request.address.port()
        && (mark.is_connection() || mark.uid() == request.uid)
        && covers(mark, request)
        && possible_flags(mark).filter(|flags| flags.reuseport).any(|flags| {
            let then = Request {
                address: SocketAddr::new(request.address.ip(), request.address.port()),
                reuseaddr: flags.reuseaddr,
                reuseport: true,
                v6only: flags.v6only,
                device: mark.socket.interface,
                ..*request
            };
            let admits = |blocker: &Blocker| {
                facts
                    .occupants
                    .get(blocker.index)
                    .is_some_and(|old| possible_flags(old).any(|flags| conflict(&then, old, flags).is_none()))
            };
            blockers.iter().all(admits)
        })
}

/// Whether what was bound by this socket, or by the listener that it was accepted from, can have covered an address.
fn covers(mark: &Occupant, request: &Request) -> bool {
    let (there, asked) = (Place::of(mark.socket.local.ip()), Place::of(request.address.ip()));
    mark.is_connection() || overlap(there, mark.v6only().unwrap_or(false), asked, request.v6only)
}
