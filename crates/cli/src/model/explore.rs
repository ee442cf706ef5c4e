//! One wait after the other, as many at once as there are cores.

use std::{
    num::NonZero,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use timewait_model::{Bounds, Explored, Question, Rules, TooLarge, explore};

use crate::words::model as words;

/// More memory is not taken, whatever is asked.
pub(super) const MEMORY: usize = 1 << 30;

/// The questions whose first waits are told.
pub(super) const TOLD: [Question; 3] =
    [Question::EndsReliably, Question::NothingOldAccepted, Question::NotEvenAnRst];

/// Of each wait from 0 on, what was found.
pub(super) struct Found {
    pub(super) bounds: Bounds,
    /// The wait asked about.
    pub(super) wait: u8,
    pub(super) rows: Vec<Explored>,
}

impl Found {
    /// Waits are explored until all holds, but at least up to the one asked about, and not beyond what ought to do.
    pub(super) fn of(bounds: Bounds, wait: Option<u8>) -> anyhow::Result<Self> {
        let wait = wait.unwrap_or_else(|| bounds.two_msl());
        let rows = explored(bounds, wait)?;
        Ok(Self { bounds, wait, rows })
    }

    pub(super) fn asked(&self) -> Option<&Explored> {
        self.rows.get(usize::from(self.wait))
    }

    /// The first wait from which on it holds, as far as was explored.
    pub(super) fn first(&self, question: Question) -> Option<usize> {
        first(&self.rows, question)
    }

    /// The last wait with which it does not hold.
    pub(super) fn last_disaster(&self, question: Question) -> Option<&Explored> {
        self.rows.iter().rev().find(|row| !row.holds(question))
    }

    /// The most memory that any of them took.
    pub(super) fn bytes(&self) -> usize {
        self.rows.iter().map(|row| row.bytes).max().unwrap_or(0)
    }
}

fn first(rows: &[Explored], question: Question) -> Option<usize> {
    let unsafe_ones = rows.iter().rposition(|row| !row.holds(question)).map_or(0, |last| last + 1);
    (unsafe_ones < rows.len()).then_some(unsafe_ones)
}

/// How the first safe waits move, if one of the bounds does.
pub(super) struct Sweep {
    pub(super) rows: Vec<Moved>,
}

/// The first safe waits with one of the bounds changed.
pub(super) struct Moved {
    /// Which bound.
    pub(super) bound: &'static str,
    pub(super) bounds: Bounds,
    pub(super) first: [Option<usize>; 3],
}

impl Sweep {
    pub(super) fn around(bounds: Bounds) -> anyhow::Result<Self> {
        let msl = (1..=3).map(|msl| ("msl", Bounds { msl, ..bounds }));
        let losses =
            (0..=bounds.retransmissions.min(2)).map(|losses| ("losses", Bounds { losses, ..bounds }));
        let every = (1..=3).map(|every| ("every", Bounds { every, ..bounds }));
        let mut rows = Vec::new();
        for (bound, bounds) in msl.chain(losses).chain(every) {
            let explored = explored(bounds, 0)?;
            rows.push(Moved { bound, bounds, first: TOLD.map(|question| first(&explored, question)) });
        }
        Ok(Self { rows })
    }
}

fn explored(bounds: Bounds, at_least: u8) -> Result<Vec<Explored>, TooLarge> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get).min(4);
    let progress = Progress::new();
    let mut rows: Vec<Explored> = Vec::new();
    let all: Vec<u8> = (0..=bounds.enough().max(at_least)).collect();
    for waits in all.chunks(cores) {
        let limit = MEMORY / cores;
        let found: Vec<_> = thread::scope(|scope| {
            let tell = &progress;
            let explorers: Vec<_> = waits
                .iter()
                .map(|&wait| {
                    let rules = Rules::new(bounds, wait);
                    scope.spawn(move || explore(&rules, limit, |states| tell.tell(wait, states)))
                })
                .collect();
            explorers.into_iter().filter_map(|explorer| explorer.join().ok()).collect()
        });
        for row in found {
            let is_done = |rows: &[Explored]| {
                rows.len() > usize::from(at_least)
                    && rows.last().is_some_and(|row| TOLD.iter().all(|&question| row.holds(question)))
            };
            if is_done(&rows) {
                return Ok(rows);
            }
            rows.push(row?);
        }
    }
    Ok(rows)
}

/// On standard error, where that is a terminal.
struct Progress {
    bar: ProgressBar,
    told: AtomicU32,
}

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(150));
        Self { bar, told: AtomicU32::new(0) }
    }

    fn tell(&self, wait: u8, states: u32) {
        if self.told.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) {
            self.bar.set_message(words::exploring(wait, states));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
