//! The situation rebuilt in a private namespace, and every set of flags tried there.
//!
//! A flag that is not known is tried both ways, and the rules are asked about the same: what is compared is the
//! kernel's answer and the rules' for a situation in which nothing is open.

use std::{
    env, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::{Command, ExitCode, Stdio},
};

use timewait_diagnose::{
    Role,
    bind::{self, Answer, Facts, Occupant, Reason, Request, Roles, Verdict},
};
use timewait_linux::rehearsal::{self, Endpoint, Holder, RehearsalError, Trial};

use super::answers::{Answered, Checked, FlagSet};
use crate::{port_facts, words::why as words};

/// Kinds of sockets on one port; more are not rebuilt.
const MOST_KINDS: usize = 64;

/// Checks every answer, or says why it could not.
pub(super) fn check(answered: &mut [Answered]) {
    let plans: Vec<Plan> =
        answered.iter().enumerate().flat_map(|(place, answered)| plans(place, answered)).collect();
    let trials: Vec<Trial> = plans.iter().map(Plan::trial).collect();
    let too_many = trials.iter().any(|trial| trial.holders.len() > MOST_KINDS);
    let heard = if too_many { Err("too many kinds of sockets to rebuild".to_owned()) } else { hear(&trials) };
    match heard {
        Err(why) => answered.iter_mut().for_each(|answered| answered.not_rehearsed = Some(why.clone())),
        Ok(answers) => plans.iter().zip(answers).for_each(|(plan, answer)| plan.enter(answer, answered)),
    }
}

/// By this word alone a child of ours is told to rehearse, where it cannot be a copy of this process. It is not taken apart as
/// arguments are: that would take longer than the rehearsal.
const REHEARSE: &str = "rehearse-here";

/// Whether this process is a child that is to rehearse.
pub(crate) fn is_rehearsal() -> bool {
    let mut arguments = env::args_os().skip(1);
    arguments.next().is_some_and(|word| word == REHEARSE) && arguments.next().is_none()
}

/// Tries what standard input says, in the network namespace that it was started in.
pub(crate) fn perform_rehearsal() -> anyhow::Result<ExitCode> {
    rehearsal::perform(io::stdin().lock(), io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn hear(trials: &[Trial]) -> Result<Vec<rehearsal::Answer>, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let said = |error: RehearsalError| format!("{:#}", anyhow::Error::from(error));
    rehearsal::rehearse(Command::new(program).arg(REHEARSE).stderr(Stdio::null()), trials).map_err(said)
}

/// To what a trial belongs: its place in the answer.
#[derive(Clone, Copy)]
enum About {
    Flags(usize),
    Remedy(usize),
}

/// One trial, and to what it belongs.
struct Plan {
    /// The answer's place.
    place: usize,
    about: About,
    request: Request,
    /// In which no flag is open any more.
    facts: Facts,
}

fn plans(place: usize, answered: &Answered) -> Vec<Plan> {
    let facts = &answered.found.facts;
    let is_open = |occupant: &Occupant| occupant.reuseaddr.is_none() || occupant.reuseport.is_none();
    let hypotheses: &[bool] = if facts.occupants.iter().any(is_open) { &[false, true] } else { &[false] };
    let mut plans = Vec::new();
    for (set, flags) in answered.answers.iter().enumerate() {
        let request = Request {
            reuseaddr: flags.flags.reuseaddr,
            reuseport: flags.flags.reuseport,
            ..answered.request
        };
        let about = About::Flags(set);
        plans.extend(hypotheses.iter().map(|&open| Plan {
            place,
            about,
            request,
            facts: closed(facts, open),
        }));
    }
    for (remedy, (request, facts)) in remedied(answered) {
        let about = About::Remedy(remedy);
        plans.extend(hypotheses.iter().map(|&open| Plan {
            place,
            about,
            request,
            facts: closed(&facts, open),
        }));
    }
    plans
}

/// The situation after each remedy that changes it, by the remedy's place.
fn remedied(answered: &Answered) -> impl Iterator<Item = (usize, (Request, Facts))> + '_ {
    let remedies = answered.finding.iter().flat_map(|finding| finding.remedies.iter().enumerate());
    remedies.filter_map(|(place, remedy)| {
        Some((place, bind::after(remedy, &answered.request, &answered.found.facts)?))
    })
}

