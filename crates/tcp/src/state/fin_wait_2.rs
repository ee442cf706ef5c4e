use super::{Inbox, Numbers};
use crate::{Context, Instant, TimeWait};

/// FIN-WAIT-2: we have closed, and the peer knows; its FIN has not come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FinWait2 {
    pub(crate) numbers: Numbers,
    pub(crate) inbox: Inbox,
    /// When it ends without a FIN, if the profile says so and nobody reads.
    pub(crate) expires_at: Option<Instant>,
}

impl FinWait2 {
    /// The peer has closed.
    pub(crate) fn fin(self, cx: Context<'_>) -> TimeWait {
        TimeWait::new(self.numbers, cx)
    }
}
