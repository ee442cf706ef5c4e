use crate::{
    Context, Instant, Segment, Seq, Timestamps,
    context::{MAX_SHIFT, TIMESTAMPS_LEN},
};

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
    ts_recent: Option<Recent>,
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
            ts_recent: agreed.timestamps.and(syn.options.timestamps).map(|stamp| Recent::heard(stamp, cx)),
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
    pub(crate) fn is_outdated(&self, segment: &Segment, cx: Context<'_>) -> bool {
        match (self.ts_recent, segment.options.timestamps) {
            (Some(recent), Some(stamp)) => recent.is_valid(cx) && recent.is_after(stamp),
            (None, _) | (_, None) => false,
        }
    }

    /// Whether it comes without the timestamp that was agreed on.
    pub(crate) const fn misses_timestamp(&self, segment: &Segment) -> bool {
        self.ts_recent.is_some() && segment.options.timestamps.is_none()
    }

    /// TS.Recent, a point on the circle of the peer's clock.
    pub(crate) fn ts_recent(&self) -> Option<Seq> {
        self.ts_recent.map(|recent| Seq::new(recent.value))
    }

    /// How much of a segment's room the options take that were agreed on.
    pub(crate) const fn options_len(&self) -> u16 {
        if self.ts_recent.is_some() { TIMESTAMPS_LEN } else { 0 }
    }

    /// TS.Recent, on a clock that started later by so much.
    pub(crate) fn stamps_earlier(&mut self, by: u32) {
        if let Some(recent) = &mut self.ts_recent {
            recent.value = recent.value.wrapping_sub(by);
        }
    }

    /// TS.Recent, as if it had been heard when time began.
    pub(crate) fn stamps_fresh(&mut self) {
        if let Some(recent) = &mut self.ts_recent {
            recent.heard_at = Instant::START;
        }
    }

    /// Remembers the timestamp of a segment that reaches down to what was acknowledged last.
    //= https://www.rfc-editor.org/rfc/rfc7323#section-4.3
    //# SEG.TSval >= TS.Recent and SEG.SEQ <= Last.ACK.sent
    pub(crate) fn hear_timestamp(&mut self, segment: &Segment, cx: Context<'_>) {
        if let (Some(recent), Some(stamp)) = (self.ts_recent, segment.options.timestamps)
            && !(recent.is_valid(cx) && recent.is_after(stamp))
            && !segment.seq.is_after(self.last_ack_sent)
        {
            self.ts_recent = Some(Recent::heard(stamp, cx));
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
        segment.options.timestamps =
            self.ts_recent.map(|recent| Timestamps { value: cx.timestamp(), echo: recent.value });
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

/// TS.Recent (RFC 7323 §4.3), and when it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Recent {
    value: u32,
    heard_at: Instant,
}

impl Recent {
    const fn heard(stamp: Timestamps, cx: Context<'_>) -> Self {
        Self { value: stamp.value, heard_at: cx.now }
    }

    /// After half a turn of the peer's clock nobody can tell any more what is older than what.
    //= https://www.rfc-editor.org/rfc/rfc7323#section-5.5
    //# "invalidate" the TS.Recent value when a connection is idle for more
    //# than 24 days
    fn is_valid(self, cx: Context<'_>) -> bool {
        cx.now.since(self.heard_at) <= cx.profile.ts_recent_valid
    }

    fn is_after(self, stamp: Timestamps) -> bool {
        Seq::new(stamp.value).is_before(Seq::new(self.value))
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
