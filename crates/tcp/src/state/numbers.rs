use crate::{Context, Instant, Segment, Seq, Timestamps, context::MAX_SHIFT};

/// Where both streams of numbers are (RFC 9293 §3.3.1), and what it takes to say so in an ACK.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Numbers {
    /// SND.UNA: the first number sent and not acknowledged.
    pub(crate) snd_una: Seq,
    /// SND.NXT: the next number to send.
    pub(crate) snd_nxt: Seq,
    /// MAX.SND.WND: the largest window that the peer has ever announced.
    pub(crate) max_snd_wnd: u32,
    /// RCV.NXT: the next number expected.
    pub(crate) rcv_nxt: Seq,
    /// RCV.WND: how many numbers from there on are taken.
    pub(crate) rcv_wnd: u32,
    /// Rcv.Wind.Shift: by how much our windows are scaled (RFC 7323 §2.3).
    rcv_shift: u8,
    /// Last.ACK.sent (RFC 7323 §4.3).
    pub(crate) last_ack_sent: Seq,
    /// TS.Recent, if both sides use timestamps.
    pub(crate) ts_recent: Option<u32>,
    /// When an answer was sent that the profile limits; stays `None` where it does not.
    challenged_at: Option<Instant>,
}

impl Numbers {
    /// Our SYN has the number `iss`, and this is the peer's.
    pub(crate) fn synchronized(iss: Seq, syn: &Segment, cx: Context<'_>) -> Self {
        let agreed = cx.answer(&syn.options);
        let irs = syn.seq;
        Self {
            snd_una: iss,
            snd_nxt: iss + 1,
            max_snd_wnd: 0,
            rcv_nxt: irs + 1,
            rcv_wnd: u32::from(cx.syn_window()),
            rcv_shift: agreed.window_scale.unwrap_or(0).min(MAX_SHIFT),
            last_ack_sent: irs + 1,
            ts_recent: agreed.timestamps.and(syn.options.timestamps).map(|stamp| stamp.value),
            challenged_at: None,
        }
    }

    /// SND.UNA: the first number sent and not acknowledged.
    pub const fn snd_una(&self) -> Seq {
        self.snd_una
    }

    /// SND.NXT: the next number to send.
    pub const fn snd_nxt(&self) -> Seq {
        self.snd_nxt
    }

    /// RCV.NXT: the next number expected.
    pub const fn rcv_nxt(&self) -> Seq {
        self.rcv_nxt
    }

    /// RCV.WND: how many numbers from there on are taken.
    pub const fn rcv_wnd(&self) -> u32 {
        self.rcv_wnd
    }

    /// How many numbers are sent and not acknowledged.
    pub(crate) const fn in_flight(&self) -> u32 {
        self.snd_nxt.since(self.snd_una)
    }

    /// Where an ACK of this number lies.
    pub(crate) const fn place(&self, ack: Seq) -> Acked {
        match ack.since(self.snd_una) {
            0 => Acked::Old(0),
            count if count <= self.in_flight() => Acked::New(count),
            _ if ack.is_after(self.snd_una) => Acked::Unsent,
            _ => Acked::Old(self.snd_una.since(ack)),
        }
    }

    /// Whether a segment of this length is acceptable here: RFC 9293's Table 6, row by row.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# There are four cases for the acceptability test
    pub(crate) fn accept(&self, seq: Seq, len: u32) -> bool {
        let in_window = |number: Seq| number.is_within(self.rcv_nxt, self.rcv_wnd);
        match (len, self.rcv_wnd) {
            (0, 0) => seq == self.rcv_nxt,
            (0, _) => in_window(seq),
            (_, 0) => false,
            (_, _) => in_window(seq) || in_window(seq + (len - 1)),
        }
    }

    /// Whether its timestamp is older than what has been heard: Protection Against Wrapped Sequences.
    //= https://www.rfc-editor.org/rfc/rfc7323#section-5.3
    //# SEG.TSval < TS.Recent
    pub(crate) fn is_outdated(&self, segment: &Segment) -> bool {
        match (self.ts_recent, segment.options.timestamps) {
            (Some(recent), Some(stamp)) => Seq::new(stamp.value).is_before(Seq::new(recent)),
            (None, _) | (_, None) => false,
        }
    }

    /// TS.Recent, on a clock that started later by so much.
    pub(crate) fn stamps_earlier(&mut self, by: u32) {
        self.ts_recent = self.ts_recent.map(|recent| recent.wrapping_sub(by));
    }

    /// Remembers the timestamp of a segment that reaches down to what was acknowledged last.
    //= https://www.rfc-editor.org/rfc/rfc7323#section-4.3
    //# SEG.TSval >= TS.Recent and SEG.SEQ <= Last.ACK.sent
    pub(crate) fn hear_timestamp(&mut self, segment: &Segment) {
        if let (Some(recent), Some(stamp)) = (self.ts_recent, segment.options.timestamps)
            && !Seq::new(stamp.value).is_before(Seq::new(recent))
            && !segment.seq.is_after(self.last_ack_sent)
        {
            self.ts_recent = Some(stamp.value);
        }
    }

    /// These numbers have been received, in order.
    pub(crate) fn received(&mut self, count: u32) {
        self.rcv_nxt += count;
        self.rcv_wnd = self.rcv_wnd.saturating_sub(count);
    }

    /// A segment with this number, our ACK, our window and our clock.
    pub(crate) fn segment(&mut self, seq: Seq, cx: Context<'_>) -> Segment {
        self.last_ack_sent = self.rcv_nxt;
        let mut segment = Segment::ack(seq, self.rcv_nxt);
        segment.window = u16::try_from(self.rcv_wnd >> self.rcv_shift).unwrap_or(u16::MAX);
        segment.options.timestamps = self.ts_recent.map(|echo| Timestamps { value: cx.timestamp(), echo });
        segment
    }

    /// The most that a window can be announced as.
    pub(crate) const fn largest_window(&self) -> u32 {
        (u16::MAX as u32) << self.rcv_shift
    }

    /// Whether an answer that the profile limits may be sent; if so, it counts as sent.
    pub(crate) fn may_challenge(&mut self, cx: Context<'_>) -> bool {
        let may = cx.may_challenge(self.challenged_at);
        if may {
            self.challenged_at = cx.profile.challenge_ack_every.map(|_| cx.now);
        }
        may
    }
}

/// What an ACK says.
#[derive(Clone, Copy)]
pub(crate) enum Acked {
    /// SND.UNA < SEG.ACK =< SND.NXT, by so many numbers.
    New(u32),
    /// SEG.ACK =< SND.UNA, by so many numbers.
    Old(u32),
    /// SEG.ACK > SND.NXT.
    Unsent,
}
