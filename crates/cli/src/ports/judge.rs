//! What it means: rates, forecasts, who is short, what helps. Arithmetic is `timewait_diagnose::ports`'s.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use timewait_diagnose::ports::{
    Facts,
    advice::{self, Advice, Situation},
    forecast::{self, Held, Pace, Reached},
    tally::{Common, Share},
};

use timewait_facts::Pattern;

use super::look::{Look, Track, Watched, made_window};
use crate::args::{Percent, Ports};

/// Destinations that are shown unless all are asked for.
const ROWS_SHOWN: usize = 20;

/// What is to be said about a network namespace.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) name: Option<String>,
    /// The destinations that were asked for.
    pub(super) address: Option<Pattern>,
    pub(super) facts: Facts,
    pub(super) common: Common,
    pub(super) rows: Vec<Row>,
    /// Destinations that are not shown.
    pub(super) more: usize,
    /// Connections to destinations that were too many to count one by one.
    pub(super) uncounted: u64,
    pub(super) watched: Option<Sum>,
    /// A destination is short, shown or not.
    pub(super) is_bad: bool,
}

/// What was seen of all destinations together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    pub(super) time: Duration,
    /// By the kernel's count, a second.
    pub(super) opened: Option<f64>,
    /// By the table of sockets, a second.
    pub(super) seen: f64,
}

/// A destination.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) share: Share,
    pub(super) motion: Option<Motion>,
    /// It has used up what is allowed, or will.
    pub(super) is_bad: bool,
    pub(super) advice: Vec<Advice>,
}

/// What happens to a destination's ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    /// New connections a second, those not counted that left nothing to see.
    pub(super) new: f64,
    pub(super) pace: Pace,
    pub(super) first: First,
    /// When the half that is found quickly is used up.
    pub(super) cliff: Reached,
    /// When nothing is left.
    pub(super) refused: Reached,
}

/// Who closes first, from the states that were seen. Inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Here,
    There,
    Both,
    Unknown,
}

impl Report {
    pub(super) fn of(look: &Look, args: &Ports) -> Self {
        let (tally, common) = (&look.tally, look.tally.common());
        let mut shares = tally.shares();
        let siblings = siblings(&shares);
        let mut rows: Vec<Row> = shares
            .drain(..)
            .map(|share| {
                let watched = args.watch.zip(look.watched.as_ref());
                let motion = watched.map(|(time, seen)| motion(&share, &common, look, (seen, time)));
                let (is_bad, is_near) = judge(&share, &common, motion.as_ref(), args.threshold);
                let siblings = siblings.get(&share.question.from).copied().unwrap_or_default();
                let pace = motion.map(|motion| motion.pace);
                let situation = Situation { share: &share, common, facts: tally.facts(), pace, siblings };
                let advice = (is_bad || is_near)
                    .then(|| advice::advice(&situation, |first| tally.bound_outside(first)));
                Row { advice: advice.unwrap_or_default(), share, motion, is_bad }
            })
            .collect();
        rows.sort_by_key(|row| !row.is_bad);
        let seen = rows.iter().filter_map(|row| row.motion).map(|motion| motion.new).sum();
        let is_bad = rows.iter().any(|row| row.is_bad);
        let more = if args.rows { 0 } else { rows.len().saturating_sub(ROWS_SHOWN) };
        rows.truncate(rows.len() - more);
        Self {
            name: look.name.clone(),
            address: args.address,
            facts: tally.facts().clone(),
            common,
            rows,
            more,
            uncounted: tally.beyond(),
            watched: look.watched.as_ref().map(|watched| Sum {
                time: watched.time,
                opened: watched.opened.map(|count| per_second(count, watched.time)),
                seen,
            }),
            is_bad,
        }
    }
}

/// For each source, how many destinations it has, and the ports that they hold together.
fn siblings(shares: &[Share]) -> HashMap<IpAddr, (u32, u32)> {
    let mut siblings: HashMap<IpAddr, (u32, u32)> = HashMap::new();
    for share in shares {
        let (destinations, held) = siblings.entry(share.question.from).or_default();
        *destinations += 1;
        *held = held.saturating_add(share.taken + share.time_wait);
    }
    siblings
}

/// Whether it is short of ports, and whether it will come to the slow half.
fn judge(
    share: &Share,
    common: &Common,
    motion: Option<&Motion>,
    threshold: Option<Percent>,
) -> (bool, bool) {
    let is_over = match threshold {
        Some(threshold) => threshold.is_reached(share.lost(), common.usable()),
        None => share.lost() >= common.cliff_at,
    };
    let comes = |when: Reached| !matches!(when, Reached::Not { .. });
    let will_end = motion.is_some_and(|motion| comes(motion.refused));
    (is_over || share.left() == 0 || will_end, motion.is_some_and(|motion| comes(motion.cliff)))
}

fn motion(share: &Share, common: &Common, look: &Look, (watched, time): (&Watched, Duration)) -> Motion {
    let wait = look.tally.wait(&share.question);
    let track = watched.tracks.get(&share.question).copied().unwrap_or_default();
    let window = made_window(&look.tally, &share.question, time);
    let made = made_a_second(share, &track, watched, (window, time));
    let opened = f64::from(share.taken) - f64::from(track.open_at_first);
    let growth = opened / watched.time.as_secs_f64().max(1.0);
    let pace = Pace { made, growth, lost_for: wait };
    let held = Held { open: share.taken, expiring: &share.expiring };
    Motion {
        new: (made + growth).max(0.0),
        pace,
        first: first(share.made_within(window) + share.closed_here.saturating_sub(share.time_wait), &track),
        cliff: forecast::reached(common.cliff_at, held, pace),
        refused: forecast::reached(common.usable(), held, pace),
    }
}

/// Connections that begin to wait, a second. Where none is used again, the last walk shows all that began while it was
/// watched; where ports are used again, each walk shows those since the delay.
fn made_a_second(share: &Share, track: &Track, watched: &Watched, (window, time): (usize, Duration)) -> f64 {
    let window_time = Duration::from_secs(u64::try_from(window).unwrap_or(1));
    if window_time >= time {
        return per_second(u64::from(share.made_within(window)), window_time);
    }
    per_second(track.made, window_time * watched.walks.max(1))
}

fn per_second(count: u64, time: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a rate, not an identity")]
    let count = count as f64;
    count / time.as_secs_f64().max(f64::EPSILON)
}

fn first(here: u32, track: &Track) -> First {
    match (here, track.most_closed_there) {
        (0, 0) => First::Unknown,
        (_, 0) => First::Here,
        (0, _) => First::There,
        (..) => First::Both,
    }
}
