use alloc::vec::Vec;
use core::time::Duration;

use super::Numbers;
use crate::{
    Context, Instant, Options, Segment, Seq,
    context::{MAX_SHIFT, TIMESTAMPS_LEN},
};

/// The retransmission queue and what is still to be sent, from SND.UNA on: a SYN, text, a FIN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outbox {
    /// Our SYN is not acknowledged, and has these options.
    pub(crate) syn: Option<Options>,
    /// The text that is not acknowledged, sent or not.
    pub(crate) text: Vec<u8>,
    /// A FIN follows, and is not acknowledged.
    pub(crate) fin: bool,
    /// SND.WND: how many numbers from SND.UNA on the peer takes.
    pub(crate) snd_wnd: u32,
    /// SND.WL1: SEG.SEQ when SND.WND was last heard.
    wl1: Seq,
    /// SND.WL2: SEG.ACK when SND.WND was last heard.
    wl2: Seq,
    /// Snd.Wind.Shift: by how much the peer's windows are scaled (RFC 7323 §2.3).
    shift: u8,
    /// The most text in a segment.
    pub(crate) mss: u16,
    /// What was sent before this number when the timer went off is taken for lost, and sent again as ACKs come.
    pub(crate) lost_before: Option<Seq>,
    /// Runs while something waits for an ACK or for a window.
    pub(crate) timer: Option<Timer>,
}

/// The retransmission timer; with a closed window, the one that probes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timer {
    /// When it goes off.
    pub(crate) at: Instant,
    /// How many times it has.
    pub(crate) times: u8,
    /// How many times it has since the peer was last heard.
    pub(crate) unanswered: u8,
    /// When the user gives up, if ever.
    pub(crate) gives_up_at: Option<Instant>,
}

impl Timer {
    pub(crate) fn start(wait: Duration, cx: Context<'_>) -> Self {
        Self { at: cx.now + wait, times: 0, unanswered: 0, gives_up_at: cx.user_gives_up() }
    }

    /// What comes first: that it goes off, or that the user gives up.
    pub(crate) fn next(&self) -> Instant {
        self.gives_up_at.map_or(self.at, |gives_up_at| gives_up_at.min(self.at))
    }
}

impl Outbox {
    /// A SYN with these options, sent now. The timestamp is not kept: one that is sent again has its own.
    pub(crate) fn opening(options: Options, cx: Context<'_>) -> Self {
        Self {
            syn: Some(Options { timestamps: None, ..options }),
            text: Vec::new(),
            fin: false,
            snd_wnd: 0,
            wl1: Seq::default(),
            wl2: Seq::default(),
            shift: 0,
            mss: cx.profile.default_mss,
            lost_before: None,
            timer: Some(Timer::start(cx.profile.syn_timeout, cx)),
        }
    }

    /// SND.WND: how many numbers from SND.UNA on the peer takes.
    pub const fn snd_wnd(&self) -> u32 {
        self.snd_wnd
    }

    /// How many octets of text are not acknowledged, sent or not.
    pub fn unacknowledged(&self) -> usize {
        self.text.len()
    }

    /// How many times what waits for its ACK (or for a window) has been sent again (or asked for).
    pub fn retransmissions(&self) -> u8 {
        self.timer.as_ref().map_or(0, |timer| timer.times)
    }

    /// How much more text is taken.
    pub(crate) fn room(&self, cx: Context<'_>) -> usize {
        cx.profile.send_buffer.saturating_sub(self.text.len())
    }

    /// What the peer's SYN says once and for all: its MSS, its window's scale.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.7.1
    //# If an MSS Option is not received at connection setup, TCP
    //# implementations MUST assume a default send MSS
    pub(crate) fn hear_syn(&mut self, syn: &Segment, cx: Context<'_>) {
        let agreed = cx.answer(&syn.options);
        // RFC 7323 appendix A, RFC 6691: a segment's options take room from its text.
        let stamp = if agreed.timestamps.is_some() { TIMESTAMPS_LEN } else { 0 };
        let theirs = syn.options.mss.unwrap_or(cx.profile.default_mss);
        self.mss = theirs.min(cx.profile.mss).saturating_sub(stamp).max(1);
        self.shift = agreed.window_scale.and(syn.options.window_scale).unwrap_or(0).min(MAX_SHIFT);
    }

    /// SND.WND, SND.WL1 and SND.WL2 from this segment. A SYN's window is not scaled.
    pub(crate) fn hear_window(&mut self, segment: &Segment, numbers: &mut Numbers) {
        let shift = if segment.has(crate::Flags::SYN) { 0 } else { self.shift };
        let window = u32::from(segment.window) << shift;
        if self.snd_wnd == 0 && window > 0 && self.syn.is_none() {
            // It was probed ever later. What was lost at a closed window follows at once now, and what the window is too
            // small for waits as long as anything does at first.
            self.timer = None;
        }
        self.snd_wnd = window;
        self.wl1 = segment.seq;
        self.wl2 = segment.ack.unwrap_or(numbers.snd_una);
        numbers.max_snd_wnd = numbers.max_snd_wnd.max(self.snd_wnd);
    }

    /// Whether its window is news: it was sent after the segment whose window is known.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# If (SND.WL1 < SEG.SEQ or (SND.WL1 = SEG.SEQ
    //# and SND.WL2 =< SEG.ACK))
    pub(crate) fn is_news(&self, seq: Seq, ack: Seq) -> bool {
        self.wl1.is_before(seq) || (self.wl1 == seq && !self.wl2.is_after(ack))
    }

    /// So many numbers from SND.UNA on are acknowledged: what is left waits afresh. The window ends where it ended: an
    /// old segment's ACK, whose window is no news, must not move its right edge.
    pub(crate) fn acknowledged(&mut self, numbers: u32) {
        self.snd_wnd = self.snd_wnd.saturating_sub(numbers);
        let mut left = usize::try_from(numbers).unwrap_or(usize::MAX);
        if left > 0 && self.syn.take().is_some() {
            left -= 1;
        }
        let text = left.min(self.text.len());
        self.text.drain(..text);
        if left > text {
            self.fin = false;
        }
        self.timer = None;
    }

    /// The peer answers while its window is closed: it is there, and we have patience.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.8.6.1
    //# As long as the receiving TCP peer continues to
    //# send acknowledgments in response to the probe segments, the sending
    //# TCP peer MUST allow the connection to stay open
    pub(crate) fn hear_answer(&mut self, cx: Context<'_>) {
        if self.snd_wnd == 0
            && let Some(timer) = &mut self.timer
        {
            timer.unanswered = 0;
            timer.gives_up_at = cx.user_gives_up();
        }
    }

    /// How long what is sent now waits for its ACK.
    pub(crate) const fn first_wait(&self, cx: Context<'_>) -> Duration {
        if self.syn.is_some() { cx.profile.syn_timeout } else { cx.profile.retransmission_timeout }
    }

    /// Whether everything is acknowledged.
    pub(crate) fn is_empty(&self) -> bool {
        self.syn.is_none() && self.text.is_empty() && !self.fin
    }
}
