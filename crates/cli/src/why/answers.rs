//! The four sets of flags, each predicted by the rules; the one that is asked about settled by a trial where the
//! rules leave it open.

use timewait_diagnose::{
    Finding, Role,
    bind::{self, Answer, Call, Facts, Failure, Occupant, Prediction, Request, Verdict},
};
use timewait_linux::{flags, netns::Netns, trial};

use super::rehearse;
use crate::{
    args::Flags,
    port_facts::{self, Held, PortFacts},
    words::why::{self as words, KnownBy},
};

/// More sockets than this, and a trial would hold the kernel's lock for too long to be worth it unasked.
const TRIAL_LIMIT: usize = 10_000;

/// Whether a bind(2) may be tried on the host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trials {
    /// Also where the rules are certain, and however many sockets share the port.
    pub(super) forced: bool,
    /// Never; or it would not be the same bind(2): another user's, on a certain interface.
    pub(super) forbidden: bool,
}

/// What is to be said about one address.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    /// The socket that is asked about.
    pub(super) request: Request,
    pub(super) flags: Flags,
    pub(super) found: PortFacts,
    /// For each set of flags, the one asked about among them.
    pub(super) answers: Vec<FlagSet>,
    /// Why the call that fails first does.
    pub(super) finding: Option<Finding>,
    /// What the rules said of bind(2) before it was tried.
    pub(super) before: Verdict,
    /// Listeners whose options could not be read, and why.
    pub(super) unread: Vec<String>,
    /// For each remedy whether it was seen to help in a rehearsal; `None` where that depends, or could not be seen.
    pub(super) remedies_checked: Vec<Option<bool>>,
    /// Why nothing was checked in a private namespace.
    pub(super) not_rehearsed: Option<String>,
}

/// What happens with one set of flags.
#[derive(Clone, Debug)]
pub(super) struct FlagSet {
    pub(super) flags: Flags,
    /// It is the set that is asked about.
    pub(super) asked: bool,
    pub(super) predicted: Prediction,
    /// What bind(2) on the host answered, if it was tried.
    pub(super) tried: Option<Result<(), Answer>>,
    /// What a rehearsal in a private namespace came to.
    pub(super) checked: Option<Checked>,
}

/// What a rehearsal came to.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    /// The kernel did what the rules say, for each supposition about flags that are not known.
    pub(super) agrees: bool,
    pub(super) bind: rehearse::Outcome,
    pub(super) listen: rehearse::Outcome,
}

/// How the question is answered in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeds,
    Fails(Call, Answer),
    Depends,
}

impl FlagSet {
    pub(super) fn known_by(&self) -> KnownBy {
        match (&self.tried, &self.checked) {
            (Some(_), _) => KnownBy::Trial,
            (None, None) => KnownBy::Rules,
            (None, Some(checked)) if checked.agrees => KnownBy::Rehearsal,
            (None, Some(_)) => KnownBy::Contradicted,
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        match (&self.tried, &self.predicted.bind) {
            (Some(Err(answer)), _) => Outcome::Fails(Call::Bind, *answer),
            (None, Verdict::Fails(failure)) => Outcome::Fails(Call::Bind, failure.answer),
            (None, Verdict::Depends { .. }) => Outcome::Depends,
            (Some(Ok(())), _) | (None, Verdict::Succeeds) => match &self.predicted.listen {
                Some(Verdict::Fails(failure)) => Outcome::Fails(Call::Listen, failure.answer),
                Some(Verdict::Depends { .. }) => Outcome::Depends,
                Some(Verdict::Succeeds) | None => Outcome::Succeeds,
            },
        }
    }
}

impl Answered {
    /// The rows that are kept of the sockets with this role.
    pub(super) fn rows_of(&self, role: Role) -> Vec<Held> {
        let roles = self.found.facts.roles();
        let rows = self.found.rows.values().flatten();
        rows.filter(|(socket, _)| roles.of(&Occupant::of(*socket, None)) == role).cloned().collect()
    }

    /// The set of flags that is asked about.
    pub(super) fn asked(&self) -> Option<&FlagSet> {
        self.answers.iter().find(|set| set.asked)
    }

    /// How many bound sockets may listen before this one, and so refuse it.
    pub(super) fn rivals(&self) -> usize {
        let places = self.asked().map_or(&[][..], |set| set.predicted.rivals.as_slice());
        places.iter().filter_map(|&place| self.found.facts.occupants.get(place)).map(|it| it.count).sum()
    }

