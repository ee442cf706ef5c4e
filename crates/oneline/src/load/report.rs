use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use timewait_linux::Errno;

use super::talk::Failed;
use crate::Call;

/// What was counted so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections that were begun. Each is in exactly one of `finished`, the `errors` and `cut`, once it has ended.
    pub begun: u64,
    /// Connections whose handshake was completed.
    pub connected: u64,
    /// Connections that ended as they were to.
    pub finished: u64,
    /// Connections that failed, by call and errno, in the order in which the first of each came.
    pub errors: Vec<Failures>,
    /// Connections that were open at the end of the run.
    pub cut: u64,
    /// Connections whose wait is on this side, as seen on their sockets: we closed first, or both did.
    pub time_waits: u64,
    /// Bytes that were heard.
    pub received: u64,
}

/// Connections that failed in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// The call that failed, or that was waited for too long (`ETIMEDOUT`).
    pub call: Call,
    /// What it left in errno.
    pub errno: Errno,
    /// How many.
    pub count: u64,
}

impl Tally {
    /// Connections that failed.
    pub fn failed(&self) -> u64 {
        self.errors.iter().map(|failures| failures.count).sum()
    }

    pub(super) fn fail(&mut self, Failed { call, errno }: Failed) {
        let errno = errno.into();
        let same = |known: &&mut Failures| (known.call, known.errno) == (call, errno);
        match self.errors.iter_mut().find(same) {
            Some(known) => known.count += 1,
            None => self.errors.push(Failures { call, errno, count: 1 }),
        }
    }
}

/// How it goes.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Since the start.
    pub elapsed: Duration,
    /// What was counted so far.
    pub tally: &'a Tally,
    /// Connections that are open.
    pub open: u64,
    /// Local ports that our connections in TIME-WAIT still hold, by our own count.
    pub held: u64,
}

/// Why no more connections were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All that were asked for were.
    Connections,
    /// The time was over.
    Duration,
    /// As many local ports were held as may be.
    Ports,
    /// The wish to stop.
    Stopped,
}

/// What it amounted to.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was counted.
    pub tally: Tally,
    /// How long connections were opened for.
    pub elapsed: Duration,
    /// Why no more were.
    pub ended: Ended,
    /// Connections that were due by then, at the rate, and not begun: the generator, or its concurrency, fell behind.
    pub behind: u64,
    /// Local ports that our connections in TIME-WAIT still hold, by our own count.
    pub held: u64,
    /// Until the handshake was completed.
    pub connect: Latencies,
    /// Until the connection had ended.
    pub whole: Latencies,
}

/// How long something took, from when it was to begin.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

/// The finest time that is told apart, and the longest: three digits in between.
const FINEST: Duration = Duration::from_nanos(100);
const LONGEST: Duration = Duration::from_secs(3600);

impl Latencies {
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Self(Histogram::new_with_bounds(nanoseconds(FINEST), nanoseconds(LONGEST), 3)?))
    }

    pub(super) fn record(&mut self, time: Duration) {
        self.0.saturating_record(nanoseconds(time));
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time within which this share of them (0.5: half) was done; 0 if there are none.
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share))
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
