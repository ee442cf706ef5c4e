use super::{
    Bucket, Clash, Facts, Flags, Request, admission, history,
    sharing::{Blocker, blockers},
};
use crate::Role;

/// One of the two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// bind(2)
    Bind,
    /// listen(2)
    Listen,
}

/// How a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// EADDRINUSE
    InUse,
    /// EADDRNOTAVAIL
    NotAvailable,
    /// EACCES
    NotPermitted,
    /// EINVAL
    Invalid,
    /// Any other errno.
    Other,
}

impl Answer {
    /// The errno's name; `None` for [`Answer::Other`].
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::InUse => Some("EADDRINUSE"),
            Self::NotAvailable => Some("EADDRNOTAVAIL"),
            Self::NotPermitted => Some("EACCES"),
            Self::Invalid => Some("EINVAL"),
            Self::Other => None,
        }
    }
}

/// What the two calls will answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// What bind(2) answers.
    pub bind: Verdict,
    /// What listen(2) answers if it follows at once, provided that bind(2) succeeded; `None` if that cannot be.
    pub listen: Option<Verdict>,
    /// Sockets that are bound and do not listen, with which SO_REUSEADDR alone lets this one share the port (places
    /// in [`Facts::occupants`]). Of all these the first to listen wins: listen(2) of the others is refused.
    pub rivals: Vec<usize>,
}

/// What one call will answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It succeeds.
    Succeeds,
    /// It is refused.
    Fails(Failure),
    /// It succeeds or is refused, depending on what no table shows.
    Depends {
        /// What it depends on.
        on: On,
        /// The one answer, if it is not success.
        otherwise: Failure,
    },
}

impl Verdict {
    /// Whether this answer is possible: `None` is success.
    pub fn allows(&self, answer: Option<Answer>) -> bool {
        match self {
            Self::Succeeds => answer.is_none(),
            Self::Fails(failure) => answer == Some(failure.answer),
            Self::Depends { otherwise, .. } => answer.is_none() || answer == Some(otherwise.answer),
        }
    }

    /// The refusal, certain or possible.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Succeeds => None,
            Self::Fails(failure) | Self::Depends { otherwise: failure, .. } => Some(failure),
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The errno.
    pub answer: Answer,
    /// Why; of several sockets that refuse, by the one that holds most firmly.
    pub reason: Reason,
    /// The sockets that refuse (places in [`Facts::occupants`]), the one that the reason is about first.
    pub sockets: Vec<usize>,
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A socket holds the port.
    Held {
        /// How it does.
        by: Role,
        /// Why the two cannot share it.
        clash: Clash,
        /// One is an IPv4 socket and the other an IPv6 socket: the overlap is dual stack.
        across: bool,
    },
    /// The port is below `ip_unprivileged_port_start`, and there is no CAP_NET_BIND_SERVICE.
    PrivilegedPort {
        /// The setting.
        unprivileged_from: u16,
    },
    /// No interface of this network namespace has the address.
    AddressNotHere,
    /// `::ffff:a.b.c.d` with IPV6_V6ONLY.
    MappedButV6only,
    /// A link-local address without its interface.
    NoInterface,
    /// TCP has no IPv6 multicast.
    Multicast,
}

/// What an answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Flags of the old sockets that could not be read, and that decide: those that are true here.
    Flags(Flags),
    /// The history of the port's bucket: in which order sockets came, or flags that were changed after bind(2).
    History,
}

/// What bind(2), and then listen(2), will answer.
///
/// Where flags of old sockets are not known, every value is tried: the verdict is certain if all agree. For port 0
/// only the address is judged; whether a port is left is another question.
pub fn predict(request: &Request, facts: &Facts) -> Prediction {
    if let Some((answer, reason)) = admission::refusal(request, facts) {
        let failure = Failure { answer, reason, sockets: Vec::new() };
        return Prediction { bind: Verdict::Fails(failure), listen: None, rivals: Vec::new() };
    }
    let (certain, possible): (Vec<_>, Vec<_>) = blockers(request, facts).partition(|blocker| blocker.certain);
    let bind = bind(request, facts, &certain, &possible);
    let listen = listen(request, facts, &bind);
    let rivals = if listen.is_some() { rivals(request, facts) } else { Vec::new() };
    Prediction { bind, listen, rivals }
}

fn bind(request: &Request, facts: &Facts, certain: &[Blocker], possible: &[Blocker]) -> Verdict {
    if !certain.is_empty() {
        let failure = held(facts, certain);
        return if history::may_admit(request, facts, certain) {
            Verdict::Depends { on: On::History, otherwise: failure }
        } else {
            Verdict::Fails(failure)
        };
    }
    if possible.is_empty() {
        return Verdict::Succeeds;
    }
    let on = possible.iter().fold(Flags::default(), |all, blocker| Flags {
        reuseaddr: all.reuseaddr || blocker.undecided.reuseaddr,
        reuseport: all.reuseport || blocker.undecided.reuseport,
        v6only: all.v6only || blocker.undecided.v6only,
    });
    Verdict::Depends { on: On::Flags(on), otherwise: held(facts, possible) }
}

/// The refusal by some sockets, at least one.
pub(super) fn held(facts: &Facts, blockers: &[Blocker]) -> Failure {
    let roles = facts.roles();
    let mut by_role: Vec<_> = blockers
        .iter()
        .filter_map(|blocker| Some((roles.of(facts.occupants.get(blocker.index)?), blocker)))
        .collect();
    by_role.sort_by_key(|(role, _)| *role);
    let reason = by_role.first().map_or(Reason::AddressNotHere, |(by, blocker)| Reason::Held {
        by: *by,
        clash: blocker.clash,
        across: blocker.across,
    });
    Failure {
        answer: Answer::InUse,
        reason,
        sockets: by_role.iter().map(|(_, blocker)| blocker.index).collect(),
    }
}

/// What listen(2) answers right after a bind(2) that succeeded.
///
/// It asks for the port once more (linux v6.12 net/ipv4/inet_connection_sock.c `inet_csk_listen_start`), now without
/// the shortcut of `fastreuse`. A socket with SO_REUSEPORT has itself just left the mark that lets it pass; any other
/// is checked against the same sockets as before.
fn listen(request: &Request, facts: &Facts, bind: &Verdict) -> Option<Verdict> {
    match bind {
        Verdict::Fails(_) => None,
        Verdict::Succeeds => Some(Verdict::Succeeds),
        Verdict::Depends { .. } if request.reuseport => Some(Verdict::Succeeds),
        Verdict::Depends { on: On::History, otherwise } => Some(Verdict::Fails(otherwise.clone())),
        Verdict::Depends { on: On::Flags(_), .. } => Some(match facts.bucket {
            Bucket::AsTheFlagsSay => Verdict::Succeeds,
            Bucket::Unknown => bind.clone(),
        }),
    }
}

/// Whoever else might listen first.
fn rivals(request: &Request, facts: &Facts) -> Vec<usize> {
    let without = Request { reuseaddr: false, ..*request };
    let roles = facts.roles();
    let is_bound = |blocker: &Blocker| {
        facts.occupants.get(blocker.index).is_some_and(|old| roles.of(old) == Role::Bound)
    };
    blockers(&without, facts).filter(is_bound).map(|blocker| blocker.index).collect()
}
