use core::{ops::Add, time::Duration};

/// A point in time, as far from some start as the caller says. This crate has no clock.
///
/// A host that runs counts from when it started; a model counts ticks, a second each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    /// The start.
    pub const START: Self = Self(Duration::ZERO);

    /// So long after the start.
    pub const fn after_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// How long after the start.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long after `earlier`; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// So much later; the last instant there is, if that is too late to be told.
    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }
}
