use super::Numbers;
use crate::{Context, Outbox, TimeWait};

/// CLOSING: both have closed at once; our FIN is to be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Closing {
    pub(crate) numbers: Numbers,
    pub(crate) outbox: Outbox,
}

impl Closing {
    /// Our FIN is acknowledged.
    pub(crate) fn fin_acked(self, cx: Context<'_>) -> TimeWait {
        TimeWait::new(self.numbers, cx)
    }
}
