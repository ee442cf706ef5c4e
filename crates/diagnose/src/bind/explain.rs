use core::time::Duration;

use super::{
    Answer, Call, Clash, Facts, Failure, Reason, Request, admission, outcome, remedy, sharing::blockers,
};
use crate::{Because, Code, Finding, Holder, Note, Remedy, Role, Until};

/// Why `call` was refused with `answer`, as far as the facts tell.
///
/// What the rules leave open, the refusal settles: an old socket whose flags are not known lacked the right one.
pub fn explain(request: &Request, call: Call, answer: Answer, facts: &Facts) -> Finding {
    let failure = match answer {
        Answer::InUse => {
            let (certain, possible): (Vec<_>, Vec<_>) = blockers(request, facts).partition(|one| one.certain);
            let held_by = if certain.is_empty() { possible } else { [certain, possible].concat() };
            if held_by.is_empty() { None } else { Some(outcome::held(facts, &held_by)) }
        }
        Answer::NotAvailable => Some(refused(answer, Reason::AddressNotHere)),
        Answer::NotPermitted | Answer::Invalid => admission::refusal(request, facts)
            .filter(|(predicted, _)| *predicted == answer)
            .map(|(_, reason)| refused(answer, reason)),
        Answer::Other => None,
    };
    match failure {
        Some(failure) => {
            let mut finding = finding(request, call, &failure, facts);
            // Ending others' connections is not what a server that did not start should propose first.
            finding.remedies.retain(|remedy| !matches!(remedy, Remedy::EndWaiting { .. }));
            finding
        }
        None if answer == Answer::InUse => unseen(facts),
        None => bare(Code::Unexplained, Because::Errno, Until::Unknown),
    }
}

fn refused(answer: Answer, reason: Reason) -> Failure {
    Failure { answer, reason, sockets: Vec::new() }
}

/// What a refusal, predicted or made, means: who holds the port, until when, what helps here.
pub fn finding(request: &Request, call: Call, failure: &Failure, facts: &Facts) -> Finding {
    match failure.reason {
        Reason::Held { by, clash, across } => {
            let holders = holders(failure, facts);
            let until = until(by, &holders);
            Finding {
                code: code(by),
                because: because(call, by, clash),
                remedies: remedy::remedies(request, failure, facts),
                notes: notes(across, facts),
                holders,
                until,
            }
        }
        Reason::PrivilegedPort { unprivileged_from } => Finding {
            remedies: vec![Remedy::Privilege { unprivileged_from }],
            ..bare(Code::PrivilegedPort, Because::Privileged { unprivileged_from }, Until::Changed)
        },
        Reason::AddressNotHere => Finding {
            remedies: vec![Remedy::LocalAddress],
            ..bare(Code::AddressNotHere, Because::NoSuchAddress, Until::Changed)
        },
        Reason::MappedButV6only => Finding {
            remedies: vec![Remedy::ClearV6only],
            ..bare(Code::InvalidRequest, Because::MappedButV6only, Until::Changed)
        },
        Reason::NoInterface => Finding {
            remedies: vec![Remedy::NameInterface],
            ..bare(Code::InvalidRequest, Because::NoInterface, Until::Changed)
        },
        Reason::Multicast => bare(Code::InvalidRequest, Because::Multicast, Until::Changed),
    }
}

fn bare(code: Code, because: Because, until: Until) -> Finding {
    Finding { code, holders: Vec::new(), because, until, remedies: Vec::new(), notes: Vec::new() }
}

fn unseen(facts: &Facts) -> Finding {
    let because = Because::NothingSeen { bound_listed: facts.bound_listed };
    Finding {
        remedies: vec![Remedy::LookAsRoot, Remedy::OtherPort],
        ..bare(Code::HeldByUnseen, because, Until::Unknown)
    }
}

fn code(by: Role) -> Code {
    match by {
        Role::Listener => Code::HeldByListener,
        Role::Bound => Code::HeldByBound,
        Role::Connection => Code::HeldByConnections,
        Role::Outgoing | Role::OutgoingWaiting => Code::HeldByOutgoing,
        Role::OrphanedFinWait2 | Role::TimeWait => Code::HeldByWaiting,
    }
}

fn until(by: Role, holders: &[Holder]) -> Until {
    match by {
        Role::Listener | Role::Bound => Until::Released,
        Role::Connection | Role::Outgoing => Until::ConnectionsEnd,
        Role::OrphanedFinWait2 | Role::TimeWait | Role::OutgoingWaiting => Until::Expires(last_wait(holders)),
    }
}

fn last_wait(holders: &[Holder]) -> Duration {
    holders.iter().filter_map(|holder| holder.last_expires_in).max().unwrap_or_default()
}

/// The sockets responsible, by role, the role that holds most firmly first.
fn holders(failure: &Failure, facts: &Facts) -> Vec<Holder> {
    let mut holders: Vec<Holder> = Vec::new();
    let roles = facts.roles();
    for occupant in failure.sockets.iter().filter_map(|&index| facts.occupants.get(index)) {
        let role = roles.of(occupant);
        match holders.iter_mut().find(|holder| holder.role == role) {
            Some(holder) => {
                holder.count += occupant.count;
                holder.last_expires_in = holder.last_expires_in.max(occupant.socket.expires_in());
                holder.owner = holder.owner.take().or_else(|| occupant.owner.clone());
            }
            None => holders.push(Holder {
                role,
                count: occupant.count,
                last_expires_in: occupant.socket.expires_in(),
                owner: occupant.owner.clone(),
            }),
        }
    }
    holders.sort_by_key(|holder| holder.role);
    holders
}

fn because(call: Call, by: Role, clash: Clash) -> Because {
    match (by, clash, call) {
        (_, Clash::OtherUser { uid }, _) => Because::OtherUser { uid },
        (Role::Listener, _, Call::Listen) => Because::SecondListener,
        (Role::Listener, _, Call::Bind) => Because::ListenerShares,
        (Role::Bound, _, _) => Because::BoundShares,
        (Role::Outgoing | Role::OutgoingWaiting, _, _) => Because::OutgoingTook,
        (Role::Connection | Role::OrphanedFinWait2 | Role::TimeWait, clash, _) => match clash {
            Clash::NewLacksReuse => Because::NewLacksReuse,
            Clash::OldLacksReuseaddr | Clash::Listens => Because::OldLacksReuseaddr,
            Clash::OldLacksReuseport => Because::OldLacksReuseport,
            Clash::OtherUser { uid } => Because::OtherUser { uid },
        },
    }
}

fn notes(across: bool, facts: &Facts) -> Vec<Note> {
    let dual = across.then_some(Note::DualStack);
    let elsewhere = (facts.elsewhere > 0).then_some(Note::OtherNamespace { sockets: facts.elsewhere });
    dual.into_iter().chain(elsewhere).collect()
}
