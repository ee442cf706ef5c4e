use super::{Inbox, Numbers, Outbox, Timer};
use crate::{Context, Flags, Segment, Seq, step::Out};

/// What a state owns of the three, to be written to at once.
pub(crate) struct Parts<'a> {
    pub(crate) numbers: &'a mut Numbers,
    pub(crate) outbox: Option<&'a mut Outbox>,
    pub(crate) inbox: Option<&'a mut Inbox>,
}

impl Parts<'_> {
    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`
    pub(crate) fn ack(&mut self, cx: Context<'_>) -> Segment {
        self.segment(self.numbers.snd_nxt, cx)
    }

    /// An ACK with this number, and the window as it is now. No other ACK is due then.
    fn segment(&mut self, seq: Seq, cx: Context<'_>) -> Segment {
        if let Some(inbox) = &mut self.inbox {
            inbox.open_window(self.numbers, cx);
            inbox.ack_due = None;
        }
        self.numbers.segment(seq, cx)
    }

    /// `<SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>`, if our SYN is not acknowledged.
    pub(crate) fn syn_ack(&mut self, cx: Context<'_>) -> Option<Segment> {
        let mut options = self.outbox.as_ref()?.syn?;
        let ack = self.numbers.segment(self.numbers.snd_una, cx);
        options.timestamps = ack.options.timestamps;
        Some(Segment { flags: Flags::SYN, options, window: cx.syn_window(), ..ack })
    }

    /// Sends what the peer's window has room for, and starts the timer if something waits.
    pub(crate) fn transmit(&mut self, cx: Context<'_>, out: &mut Out) {
        self.send_lost(cx, out);
        self.send_while_worth(Haste::WhenWorthIt, cx, out);
    }

    /// The retransmission timer went off: sends what waits for an ACK again, or probes the window.
    pub(crate) fn send_again(&mut self, cx: Context<'_>, out: &mut Out) {
        if self.numbers.in_flight() > 0 {
            if let Some(outbox) = &mut self.outbox {
                outbox.lost_before = Some(self.numbers.snd_nxt);
            }
            out.send.extend(self.front(cx));
        } else if !self.send_while_worth(Haste::Now, cx, out) {
            out.send.push(self.probe(cx));
        }
    }

    /// Part of what was lost has just been acknowledged (the timer does not run): the next part follows at once.
    fn send_lost(&mut self, cx: Context<'_>, out: &mut Out) {
        let una = self.numbers.snd_una;
        let Some(outbox) = &mut self.outbox else { return };
        outbox.lost_before = outbox.lost_before.filter(|lost_before| una.is_before(*lost_before));
        if outbox.lost_before.is_some() && outbox.timer.is_none() {
            out.send.extend(self.front(cx));
        }
    }

    /// Asks for the window without sending anything that needs one: a number that the peer has already acknowledged
    /// makes the segment unacceptable, and that is answered with an ACK.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.8.6.1
    //# must regularly transmit at least one octet of
    //# new data (if available), or retransmit to the receiving TCP peer even
    //# if the send window is zero
    // The latter, as linux v6.12 net/ipv4/tcp_output.c tcp_xmit_probe_skb does: SND.NXT stays inside the window, so
    // that our ACKs stay acceptable when both windows are closed (RFC 9293 appendix A.2).
    fn probe(&mut self, cx: Context<'_>) -> Segment {
        self.segment(self.numbers.snd_una - 1, cx)
    }

    /// The first segment of those that wait for an ACK.
    fn front(&mut self, cx: Context<'_>) -> Option<Segment> {
        if let Some(syn_ack) = self.syn_ack(cx) {
            return Some(syn_ack);
        }
        let in_flight = self.numbers.in_flight() as usize;
        let outbox = self.outbox.as_ref()?;
        let sent = in_flight.min(outbox.text.len());
        let len = sent.min(usize::from(outbox.mss)).min((outbox.snd_wnd as usize).max(1));
        let fin = outbox.fin && len == outbox.text.len() && in_flight > sent;
        self.cut(&Cut { seq: self.numbers.snd_una, skip: 0, len, fin }, cx)
    }

    /// Whether anything was sent.
    fn send_while_worth(&mut self, haste: Haste, cx: Context<'_>, out: &mut Out) -> bool {
        let before = self.numbers.in_flight();
        let mut any = false;
        while let Some(cut) = self.next_cut(haste, cx) {
            let Some(segment) = self.cut(&cut, cx) else { break };
            self.numbers.snd_nxt = segment.end();
            out.send.push(segment);
            any = true;
        }
        self.run_timer(any && before == 0, cx);
        any
    }

    /// What is sent next, if the window has room for it and it is worth a segment.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.8.6.2.1
    //# A TCP implementation MUST include a SWS avoidance algorithm in the
    //# sender
    fn next_cut(&self, haste: Haste, cx: Context<'_>) -> Option<Cut> {
        let outbox = self.outbox.as_ref()?;
        let in_flight = self.numbers.in_flight();
        let skip = (in_flight - u32::from(outbox.syn.is_some() && in_flight > 0)) as usize;
        let rest = outbox.text.len().checked_sub(skip)?;
        let usable = outbox.snd_wnd.saturating_sub(in_flight) as usize;
        let len = rest.min(usable).min(usize::from(outbox.mss));
        let fin = outbox.fin && len == rest && len < usable;
        let full = len == usize::from(outbox.mss);
        let nagle = cx.profile.nagle && in_flight > 0;
        let all = len == rest && (fin || !nagle);
        let half_the_window = len >= (self.numbers.max_snd_wnd as usize).div_ceil(2) && !nagle;
        let worth = full || all || half_the_window || haste == Haste::Now;
        ((len > 0 || fin) && worth).then_some(Cut { seq: self.numbers.snd_nxt, skip, len, fin })
    }

    fn cut(&mut self, cut: &Cut, cx: Context<'_>) -> Option<Segment> {
        let &Cut { seq, skip, len, fin } = cut;
        let text = self.outbox.as_ref()?.text.get(skip..skip + len)?.to_vec();
        let ends = self.outbox.as_ref()?.text.len() == skip + len;
        let push = if ends && len > 0 { Flags::PSH } else { Flags::NONE };
        let fin = if fin { Flags::FIN } else { Flags::NONE };
        Some(Segment { text, flags: push | fin, ..self.segment(seq, cx) })
    }

    /// The timer runs while something waits, and from its start if the waiting has only begun.
    fn run_timer(&mut self, begun: bool, cx: Context<'_>) {
        let Some(outbox) = &mut self.outbox else { return };
        if outbox.is_empty() {
            outbox.timer = None;
        } else if begun || outbox.timer.is_none() {
            outbox.timer = Some(Timer::start(outbox.first_wait(cx), cx));
        }
    }
}

/// A piece of the outbox: which number it starts with, how much text comes before it and how much is in it.
struct Cut {
    seq: Seq,
    skip: usize,
    len: usize,
    fin: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Haste {
    /// What fills no segment may wait for more room.
    WhenWorthIt,
    /// It has waited.
    Now,
}
