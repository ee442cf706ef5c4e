use crate::{Context, Segment, Seq, SynReceived, state::Origin};

/// LISTEN: waiting for a SYN from anybody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// ISS: the number that a connection will start with.
    pub(crate) iss: Seq,
}

impl Listen {
    /// Waits, and will start with this number.
    pub const fn new(iss: Seq) -> Self {
        Self { iss }
    }

    /// A SYN has come.
    pub(crate) fn syn(self, segment: &Segment, cx: Context<'_>) -> SynReceived {
        SynReceived::new(Origin::Listen(self.clone()), self.iss, segment, cx)
    }
}