/// The facts, with every open flag as supposed. An outgoing connection was given its port without any.
fn closed(facts: &Facts, supposed: bool) -> Facts {
    let roles = facts.roles();
    let close = |occupant: &Occupant| {
        let outgoing = matches!(roles.of(occupant), Role::Outgoing | Role::OutgoingWaiting);
        let value = supposed && !outgoing;
        let known = |flag: Option<bool>| Some(flag.unwrap_or(value));
        occupant.clone().with_flags(known(occupant.reuseaddr), known(occupant.reuseport))
    };
    Facts { occupants: facts.occupants.iter().map(close).collect(), ..facts.clone() }
}

impl Plan {
    fn trial(&self) -> Trial {
        let roles = self.facts.roles();
        let (mut kinds, mut holders): (Vec<Holder>, Vec<Holder>) = (Vec::new(), Vec::new());
        for occupant in &self.facts.occupants {
            let holder = holder(roles, occupant);
            let kind = self.kind_of(&holder);
            if !kinds.contains(&kind) {
                kinds.push(kind);
                holders.push(holder);
            }
        }
        Trial { holders, request: endpoint_of_request(&self.request) }
    }

    /// What one holder of several stands for. To the request, all addresses of a family are alike but for its own and the
    /// wildcards (linux v6.12 net/ipv4/inet_connection_sock.c `inet_rcv_saddr_equal`), so a hundred thousand of them are
    /// rebuilt as one.
    fn kind_of(&self, holder: &Holder) -> Holder {
        let asked = self.request.address.ip().to_canonical();
        let mut kind = holder.clone();
        let address = &mut kind.at.address;
        if address.to_canonical() != asked && !address.to_canonical().is_unspecified() {
            *address = match *address {
                IpAddr::V4(_) => Ipv4Addr::BROADCAST.into(),
                IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
                    Ipv4Addr::BROADCAST.to_ipv6_mapped().into()
                }
                IpAddr::V6(_) => Ipv6Addr::from_bits(u128::MAX).into(),
            };
        }
        kind
    }

    /// Enters what came of the trial.
    fn enter(&self, heard: rehearsal::Answer, answered: &mut [Answered]) {
        let Some(answered) = answered.get_mut(self.place) else { return };
        if let rehearsal::Answer::NotRebuilt(why) = heard {
            answered.not_rehearsed.get_or_insert_with(|| words::not_rebuilt(why));
        }
        match self.about {
            About::Flags(set) => {
                if let Some(set) = answered.answers.get_mut(set) {
                    self.enter_flags(heard, set);
                }
            }
            About::Remedy(remedy) => enter_remedy(remedy, heard, answered),
        }
    }

    fn enter_flags(&self, heard: rehearsal::Answer, set: &mut FlagSet) {
        let predicted = bind::predict(&self.request, &self.facts);
        if is_about_the_host(&predicted.bind) {
            return;
        }
        let agrees = match heard {
            rehearsal::Answer::NotRebuilt(_) => return,
            rehearsal::Answer::BindRefused(errno) => predicted.bind.allows(Some(port_facts::answer(errno))),
            rehearsal::Answer::ListenRefused(errno) => {
                let listen = predicted.listen.as_ref();
                listen.is_some_and(|listen| listen.allows(Some(port_facts::answer(errno))))
            }
            rehearsal::Answer::Listens => {
                predicted.bind.allows(None)
                    && predicted.listen.as_ref().is_some_and(|listen| listen.allows(None))
            }
        };
        let (bind, listen) = outcomes(heard);
        let before = set.checked.take();
        set.checked = Some(Checked {
            agrees: agrees && before.as_ref().is_none_or(|before| before.agrees),
            // Two suppositions with two outcomes: it does depend on them.
            bind: before
                .as_ref()
                .map_or(bind, |before| if before.bind == bind { bind } else { Outcome::Both }),
            listen: before
                .as_ref()
                .map_or(listen, |before| if before.listen == listen { listen } else { Outcome::Both }),
        });
    }
}

