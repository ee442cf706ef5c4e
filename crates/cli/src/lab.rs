//! `timewait lab`: each claim about TIME-WAIT, tried on this kernel. A child performs a claim in a host of its own;
//! this process chooses, starts, and shows what was found.

mod choose;
mod detail;
mod files;
mod json;
mod list;
mod progress;
mod report;
mod table;

use std::{
    env,
    io::{self, BufWriter, Write},
    num::NonZero,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use timewait_facts::KernelVersion;
use timewait_lab::{Entrant, Finding, Job, Pace, Runner, Verdict};
use timewait_linux::{hosts, kernel_version};

use crate::{
    COULD_NOT,
    args::Lab,
    print::{self, Paint},
    words::lab as words,
};
use progress::Progress;

pub(crate) fn run(args: &Lab, paint: Paint) -> anyhow::Result<ExitCode> {
    if let Some(part) = &args.act {
        timewait_lab::act(part, &args.claims)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.perform {
        return perform(args);
    }
    let claims = choose::claims(args)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.list {
        list::print(&mut out, args, &claims, paint)?;
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    let files = files::Files::of(args)?;
    try_namespaces()?;
    let (outcome, shown) = find_out(args, &claims, paint, &mut out)?;
    let told = shown.and_then(|()| tell(args, &outcome, paint, &mut out));
    // Whoever reads no further gets the files all the same, and whose file cannot be written has read what was found.
    let written = files.write(&outcome)?;
    told?;
    if !args.json {
        files::tell(&mut out, args, &written)?;
    }
    out.flush()?;
    Ok(outcome.status())
}

/// What there is to say at the end.
fn tell(args: &Lab, outcome: &Outcome, paint: Paint, out: &mut impl Write) -> anyhow::Result<()> {
    if args.json {
        json::print(out, outcome)?;
    } else {
        table::closing(out, paint, outcome)?;
    }
    Ok(out.flush()?)
}

/// The child's part.
fn perform(args: &Lab) -> anyhow::Result<ExitCode> {
    let (Some(family), [id]) = (args.family, &*args.claims) else { bail!("--perform takes one claim") };
    let claim = choose::find(id)?;
    let lab = timewait_lab::Lab::here(family)?;
    let finding = claim.perform(&lab, args.contrary);
    let mut out = io::stdout().lock();
    print::json::write_line(&mut out, &finding).context("cannot tell what was found")?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Says once what stands in the way of all.
fn try_namespaces() -> anyhow::Result<()> {
    let mut probe = Command::new(own_program()?);
    probe.arg("--version").stdin(Stdio::null()).stdout(Stdio::null());
    hosts::isolate(&mut probe).context(words::no_namespaces())?.wait()?;
    Ok(())
}

fn own_program() -> anyhow::Result<std::path::PathBuf> {
    env::current_exe().context("cannot find this program's own file")
}

/// What was found of a claim: for each family, and in the contrary setup where that was tried.
pub(crate) struct Found {
    pub(crate) claim: &'static Entrant,
    pub(crate) findings: Vec<Finding>,
    /// How many are still to come.
    missing: usize,
}

impl Found {
    /// Findings of the setup that the sentence is about.
    pub(crate) fn as_said(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.contrary.is_none())
    }

    /// Findings of the contrary setup.
    pub(crate) fn contrary(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.contrary.is_some())
    }

    /// The verdict that stands for all families: the first of those that differ from the record, or could not be tried.
    pub(crate) fn told(&self, kernel: &KernelVersion) -> Option<&Finding> {
        let untried = |finding: &&Finding| matches!(finding.verdict, Verdict::CouldNotTry(_));
        let news = |finding: &&Finding| is_news(self.claim, finding, kernel);
        let mut findings = self.as_said();
        self.as_said().find(untried).or_else(|| self.as_said().find(news)).or_else(|| findings.next())
    }
}

/// Whether a verdict differs from the one that a kernel of this series gave before.
pub(crate) fn is_news(claim: &Entrant, finding: &Finding, kernel: &KernelVersion) -> bool {
    let differs = |record: &timewait_lab::Record| !record.agrees_with(&finding.verdict);
    !matches!(finding.verdict, Verdict::CouldNotTry(_))
        && claim.about.recorded_for(kernel).is_some_and(differs)
}

/// All that was found, in the order in which the claims were chosen.
pub(crate) struct Outcome {
    pub(crate) kernel: KernelVersion,
    pub(crate) took: Duration,
    pub(crate) founds: Vec<Found>,
    /// Only the article's statements were tried.
    article: bool,
}

impl Outcome {
    /// `20 confirmed, 13 refuted, 0 could not be tried; 14.2 s`
    fn summary(&self) -> String {
        let told = self.founds.iter().filter_map(|found| Some(&found.told(&self.kernel)?.verdict));
        let count = |name: &str| told.clone().filter(|verdict| verdict.name() == name).count();
        words::closing(count("confirmed"), count("refuted"), count("could-not-try"), self.took)
    }

    /// What the article got right and wrong, if it was asked about alone.
    fn of_the_article(&self) -> Option<String> {
        let verdict = |found: &Found| found.told(&self.kernel).map(|finding| finding.verdict.clone());
        let told: Vec<_> = self.founds.iter().map(|found| (found.claim.about.id, verdict(found))).collect();
        let with = |wanted: &Verdict| {
            let these = told.iter().filter(move |(_, verdict)| verdict.as_ref() == Some(wanted));
            these.map(|(id, _)| *id).collect::<Vec<_>>()
        };
        let (right, wrong) = (with(&Verdict::Confirmed).len(), with(&Verdict::Refuted));
        self.article.then(|| words::article(right, &wrong, told.len() - right - wrong.len()))
    }

    fn status(&self) -> ExitCode {
        let untried = |finding: &Finding| matches!(finding.verdict, Verdict::CouldNotTry(_));
        let news = |found: &Found| found.as_said().any(|it| is_news(found.claim, it, &self.kernel));
        if self.founds.iter().flat_map(|found| &found.findings).any(untried) {
            ExitCode::from(COULD_NOT)
        } else if self.founds.iter().any(news) {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

/// Tries the claims; each is shown as soon as all before it are, and whether that went well is told beside what was found.
fn find_out(
    args: &Lab,
    claims: &[&'static Entrant],
    paint: Paint,
    out: &mut impl Write,
) -> anyhow::Result<(Outcome, anyhow::Result<()>)> {
    let (start, kernel, program) = (Instant::now(), kernel_version(), own_program()?);
    let jobs = choose::jobs(args, claims);
    let missing = |claim: &Entrant| jobs.iter().filter(|job| job.claim.about.id == claim.about.id).count();
    let found = |&claim| Found { claim, findings: Vec::new(), missing: missing(claim) };
    let founds = claims.iter().map(found).collect();
    let mut outcome = Outcome { kernel, took: Duration::ZERO, founds, article: args.article };
    let mut trouble =
        if args.json { Ok(()) } else { table::opening(out, paint, &outcome.kernel, claims.len()) };
    let (mut progress, mut shown) = (Progress::new(jobs.len(), !args.json), 0);
    runner(&jobs).run(
        &jobs,
        |job| {
            let mut command = Command::new(&program);
            command.args(["lab", "--perform", "--family", job.family.name(), job.claim.about.id]);
            command.args(job.contrary.then_some("--contrary"));
            command
        },
        |job, finding| {
            progress.tell(job, finding.as_ref());
            let of_claim = |found: &&mut Found| found.claim.about.id == job.claim.about.id;
            if let (Some(finding), Some(found)) = (finding, outcome.founds.iter_mut().find(of_claim)) {
                found.missing -= 1;
                found.findings.push(finding);
                found.findings.sort_by_key(|finding| (finding.contrary.is_some(), finding.family.name()));
            }
            if !args.json && trouble.is_ok() {
                trouble = progress.aside(|| show_ready(&outcome, &mut shown, args, paint, out));
            }
        },
    );
    outcome.took = start.elapsed();
    Ok((outcome, trouble))
}

/// Claims that take a whole wait sleep nearly all the time: they take no place from others.
fn runner(jobs: &[Job]) -> Runner {
    let slow = jobs.iter().filter(|job| job.claim.about.pace == Pace::Slow).count();
    let at_once = Runner::for_this_machine().at_once();
    Runner::new(at_once.saturating_add(slow).max(NonZero::<usize>::MIN))
}

fn show_ready(
    outcome: &Outcome,
    shown: &mut usize,
    args: &Lab,
    paint: Paint,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    while let Some(found) = outcome.founds.get(*shown).filter(|found| found.missing == 0) {
        if args.article {
            let before = shown.checked_sub(1).and_then(|before| outcome.founds.get(before));
            table::part(out, paint, before, found)?;
        }
        if args.claims.is_empty() {
            table::entry(out, paint, found, &outcome.kernel, args.article)?;
        } else {
            detail::print(out, paint, found, &outcome.kernel)?;
        }
        out.flush()?;
        *shown += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