    pub(super) fn outcome(&self) -> Outcome {
        self.asked().map_or(Outcome::Depends, FlagSet::outcome)
    }

    /// Whether a trial came out as the rules exclude.
    pub(super) fn is_contradicted(&self) -> bool {
        let asked = self.asked();
        asked.and_then(|set| set.tried.map(|tried| !self.before.allows(tried.err()))).unwrap_or(false)
    }

    pub(super) fn succeeds(&self) -> bool {
        self.outcome() == Outcome::Succeeds
    }
}

/// Reads the options of live listeners, where that is permitted. What refuses leaves them unknown, and is told.
pub(super) fn peek(facts: &mut Facts) -> Vec<String> {
    let mut unread = Vec::new();
    for occupant in facts.occupants.iter_mut().filter(|occupant| Role::of(&occupant.socket) == Role::Listener)
    {
        let Some(owner) = &occupant.owner else { continue };
        match flags::of_listener(&occupant.socket, owner.pid) {
            Ok(read) => {
                (occupant.reuseaddr, occupant.reuseport) = (Some(read.reuseaddr), Some(read.reuseport));
                occupant.socket.v6only = read.v6only.or(occupant.socket.v6only);
            }
            Err(why) => unread.push(words::unread(occupant.socket.local, &why.to_string())),
        }
    }
    unread
}

/// Answers for one address: predicts, tries where that decides something, and predicts again with what was learned.
pub(super) fn answer(
    request: Request,
    asked: Flags,
    mut found: PortFacts,
    (trials, netns): (Trials, Option<&Netns>),
) -> Answered {
    let before = bind::predict(&request, &found.facts);
    let tried = wants_trial(trials, &before, found.sockets).then(|| try_bind(&request, netns)).flatten();
    if let Some(outcome) = tried {
        found.facts = bind::learn(&request, outcome.err(), found.facts);
    }
    let set = |flags: Flags| {
        let request = Request { reuseaddr: flags.reuseaddr, reuseport: flags.reuseport, ..request };
        let asked = flags == asked;
        let predicted = bind::predict(&request, &found.facts);
        FlagSet { flags, asked, predicted, tried: tried.filter(|_| asked), checked: None }
    };
    let answers: Vec<FlagSet> = Flags::all(asked.v6only).into_iter().map(set).collect();
    let finding = answers.iter().find(|set| set.asked).and_then(|set| finding(&request, set, &found.facts));
    Answered {
        request,
        flags: asked,
        found,
        answers,
        finding,
        before: before.bind,
        unread: Vec::new(),
        remedies_checked: Vec::new(),
        not_rehearsed: None,
    }
}

fn wants_trial(trials: Trials, predicted: &Prediction, sockets: usize) -> bool {
    let open = matches!(predicted.bind, Verdict::Depends { .. });
    !trials.forbidden && (trials.forced || open && sockets <= TRIAL_LIMIT)
}

fn try_bind(request: &Request, netns: Option<&Netns>) -> Option<Result<(), Answer>> {
    let attempt = trial::Attempt {
        address: request.address,
        reuseaddr: request.reuseaddr,
        reuseport: request.reuseport,
        v6only: request.v6only,
    };
    trial::bind(&attempt, netns).map(|outcome| outcome.map_err(port_facts::answer))
}

/// Why the call that fails, or may fail, does.
fn finding(request: &Request, set: &FlagSet, facts: &Facts) -> Option<Finding> {
    let failure = |verdict: &Verdict| verdict.failure().cloned();
    if let Some(Err(answer)) = set.tried {
        let predicted = failure(&set.predicted.bind).filter(|failure| failure.answer == answer);
        return Some(predicted.map_or_else(
            || bind::explain(request, Call::Bind, answer, facts),
            |failure| bind::finding(request, Call::Bind, &failure, facts),
        ));
    }
    let of_bind = if set.tried.is_some() { None } else { failure(&set.predicted.bind) };
    let at_listen = || set.predicted.listen.as_ref().and_then(failure);
    let (call, failure): (Call, Failure) =
        of_bind.map(|it| (Call::Bind, it)).or_else(|| at_listen().map(|it| (Call::Listen, it)))?;
    Some(bind::finding(request, call, &failure, facts))
}
