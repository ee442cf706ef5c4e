//! Many claims at once, each in a child of its own.

use std::{
    io::Read as _,
    num::NonZero,
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use timewait_linux::hosts;

use crate::{Entrant, Family, Finding, Pace};

/// One thing to try.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// The claim.
    pub claim: &'static Entrant,
    /// For this family of addresses.
    pub family: Family,
    /// In the contrary setup.
    pub contrary: bool,
}

/// Tries many claims, as many at once as pays.
#[derive(Debug)]
pub struct Runner {
    at_once: NonZero<usize>,
}

/// A fast claim that takes longer than this hangs. It takes a second, and on busy cores, while the kernel makes and removes
/// network namespaces, now and then half a minute.
const FAST_LIMIT: Duration = Duration::from_secs(240);
/// A slow claim that takes longer than this hangs: two waits, and what goes with them.
const SLOW_LIMIT: Duration = Duration::from_secs(400);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Runner {
    /// So many at once.
    pub const fn new(at_once: NonZero<usize>) -> Self {
        Self { at_once }
    }

    /// As many at once as this machine's cores allow: most experiments wait most of the time, so three a core.
    pub fn for_this_machine() -> Self {
        let cores = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self::new(cores.saturating_mul(THREE))
    }

    /// How many at once.
    pub const fn at_once(&self) -> NonZero<usize> {
        self.at_once
    }

    /// Tries them all, in their order. `command` makes the command that performs a job in the host that it finds itself
    /// in, and writes its [`Finding`] as one line of JSON; `each` is told of every job's beginning and end.
    pub fn run(
        &self,
        jobs: &[Job],
        command: impl Fn(&Job) -> Command + Sync,
        mut each: impl FnMut(&Job, Option<Finding>),
    ) {
        let next = AtomicUsize::new(0);
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..self.at_once.get().min(jobs.len()) {
                let (tell, next, command) = (tell.clone(), &next, &command);
                scope.spawn(move || work(jobs, next, command, &tell));
            }
            drop(tell);
            for (job, finding) in told {
                each(job, finding);
            }
        });
    }
}

/// Takes the next job until there is none.
fn work<'a>(
    jobs: &'a [Job],
    next: &AtomicUsize,
    command: &impl Fn(&Job) -> Command,
    tell: &Sender<(&'a Job, Option<Finding>)>,
) {
    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
        // Who is told lives until all who tell have ended.
        let _ = tell.send((job, None));
        let _ = tell.send((job, Some(perform(job, command(job)))));
    }
}

const THREE: NonZero<usize> = NonZero::new(3).unwrap();

/// Starts the child in a host of its own, and waits for what it found.
fn perform(job: &Job, mut command: Command) -> Finding {
    let not_tried = |reason: String| job.claim.not_tried(job.family, job.contrary, reason);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = match hosts::isolate(&mut command) {
        Ok(child) => child,
        Err(refusal) => return not_tried(format!("no network namespace of our own: {refusal}")),
    };
    let Some(mut stdout) = child.stdout.take() else { return not_tried("a child without output".to_owned()) };
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        stdout.read_to_end(&mut text).map(|_| text)
    });
    let limit = if job.claim.about.pace == Pace::Slow { SLOW_LIMIT } else { FAST_LIMIT };
    if let Err(reason) = wait(&mut child, limit) {
        return not_tried(reason);
    }
    let Ok(Ok(text)) = reader.join() else {
        return not_tried("what its child said cannot be read".to_owned());
    };
    serde_json::from_slice(&text).unwrap_or_else(|error| not_tried(format!("its child broke off: {error}")))
}

/// Waits for the child's end; one that hangs is ended, and with it all that is in its namespaces.
fn wait(child: &mut Child, limit: Duration) -> Result<(), String> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("its child broke off ({status})")),
            Ok(None) if start.elapsed() > limit => {
                // It may have ended in this moment; then there is nothing to end.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("not done after {} s", limit.as_secs()));
            }
            Ok(None) => thread::sleep(LOOK_AGAIN),
            Err(error) => return Err(format!("its child cannot be waited for: {error}")),
        }
    }
}
