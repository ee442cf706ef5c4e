//! What runs now, a line each, on standard error where that is a terminal.

use std::{collections::HashMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use timewait_lab::{Family, Finding, Job};

use crate::words::lab as words;

pub(super) struct Progress {
    lines: MultiProgress,
    running: HashMap<Key, ProgressBar>,
    done: usize,
    jobs: usize,
}

type Key = (&'static str, Family, bool);

impl Progress {
    pub(super) fn new(jobs: usize) -> Self {
        // Hides itself where standard error is no terminal.
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { lines, running: HashMap::new(), done: 0, jobs }
    }

    /// A job began, or has ended.
    pub(super) fn tell(&mut self, job: &Job, finding: Option<&Finding>) {
        let key = (job.claim.about.id, job.family, job.contrary);
        if finding.is_some() {
            self.done += 1;
            if let Some(line) = self.running.remove(&key) {
                line.finish_and_clear();
                self.lines.remove(&line);
            }
            return;
        }
        let line = self.lines.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            line.set_style(style);
        }
        line.set_message(words::running(
            job.claim.about.id,
            job.family.name(),
            job.contrary,
            (self.done, self.jobs),
        ));
        line.enable_steady_tick(Duration::from_millis(150));
        self.running.insert(key, line);
    }

    /// Does something that writes to standard output, the lines out of its way.
    pub(super) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.lines.suspend(work)
    }
}