/// A remedy was seen to help if the server listened whatever the open flags are; not, if it never did.
fn enter_remedy(place: usize, heard: rehearsal::Answer, answered: &mut Answered) {
    let helped = match heard {
        rehearsal::Answer::Listens => true,
        rehearsal::Answer::BindRefused(_) | rehearsal::Answer::ListenRefused(_) => false,
        rehearsal::Answer::NotRebuilt(_) => return,
    };
    let checked = &mut answered.remedies_checked;
    if checked.len() <= place {
        checked.resize(place + 1, None);
        if let Some(entry) = checked.last_mut() {
            *entry = Some(helped);
        }
    } else if let Some(entry) = checked.get_mut(place)
        && *entry != Some(helped)
    {
        *entry = None;
    }
}

/// A refusal that no socket causes: by a setting, or for an address, which a host of our own does not share.
fn is_about_the_host(verdict: &Verdict) -> bool {
    verdict.failure().is_some_and(|failure| !matches!(failure.reason, Reason::Held { .. }))
}

/// What a call did in the rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeded,
    Refused(Answer),
    NotReached,
    /// The one or the other, as the open flags are.
    Both,
}

fn outcomes(answer: rehearsal::Answer) -> (Outcome, Outcome) {
    match answer {
        rehearsal::Answer::Listens => (Outcome::Succeeded, Outcome::Succeeded),
        rehearsal::Answer::ListenRefused(errno) => {
            (Outcome::Succeeded, Outcome::Refused(port_facts::answer(errno)))
        }
        rehearsal::Answer::BindRefused(errno) => {
            (Outcome::Refused(port_facts::answer(errno)), Outcome::NotReached)
        }
        rehearsal::Answer::NotRebuilt(_) => (Outcome::NotReached, Outcome::NotReached),
    }
}

fn holder(roles: Roles<'_>, occupant: &Occupant) -> Holder {
    let role = match roles.of(occupant) {
        Role::Listener => rehearsal::Role::Listener,
        Role::Bound => rehearsal::Role::Bound,
        Role::Connection => rehearsal::Role::Accepted,
        Role::Outgoing => rehearsal::Role::Outgoing,
        Role::OrphanedFinWait2 => rehearsal::Role::OrphanedFinWait2,
        Role::TimeWait => rehearsal::Role::TimeWait,
        Role::OutgoingWaiting => rehearsal::Role::OutgoingTimeWait,
    };
    let socket = &occupant.socket;
    let flags = rehearsal::Flags {
        reuseaddr: occupant.reuseaddr.unwrap_or(false),
        reuseport: occupant.reuseport.unwrap_or(false),
        v6only: socket.v6only.unwrap_or(false),
    };
    let device = socket.interface.map(|index| index.to_string());
    Holder { role, at: Endpoint { device, uid: socket.uid, ..Endpoint::new(socket.local.ip(), flags) } }
}

fn endpoint_of_request(request: &Request) -> Endpoint {
    let flags = rehearsal::Flags {
        reuseaddr: request.reuseaddr,
        reuseport: request.reuseport,
        v6only: request.v6only,
    };
    let device = request.device.map(|index| index.to_string());
    Endpoint { device, uid: Some(request.uid), ..Endpoint::new(request.address.ip(), flags) }
}

/// Whether the rules say the same of this verdict as the rehearsal did.
pub(super) fn word(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Succeeded => Some("OK"),
        Outcome::Refused(answer) => answer.name(),
        Outcome::Both => Some("depends"),
        Outcome::NotReached => None,
    }
}

/// A verdict as the contract writes it.
pub(super) fn verdict_word(verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Succeeds => Some("OK"),
        Verdict::Fails(failure) => failure.answer.name(),
        Verdict::Depends { .. } => Some("depends"),
    }
}
