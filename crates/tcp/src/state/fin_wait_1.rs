use super::{Inbox, Numbers};
use crate::{Closing, Context, FinWait2, Outbox};

/// FIN-WAIT-1: we have closed; our FIN is to be acknowledged, and the peer's has not come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FinWait1 {
    pub(crate) numbers: Numbers,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
}

impl FinWait1 {
    /// Our FIN is acknowledged: nothing is left to send.
    pub(crate) fn fin_acked(self, cx: Context<'_>) -> FinWait2 {
        let Self { numbers, outbox: _, inbox } = self;
        let expires_at = if inbox.deaf { cx.fin_wait_2_ends() } else { None };
        FinWait2 { numbers, inbox, expires_at }
    }

    /// The peer has closed too.
    pub(crate) fn fin(self) -> Closing {
        let Self { numbers, outbox, inbox: _ } = self;
        Closing { numbers, outbox }
    }
}
