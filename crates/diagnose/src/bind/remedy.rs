//! What helps here: each candidate is tried by the rules before it is offered.

use core::time::Duration;

use super::{Clash, Facts, Failure, Occupant, Reason, Request, Verdict, predict};
use crate::{Remedy, Role, Until};

/// What helps against a refusal by sockets that hold the port, the smallest first.
pub(super) fn remedies(request: &Request, failure: &Failure, until: Until, facts: &Facts) -> Vec<Remedy> {
    let mut remedies = options(request, failure, facts);
    match until {
        Until::Expires(left) => remedies.extend(waiting(request, left, facts)),
        Until::Released | Until::ConnectionsEnd | Until::Changed | Until::Unknown => {
            remedies.extend(ending(failure, facts));
        }
    }
    remedies.extend(from_now_on(request, failure, facts));
    remedies
}

/// Options of the new socket that the rules let pass. SO_REUSEADDR is offered as well where it may help, which is for
/// a socket that has no option yet and old ones whose flags are not known.
fn options(request: &Request, failure: &Failure, facts: &Facts) -> Vec<Remedy> {
    let reuseaddr = Request { reuseaddr: true, ..*request };
    let reuseport = Request { reuseport: true, ..*request };
    let v6only = Request { v6only: true, ..*request };
    let mut options = Vec::new();
    if !request.reuseaddr && helps(&reuseaddr, facts, !request.reuseport || !is_live(failure)) {
        options.push(Remedy::SetReuseaddr);
    } else if !request.reuseport && helps(&reuseport, facts, false) {
        options.push(Remedy::SetReuseport);
    }
    if options.is_empty() && request.address.is_ipv6() && !request.v6only && helps(&v6only, facts, false) {
        options.push(Remedy::SetV6only);
    }
    if let Reason::Held { clash: Clash::OtherUser { uid }, .. } = failure.reason
        && helps(&Request { uid, ..*request }, facts, false)
    {
        options.push(Remedy::AsUser { uid });
    }
    options
}

fn is_live(failure: &Failure) -> bool {
    match failure.reason {
        Reason::Held { by: Role::Listener | Role::Bound, .. } => true,
        Reason::Held {
            by:
                Role::Connection
                | Role::Outgoing
                | Role::OrphanedFinWait2
                | Role::TimeWait
                | Role::OutgoingWaiting,
            ..
        }
        | Reason::PrivilegedPort { .. }
        | Reason::AddressNotHere
        | Reason::MappedButV6only
        | Reason::NoInterface
        | Reason::Multicast => false,
    }
}

/// Whether both calls succeed with a changed request or facts, or at least may.
fn helps(request: &Request, facts: &Facts, or_may: bool) -> bool {
    let prediction = predict(request, facts);
    let passes = |verdict: &Verdict| match verdict {
        Verdict::Succeeds => true,
        Verdict::Fails(_) => false,
        Verdict::Depends { .. } => or_may,
    };
    passes(&prediction.bind) && prediction.listen.as_ref().is_some_and(passes)
}

/// Minisockets go by themselves, or may be ended.
fn waiting(request: &Request, left: Duration, facts: &Facts) -> Vec<Remedy> {
    let without = without(facts, |occupant| occupant.socket.is_minisocket());
    if helps(request, &without, true) { vec![Remedy::Wait(left)] } else { Vec::new() }
}

fn without(facts: &Facts, gone: impl Fn(&Occupant) -> bool) -> Facts {
    let occupants = facts.occupants.iter().filter(|occupant| !gone(occupant)).cloned().collect();
    Facts { occupants, ..facts.clone() }
}

/// Whoever holds the port may be ended.
fn ending(failure: &Failure, facts: &Facts) -> Vec<Remedy> {
    let owner = failure.sockets.iter().find_map(|&index| facts.occupants.get(index)?.owner.clone());
    match (owner, is_live(failure)) {
        (Some(owner), _) => vec![Remedy::EndOwner(owner)],
        (None, true) => vec![Remedy::LookAsRoot],
        (None, false) => Vec::new(),
    }
}

/// What helps from the next time on, and the way around.
fn from_now_on(request: &Request, failure: &Failure, facts: &Facts) -> Vec<Remedy> {
    let port = request.address.port();
    let Reason::Held { by, clash, .. } = failure.reason else { return Vec::new() };
    let lacked = clash == Clash::OldLacksReuseaddr;
    match by {
        Role::Listener | Role::Bound => vec![Remedy::OtherPort],
        Role::Connection if lacked => vec![Remedy::OtherPort, Remedy::ReuseaddrFromNextRestart],
        Role::OrphanedFinWait2 | Role::TimeWait if lacked => vec![Remedy::ReuseaddrFromNextRestart],
        Role::Outgoing | Role::OutgoingWaiting if facts.ports.offers(port) => {
            vec![Remedy::ReservePort { port }]
        }
        Role::Connection
        | Role::OrphanedFinWait2
        | Role::TimeWait
        | Role::Outgoing
        | Role::OutgoingWaiting => Vec::new(),
    }
}
