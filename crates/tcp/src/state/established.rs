use super::{Inbox, Numbers};
use crate::{CloseWait, FinWait1, Outbox};

/// ESTABLISHED: text flows both ways.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Established {
    pub(crate) numbers: Numbers,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
}

impl Established {
    /// The user closes: a FIN follows the text.
    pub(crate) fn close(self) -> FinWait1 {
        let Self { numbers, mut outbox, inbox } = self;
        outbox.fin = true;
        FinWait1 { numbers, outbox, inbox }
    }

    /// The peer has closed: nothing more is received.
    pub(crate) fn fin(self) -> CloseWait {
        let Self { numbers, outbox, inbox: _ } = self;
        CloseWait { numbers, outbox }
    }
}
