//! When ports run out, if things go on as they do now. Arithmetic on given times; nothing is looked at.

use core::time::Duration;

use super::TIME_WAIT;

/// Longer than this, and "at this rate" means nothing.
const HORIZON: f64 = 24.0 * 3600.0;

/// What happens to one destination's ports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Connections that enter TIME-WAIT, a second.
    pub made: f64,
    /// By how many the open connections grow, a second.
    pub growth: f64,
    /// How long a port in TIME-WAIT is lost: the whole minute, or `tcp_tw_reuse_delay` where it is used again after it.
    pub lost_for: Duration,
}

/// How one destination's ports are held at the moment from which on it is foretold.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// By open connections.
    pub open: u32,
    /// By connections in TIME-WAIT: how many of them have so many whole seconds left until they expire.
    pub expiring: &'a [u16],
}

/// When a number of ports will be held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reached {
    /// It is now.
    Already,
    /// After so long.
    In(Duration),
    /// Not at this pace: it levels off at so many. Also where it would take more than a day.
    Not {
        /// The most that are held at any time.
        most: u32,
    },
}

/// When so many ports are held, if the pace stays what it is.
///
/// Those in TIME-WAIT now are given back when they expire, new ones come at the pace and are given back after their
/// wait: so it is exact for a steady pace, but for the spread within each second that `expiring` counts by.
pub fn reached(limit: u32, held: Held<'_>, pace: Pace) -> Reached {
    let pace = Pace { made: positive(pace.made), growth: positive(pace.growth), ..pace };
    let limit = f64::from(limit);
    let mut most = at(0.0, held, pace);
    if most >= limit {
        return Reached::Already;
    }
    let mut before = (0.0, most);
    for time in bends(held, pace).into_iter().chain([HORIZON]) {
        let there = (time, at(time, held, pace));
        if there.1 >= limit {
            return Reached::In(Duration::from_secs_f64(crossing(before, there, limit)));
        }
        most = most.max(there.1);
        before = there;
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the limit, a u32"
    )]
    Reached::Not { most: most.ceil() as u32 }
}

/// Nothing counts as a pace that runs backwards, or is none.
fn positive(rate: f64) -> f64 {
    if rate.is_finite() { rate.max(0.0) } else { 0.0 }
}

/// Ports held after so many seconds.
fn at(time: f64, held: Held<'_>, pace: Pace) -> f64 {
    let new = pace.made * time.min(pace.lost_for.as_secs_f64());
    let still: f64 =
        still_lost(held, pace).map(|(until, count)| count * (until - time).clamp(0.0, 1.0)).sum();
    f64::from(held.open) + pace.growth * time + new + still
}

/// For each second in which ports come back: its end, and how many.
fn still_lost(held: Held<'_>, pace: Pace) -> impl Iterator<Item = (f64, f64)> + '_ {
    let sooner = TIME_WAIT.saturating_sub(pace.lost_for).as_secs_f64();
    let ends = (1..=u16::MAX).map(move |second| f64::from(second) - sooner);
    ends.zip(held.expiring).map(|(end, &count)| (end, f64::from(count))).filter(|&(end, count)| {
        // What could be used again already is not lost.
        end > 0.0 && count > 0.0
    })
}

/// The moments between which everything goes in straight lines.
fn bends(held: Held<'_>, pace: Pace) -> Vec<f64> {
    let mut times: Vec<f64> = still_lost(held, pace).flat_map(|(end, _)| [end - 1.0, end]).collect();
    times.push(pace.lost_for.as_secs_f64());
    times.retain(|&time| time > 0.0);
    times.sort_by(f64::total_cmp);
    times
}

fn crossing((from, low): (f64, f64), (to, high): (f64, f64), limit: f64) -> f64 {
    if high > low { from + (to - from) * (limit - low) / (high - low) } else { to }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Held<'static> = Held { open: 0, expiring: &[] };

    fn pace(made: f64) -> Pace {
        Pace { made, growth: 0.0, lost_for: Duration::from_secs(60) }
    }

    fn millis(reached: Reached) -> u128 {
        match reached {
            Reached::In(time) => time.as_millis(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn from_nothing_a_steady_rate_uses_up_the_ports_one_after_the_other() {
        assert_eq!(millis(reached(14_116, NOBODY, pace(1_000.0))), 14_116);
        assert_eq!(millis(reached(28_232, NOBODY, pace(1_000.0))), 28_232);
    }

    #[test]
    fn the_highest_rate_that_never_runs_out_is_the_ports_in_a_minute() {
        assert_eq!(reached(28_232, NOBODY, pace(470.0)), Reached::Not { most: 28_200 });
        let just = reached(28_232, NOBODY, pace(471.0));
        assert!(matches!(just, Reached::In(time) if time < Duration::from_secs(60)), "{just:?}");
    }

    #[test]
    fn what_waits_already_comes_back_when_it_expires() {
        // 600 that expire within the next ten seconds, 60 in each; 100 new ones a second.
        let held = Held { open: 0, expiring: &[60; 10] };
        assert_eq!(reached(600, held, pace(100.0)), Reached::Already);
        // 600 + (100 - 60) t, until at 10 s there are 1000; from then on 100 t.
        assert_eq!(millis(reached(800, held, pace(100.0))), 5_000);
        assert_eq!(millis(reached(1_200, held, pace(100.0))), 12_000);
    }

    #[test]
    fn a_steady_state_stays_below_what_it_is_below_now() {
        let held = Held { open: 10, expiring: &[100; 60] };
        assert_eq!(reached(6_010, held, pace(100.0)), Reached::Already);
        assert_eq!(reached(6_011, held, pace(100.0)), Reached::Not { most: 6_010 });
    }

    #[test]
    fn where_ports_are_used_again_after_a_second_only_that_second_counts() {
        // A full minute at 100 a second, of which all but the last second's may be used again.
        let held = Held { open: 0, expiring: &[100; 60] };
        let again = Pace { lost_for: Duration::from_secs(1), ..pace(100.0) };
        assert_eq!(reached(101, held, again), Reached::Not { most: 100 });
    }

    #[test]
    fn open_connections_that_leak_run_out_later_and_beyond_a_day_not_at_all() {
        let leak = |growth| reached(28_232, NOBODY, Pace { growth, ..pace(0.0) });
        assert_eq!(millis(leak(1.0)), 28_232_000);
        assert_eq!(leak(0.1), Reached::Not { most: 8_640 });
        assert_eq!(leak(-5.0), Reached::Not { most: 0 });
        assert_eq!(leak(f64::NAN), Reached::Not { most: 0 });
    }
}
