//! What runs now, a line each, on standard error where that is a terminal.

use std::{collections::HashMap, io, os::fd::AsFd, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::fs::{FileType, fstat};
use timewait_lab::{Family, Finding, Job};

use crate::words::lab as words;

pub(super) struct Progress {
    lines: MultiProgress,
    /// How far all of it is.
    all: ProgressBar,
    running: HashMap<Key, ProgressBar>,
    done: usize,
    jobs: usize,
}

type Key = (&'static str, Family, bool);

impl Progress {
    /// Nothing is shown where standard error is no terminal; nor where claims are told to a pipe meanwhile, whose reader may
    /// write to the same terminal at any time.
    pub(super) fn new(jobs: usize, tells_meanwhile: bool) -> Self {
        let hidden = tells_meanwhile && is_pipe(&io::stdout());
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let lines = MultiProgress::with_draw_target(target);
        let all = lines.add(ProgressBar::new_spinner());
        styled(&all, "{msg}");
        all.set_message(words::done(0, jobs));
        Self { lines, all, running: HashMap::new(), done: 0, jobs }
    }

    /// A job began, or has ended.
    pub(super) fn tell(&mut self, job: &Job, finding: Option<&Finding>) {
        let key = (job.claim.about.id, job.family, job.contrary);
        if finding.is_some() {
            self.done += 1;
            self.all.set_message(words::done(self.done, self.jobs));
            if let Some(line) = self.running.remove(&key) {
                line.finish_and_clear();
                self.lines.remove(&line);
            }
            return;
        }
        let line = self.lines.add(ProgressBar::new_spinner());
        styled(&line, "{spinner} {msg} {elapsed}");
        line.set_message(words::running(job.claim.about.id, job.family.name(), job.contrary));
        line.enable_steady_tick(Duration::from_millis(150));
        self.running.insert(key, line);
    }

    /// Does something that writes to standard output, the lines out of its way.
    pub(super) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.lines.suspend(work)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.all.finish_and_clear();
    }
}

fn is_pipe(file: &impl AsFd) -> bool {
    fstat(file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

fn styled(line: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        line.set_style(style);
    }
}
