//! What helps here: each candidate is tried by the rules before it is offered.

use core::time::Duration;

use timewait_facts::{Owner, Socket, State, Timer, TimerKind};

use super::{Clash, Facts, Failure, Occupant, Reason, Request, Verdict, predict};
use crate::{Remedy, Role};

/// `TCP_TIMEWAIT_LEN` (linux v6.12 include/net/tcp.h): how long a connection waits once this side closed it first.
const TIME_WAIT: Duration = Duration::from_secs(60);

/// What helps against a refusal by sockets that hold the port, the smallest first: an option of the new socket, then
/// time, then the end of somebody else's socket, then what helps from the next time on.
pub(super) fn remedies(request: &Request, failure: &Failure, facts: &Facts) -> Vec<Remedy> {
    let mut remedies = Vec::from_iter(options(request, failure, facts));
    remedies.extend(waiting(request, failure, facts));
    remedies.extend(ending(request, failure, facts));
    remedies.extend(from_now_on(request, failure, facts));
    remedies
}

/// The request and the facts as they are once a remedy was taken; `None` for one that changes neither here and now.
///
/// A process that is ended leaves its connections behind, in TIME-WAIT.
pub fn after(remedy: &Remedy, request: &Request, facts: &Facts) -> Option<(Request, Facts)> {
    let request = match remedy {
        Remedy::SetReuseaddr => Request { reuseaddr: true, ..*request },
        Remedy::SetReuseport => Request { reuseport: true, ..*request },
        Remedy::SetV6only => Request { v6only: true, ..*request },
        Remedy::ClearV6only => Request { v6only: false, ..*request },
        Remedy::AsUser { uid } => Request { uid: *uid, privileged: false, ..*request },
        Remedy::Wait(_) | Remedy::EndWaiting { .. } => return Some((*request, without_minisockets(facts))),
        Remedy::EndOwner(owner) => return Some((*request, ended(core::slice::from_ref(owner), facts))),
        Remedy::ReuseaddrFromNextRestart
        | Remedy::ReservePort { .. }
        | Remedy::OtherPort
        | Remedy::Privilege { .. }
        | Remedy::LocalAddress
        | Remedy::NameInterface
        | Remedy::LookAsRoot => return None,
    };
    Some((request, facts.clone()))
}

/// How sure a remedy is to be offered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sure {
    /// The rules let it pass.
    Yes,
    /// They may: flags are not known.
    Perhaps,
}

/// Whether both calls succeed with a changed request or changed facts.
fn helps(request: &Request, facts: &Facts, sure: Sure) -> bool {
    let prediction = predict(request, facts);
    let passes = |verdict: &Verdict| match verdict {
        Verdict::Succeeds => true,
        Verdict::Fails(_) => false,
        Verdict::Depends { .. } => sure == Sure::Perhaps,
    };
    passes(&prediction.bind) && prediction.listen.as_ref().is_some_and(passes)
}

/// The least change of the new socket. SO_REUSEADDR is offered also where it only may help: the flags of old sockets
/// are rarely known, and it is wanted from now on anyway.
fn options(request: &Request, failure: &Failure, facts: &Facts) -> Option<Remedy> {
    let reuseaddr = Request { reuseaddr: true, ..*request };
    let reuseport = Request { reuseport: true, ..*request };
    let v6only = Request { v6only: true, ..*request };
    let other_user = match failure.reason {
        Reason::Held { clash: Clash::OtherUser { uid }, .. } => Some(uid),
        Reason::Held { .. }
        | Reason::PrivilegedPort { .. }
        | Reason::AddressNotHere
        | Reason::MappedButV6only
        | Reason::NoInterface
        | Reason::Multicast => None,
    };
    if !request.reuseaddr && helps(&reuseaddr, facts, Sure::Perhaps) {
        Some(Remedy::SetReuseaddr)
    } else if !request.reuseport && helps(&reuseport, facts, Sure::Yes) {
        Some(Remedy::SetReuseport)
    } else if request.address.is_ipv6() && !request.v6only && helps(&v6only, facts, Sure::Yes) {
        Some(Remedy::SetV6only)
    } else {
        other_user
            .filter(|&uid| helps(&Request { uid, privileged: false, ..*request }, facts, Sure::Yes))
            .map(|uid| Remedy::AsUser { uid })
    }
}

/// Minisockets go by themselves, or may be ended.
fn waiting(request: &Request, failure: &Failure, facts: &Facts) -> Vec<Remedy> {
    let held = failure.sockets.iter().filter_map(|&index| facts.occupants.get(index));
    match held.filter_map(|old| old.socket.expires_in()).max() {
        Some(left) if helps(request, &without_minisockets(facts), Sure::Perhaps) => {
            vec![Remedy::Wait(left), Remedy::EndWaiting { port: request.address.port() }]
        }
        Some(_) | None => Vec::new(),
    }
}

fn without_minisockets(facts: &Facts) -> Facts {
    let lasts = |old: &&Occupant| !old.socket.is_minisocket();
    Facts { occupants: facts.occupants.iter().filter(lasts).cloned().collect(), ..facts.clone() }
}

/// The processes that hold the port end: their listeners go at once, their connections begin to wait.
fn ending(request: &Request, failure: &Failure, facts: &Facts) -> Vec<Remedy> {
    let mut owners: Vec<Owner> = Vec::new();
    let held = failure.sockets.iter().filter_map(|&index| facts.occupants.get(index));
    for owner in held.filter_map(|old| old.owner.as_ref()) {
        if !owners.contains(owner) {
            owners.push(owner.clone());
        }
    }
    if owners.is_empty() {
        return if is_live(failure) { vec![Remedy::LookAsRoot] } else { Vec::new() };
    }
    let ended = ended(&owners, facts);
    let end = owners.into_iter().map(Remedy::EndOwner);
    if helps(request, &ended, Sure::Perhaps) {
        end.collect()
    } else if helps(request, &without_minisockets(&ended), Sure::Perhaps) {
        end.chain([Remedy::Wait(TIME_WAIT)]).collect()
    } else {
        Vec::new()
    }
}

fn ended(owners: &[Owner], facts: &Facts) -> Facts {
    let ended = |old: &Occupant| match &old.owner {
        Some(owner) if owners.contains(owner) => old.is_connection().then(|| closed(old)),
        Some(_) | None => Some(old.clone()),
    };
    Facts { occupants: facts.occupants.iter().filter_map(ended).collect(), ..facts.clone() }
}

/// What becomes of a connection whose process ends while this side is the first to close.
fn closed(old: &Occupant) -> Occupant {
    let timer = Timer { kind: TimerKind::TimeWait, expires_ms: 60_000, retries: 0 };
    let socket = Socket { state: State::TimeWait, timer, uid: None, inode: None, ..old.socket };
    Occupant { socket, owner: None, ..old.clone() }
}

fn is_live(failure: &Failure) -> bool {
    match failure.reason {
        Reason::Held { by, .. } => matches!(by, Role::Listener | Role::Bound),
        Reason::PrivilegedPort { .. }
        | Reason::AddressNotHere
        | Reason::MappedButV6only
        | Reason::NoInterface
        | Reason::Multicast => false,
    }
}

/// The way around, and what helps from the next time on.
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
