use super::Numbers;
use crate::Outbox;

/// LAST-ACK: the peer has closed, then we; our FIN is to be acknowledged, and that is the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LastAck {
    pub(crate) numbers: Numbers,
    pub(crate) outbox: Outbox,
}
