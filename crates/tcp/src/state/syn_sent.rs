use super::{Inbox, Numbers, Origin};
use crate::{Context, Established, Outbox, Segment, Seq, SynReceived};

/// SYN-SENT: waiting for the peer's SYN after having sent ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SynSent {
    /// ISS: the number of our SYN. Until it is acknowledged, SND.UNA is the same.
    pub(crate) iss: Seq,
    pub(crate) outbox: Outbox,
}

impl SynSent {
    /// Our SYN goes out.
    pub(crate) fn new(iss: Seq, cx: Context<'_>) -> Self {
        Self { iss, outbox: Outbox::opening(cx.offer(), cx) }
    }

    /// SND.NXT. No text is sent on a SYN here: it is ISS + 1.
    pub(crate) fn snd_nxt(&self) -> Seq {
        self.iss + 1
    }

    /// `<SEQ=ISS><CTL=SYN>`
    pub(crate) fn segment(&self, cx: Context<'_>) -> Segment {
        Segment { options: cx.offer(), window: cx.syn_window(), ..Segment::syn(self.iss) }
    }

    /// The peer's SYN has come, with an ACK of ours.
    pub(crate) fn established(self, segment: &Segment, cx: Context<'_>) -> Established {
        let Self { iss, mut outbox } = self;
        let mut numbers = Numbers::synchronized(iss, segment, cx);
        outbox.hear_syn(segment, cx);
        outbox.acknowledged(1);
        outbox.hear_window(segment, &mut numbers);
        numbers.snd_una = numbers.snd_nxt;
        Established { numbers, outbox, inbox: Inbox::default() }
    }

    /// The peer's SYN has come, without one: both have opened.
    pub(crate) fn syn_received(self, segment: &Segment, cx: Context<'_>) -> SynReceived {
        let mut it = SynReceived::new(Origin::SynSent, self.iss, segment, cx);
        it.outbox.text = self.outbox.text;
        it
    }
}
