//! How often to look: as often as a given share of one core pays for.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What a watch has cost so far, by the thread's own clock of processor time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Processor time of the thread that watches, the kernel's work for it included. What it is *not*: the
    /// probe's own time, which the processes that close pay.
    pub cpu: Duration,
    /// Looks at the socket table.
    pub looks: u64,
    /// Passes over the processes, all or some.
    pub passes: u64,
}

/// A kind of look, and how often it is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The look may cost one part in so many of a core.
    pub(super) one_in: u32,
    pub(super) least: Duration,
    /// However much a look costs, it is made so often: who waits for 60 s must be met.
    pub(super) most: Duration,
}

impl Pace {
    /// How long to rest after a look that cost so much.
    pub(super) fn rest(self, cost: Duration) -> Duration {
        cost.saturating_mul(self.one_in.saturating_sub(1)).clamp(self.least, self.most)
    }
}

/// The processor time of this thread.
pub(super) fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanoseconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dearer_look_is_made_less_often_within_limits() {
        let ms = Duration::from_millis;
        let pace = Pace { one_in: 20, least: ms(10), most: ms(1000) };
        assert_eq!(pace.rest(Duration::ZERO), ms(10));
        assert_eq!(pace.rest(ms(2)), ms(38), "2 ms in every 40 are 5 %");
        assert_eq!(pace.rest(ms(200)), ms(1000));
    }
}
