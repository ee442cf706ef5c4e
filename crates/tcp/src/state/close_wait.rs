use super::Numbers;
use crate::{LastAck, Outbox};

/// CLOSE-WAIT: the peer has closed; the user may still send.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CloseWait {
    pub(crate) numbers: Numbers,
    pub(crate) outbox: Outbox,
}

impl CloseWait {
    /// The user closes: a FIN follows the text.
    pub(crate) fn close(self) -> LastAck {
        let Self { numbers, mut outbox } = self;
        outbox.fin = true;
        LastAck { numbers, outbox }
    }
}
