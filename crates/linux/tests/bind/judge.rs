//! Prediction against kernel.

use std::fmt::Write as _;

use timewait_diagnose::{
    Remedy,
    bind::{self, Answer, Bucket, Facts, On, Prediction, Verdict, predict},
};

use crate::{
    population::{Answers, World, ask},
    spec::{Question, Step, USERS},
};

/// What was compared.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Questions that the kernel was asked.
    pub(crate) cases: usize,
    /// Of these, those that bind(2) refused.
    pub(crate) refused: usize,
    /// With all flags known: predictions that depend on the bucket's history, and what the kernel then did.
    pub(crate) history: Both,
    /// With flags withheld: predictions that depend on them.
    pub(crate) withheld: Both,
    /// Options that were offered as a remedy, and did help.
    pub(crate) remedies: usize,
}

impl Tally {
    fn count(&mut self, known: &Verdict, blind: &Verdict, answer: Option<Answer>) {
        self.cases += 1;
        self.refused += usize::from(answer.is_some());
        self.history.count(known, answer);
        self.withheld.count(blind, answer);
    }
}

/// How often the kernel did the one and the other where a prediction left it open.
#[derive(Debug, Default)]
pub(crate) struct Both {
    pub(crate) passed: usize,
    pub(crate) refused: usize,
}

impl Both {
    fn count(&mut self, verdict: &Verdict, answer: Option<Answer>) {
        match verdict {
            Verdict::Succeeds | Verdict::Fails(_) => {}
            Verdict::Depends { .. } if answer.is_none() => self.passed += 1,
            Verdict::Depends { .. } => self.refused += 1,
        }
    }
}

/// A question that was answered as predicted.
pub(crate) struct Compared {
    pub(crate) answers: Answers,
    /// It left a mark in the port's bucket that others would meet: see `diagnose::bind::history`.
    pub(crate) marked: bool,
}

/// A prediction that the kernel contradicts.
pub(crate) struct Disagreement {
    pub(crate) facts: Facts,
    pub(crate) prediction: Prediction,
    pub(crate) answers: Answers,
    pub(crate) what: &'static str,
}

/// Whether a prediction allows what the kernel answered, in both calls.
fn allows(prediction: &Prediction, (bind, listen): Answers) -> bool {
    prediction.bind.allows(bind)
        && match (&prediction.listen, listen) {
            (Some(predicted), Some(answer)) => predicted.allows(answer),
            (Some(_) | None, None) => true,
            (None, Some(_)) => false,
        }
}

/// Asks the kernel and both predictions, with flags known and with flags withheld.
pub(crate) fn compare(
    world: &World<'_>,
    facts: &Facts,
    (question, port): (&Question, u16),
    tally: &mut Tally,
) -> Result<Compared, Box<Disagreement>> {
    let request = question.request(port, world.devices());
    let answers = ask(question, port);
    let disagreement = |facts: &Facts, prediction: &Prediction, what| {
        Err(Box::new(Disagreement { facts: facts.clone(), prediction: prediction.clone(), answers, what }))
    };
    let known = predict(&request, facts);
    if !allows(&known, answers) {
        return disagreement(facts, &known, "with flags known");
    }
    if let Verdict::Depends { on: On::Flags(_), .. } = known.bind {
        return disagreement(facts, &known, "depends on flags that are known");
    }
    let blind = withheld(facts);
    let unknown = predict(&request, &blind);
    if !allows(&unknown, answers) {
        return disagreement(&blind, &unknown, "with flags withheld");
    }
    if let Verdict::Depends { on: On::Flags(_), .. } = unknown.bind
        && !both_answers(&request, facts)
    {
        return disagreement(&blind, &unknown, "depends on flags of which none matters");
    }
    tally.count(&known.bind, &unknown.bind, answers.0);
    let remedy = remedy(&request, facts, question, &known);
    let is_certain = |remedy: &Question| {
        let request = remedy.request(port, world.devices());
        matches!(predict(&request, facts).bind, Verdict::Succeeds)
    };
    let remedy = remedy.filter(is_certain);
    let remedied = remedy.map(|remedy| ask(&remedy, port));
    if let Some((Some(_), _) | (None, Some(Some(_)))) = remedied {
        return disagreement(facts, &known, "a remedy that does not help");
    }
    tally.remedies += usize::from(remedied.is_some());
    let marked = leaves_a_mark(question, answers)
        || remedy.zip(remedied).is_some_and(|(remedy, answers)| leaves_a_mark(&remedy, answers));
    Ok(Compared { answers, marked })
}

