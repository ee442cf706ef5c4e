use super::{Inbox, Numbers};
use crate::{Context, Established, FinWait1, Listen, Outbox, Segment, Seq, State, TimeWait};

/// SYN-RECEIVED: waiting for the ACK of our SYN after having received the peer's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SynReceived {
    pub(crate) numbers: Numbers,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
    pub(crate) origin: Origin,
    /// CLOSE was called after SEND, and is served once the connection is established.
    pub(crate) close_waits: bool,
}

/// Where SYN-RECEIVED came from, and what it goes back to if the SYN turns out to be nobody's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// From LISTEN, and back to it.
    Listen(Listen),
    /// From SYN-SENT, after an active OPEN: there is no way back.
    SynSent,
    /// From TIME-WAIT, and back to it.
    TimeWait(TimeWait),
}

impl SynReceived {
    /// The peer's SYN has come, and is to be answered with ours.
    pub(crate) fn new(origin: Origin, iss: Seq, syn: &Segment, cx: Context<'_>) -> Self {
        let mut numbers = Numbers::synchronized(iss, syn, cx);
        let mut outbox = Outbox::opening(cx.answer(&syn.options), cx);
        outbox.hear_syn(syn, cx);
        outbox.hear_window(syn, &mut numbers);
        let mut inbox = Inbox::default();
        //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.2
        //# any
        //# other control or text should be queued for processing later
        inbox.hold(syn, &numbers);
        Self { numbers, outbox, inbox, origin, close_waits: false }
    }

    /// Where it goes if the SYN turns out to be nobody's; none after an active OPEN.
    pub(crate) fn way_back(&self) -> Option<State> {
        match &self.origin {
            Origin::Listen(listen) => Some(listen.clone().into()),
            Origin::TimeWait(time_wait) => Some(time_wait.clone().into()),
            Origin::SynSent => None,
        }
    }

    /// The ACK of our SYN has come.
    pub(crate) fn established(self) -> Established {
        let Self { numbers, outbox, inbox, origin: _, close_waits: _ } = self;
        Established { numbers, outbox, inbox }
    }

    /// The user closes, having sent nothing: a FIN follows the SYN.
    pub(crate) fn close(self) -> FinWait1 {
        self.established().close()
    }
}
