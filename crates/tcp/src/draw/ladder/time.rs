use alloc::{
    format,
    string::{String, ToString as _},
};
use core::time::Duration;

use crate::{
    Trace,
    draw::{spans::cut, visible},
};

/// In what time is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Milliseconds, with a digit after the point.
    Milliseconds,
    /// A model's, a second of the trace each.
    Ticks(String),
}

impl Unit {
    pub(super) fn of(trace: &Trace) -> Self {
        match &trace.tick {
            None => Self::Milliseconds,
            Some(tick) => Self::Ticks(cut(&visible::line(tick), 7, "..")),
        }
    }

    /// What stands above the times.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Milliseconds => "ms",
            Self::Ticks(tick) => tick,
        }
    }

    /// A moment. Rounded to the digit that is shown, so that moments that look alike are alike.
    pub(super) fn moment(&self, at: Duration) -> String {
        match self {
            _ if at >= LONGEST => ">1 day".into(),
            Self::Milliseconds => tenths(at.as_micros().saturating_add(50) / 100),
            Self::Ticks(_) => at.as_secs().to_string(),
        }
    }

    /// A moment as it is shown, with the unit.
    pub(super) fn named(&self, moment: &str) -> String {
        match self {
            Self::Milliseconds => format!("{moment} ms"),
            Self::Ticks(tick) => format!("{tick} {moment}"),
        }
    }

    /// How long something took.
    pub(super) fn span(&self, took: Duration) -> String {
        match self {
            _ if took >= LONGEST => "more than a day".into(),
            Self::Milliseconds if took >= Duration::from_secs(1) => {
                format!("{} s", tenths(took.as_millis().saturating_add(50) / 100))
            }
            Self::Milliseconds => format!("{} ms", self.moment(took)),
            Self::Ticks(tick) if took.as_secs() == 1 => format!("1 {tick}"),
            Self::Ticks(tick) => format!("{} {tick}s", took.as_secs()),
        }
    }

    /// Nothing shorter is a pause.
    pub(super) fn shortest_pause(&self) -> Duration {
        match self {
            Self::Milliseconds => Duration::from_millis(100),
            Self::Ticks(_) => Duration::from_secs(5),
        }
    }
}

/// Times are shown up to here: an honest trace is shorter, and the column of the times stays narrow.
const LONGEST: Duration = Duration::from_secs(86_400);

fn tenths(tenths: u128) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_to_a_tenth_of_a_millisecond() {
        let unit = Unit::Milliseconds;
        assert_eq!(unit.moment(Duration::from_micros(205_349)), "205.3");
        assert_eq!(unit.moment(Duration::from_micros(205_350)), "205.4");
        assert_eq!(unit.span(Duration::from_micros(1_349)), "1.3 ms");
        assert_eq!(unit.span(Duration::from_secs(60)), "60.0 s");
        assert_eq!(unit.moment(Duration::MAX), ">1 day");
    }

    #[test]
    fn a_models_ticks_are_whole() {
        let unit = Unit::of(&Trace { tick: Some("tick".into()), ..Trace::default() });
        assert_eq!(unit.moment(Duration::from_secs(4)), "4");
        assert_eq!(unit.span(Duration::from_secs(1)), "1 tick");
        assert_eq!(unit.span(Duration::from_secs(2)), "2 ticks");
    }
}