/// The question with the option that is offered as a remedy.
fn remedy(
    request: &bind::Request,
    facts: &Facts,
    question: &Question,
    prediction: &Prediction,
) -> Option<Question> {
    let Verdict::Fails(failure) = &prediction.bind else { return None };
    let finding = bind::finding(request, bind::Call::Bind, failure, facts);
    let mut options = question.options;
    match finding.remedies.first()? {
        Remedy::SetReuseaddr => options.reuseaddr = true,
        Remedy::SetReuseport => options.reuseport = true,
        Remedy::SetV6only => options.v6only = true,
        Remedy::AsUser { uid } => options.user = USERS.iter().position(|user| user == uid)?,
        _ => return None,
    }
    Some(Question { options, ..*question })
}

/// The facts as another process has them.
pub(crate) fn withheld(facts: &Facts) -> Facts {
    let mut facts = facts.clone();
    for occupant in &mut facts.occupants {
        (occupant.reuseaddr, occupant.reuseport) = (None, None);
        if occupant.socket.peer.port() != 0 {
            occupant.socket.v6only = None;
        }
    }
    facts
}

/// Whether some flags of the old sockets let the request pass, and others do not.
fn both_answers(request: &bind::Request, facts: &Facts) -> bool {
    let verdicts: Vec<Verdict> = (0..8)
        .map(|bits| {
            let mut facts = facts.clone();
            for occupant in &mut facts.occupants {
                occupant.reuseaddr = Some(bits & 1 != 0);
                occupant.reuseport = Some(bits & 2 != 0);
                if occupant.socket.peer.port() != 0 {
                    occupant.socket.v6only = Some(bits & 4 != 0);
                }
            }
            predict(request, &facts).bind
        })
        .collect();
    let passes = |verdict: &Verdict| matches!(verdict, Verdict::Succeeds);
    verdicts.iter().any(passes) && !verdicts.iter().all(passes)
}

fn leaves_a_mark(question: &Question, answers: Answers) -> bool {
    question.options.reuseport && answers.0.is_none()
}

/// Takes steps away for as long as prediction and kernel still disagree.
pub(crate) fn shrink(
    world: &mut World<'_>,
    (steps, bucket): (&[Step], Bucket),
    question: &Question,
    found: Box<Disagreement>,
) -> (Vec<Step>, Box<Disagreement>) {
    let (mut steps, mut found) = (steps.to_vec(), found);
    let mut index = 0;
    while index < steps.len() {
        let mut fewer = steps.clone();
        fewer.remove(index);
        match again(world, (&fewer, bucket), question) {
            Some(disagreement) => (steps, found) = (fewer, disagreement),
            None => index += 1,
        }
    }
    (steps, found)
}

fn again(
    world: &mut World<'_>,
    (steps, bucket): (&[Step], Bucket),
    question: &Question,
) -> Option<Box<Disagreement>> {
    let population = world.populate(steps);
    let mut facts = world.facts(std::slice::from_ref(&population)).pop()?;
    facts.bucket = bucket;
    compare(world, &facts, (question, population.port), &mut Tally::default()).err()
}

/// The case as a table.
pub(crate) fn table(steps: &[Step], question: &Question, found: &Disagreement) -> String {
    let mut text = format!("prediction and kernel disagree, {}\n", found.what);
    for step in steps {
        let _ = writeln!(
            text,
            "  made   {:<18} {:?} {:?} later {:?}",
            step.ip, step.kind, step.options, step.later
        );
    }
    for occupant in &found.facts.occupants {
        let row = occupant.socket;
        let _ = writeln!(
            text,
            "  there  {:<18} {} minisocket {} uid {:?} dev {:?} v6only {:?} reuseaddr {:?} reuseport {:?}",
            row.local.ip(),
            row.state,
            row.is_minisocket(),
            row.uid,
            row.interface,
            row.v6only,
            occupant.reuseaddr,
            occupant.reuseport
        );
    }
    let _ = writeln!(text, "  asked  {:<18} {:?}", question.ip, question.options);
    let _ = writeln!(text, "  rules  {:?}", found.prediction);
    let _ = write!(text, "  kernel {:?}", found.answers);
    text
}
