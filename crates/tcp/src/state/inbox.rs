use alloc::{collections::VecDeque, vec::Vec};

use super::Numbers;
use crate::{Context, Flags, Instant, Segment, Seq};

/// What has been received ahead of its turn, and how much the user has not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Inbox {
    /// RCV.USER: octets handed over and not yet read. They take room in the window.
    pub(crate) unread: u32,
    /// From RCV.NXT on: the octets that came ahead of their turn, and the gaps. The last one is never a gap.
    held: VecDeque<Option<u8>>,
    /// The number of the peer's FIN, once it is known.
    fin: Option<Seq>,
    /// Nobody reads any more: text that comes is answered with an RST.
    pub(crate) deaf: bool,
    /// When an ACK that waits for another reason to send goes out alone.
    pub(crate) ack_due: Option<Instant>,
}

impl Inbox {
    /// Octets handed over and not yet read.
    pub const fn unread(&self) -> u32 {
        self.unread
    }

    /// Keeps what of it lies in the window. What has come before stays as it is.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# Segments with higher
    //# beginning sequence numbers SHOULD be held for later processing
    pub(crate) fn hold(&mut self, segment: &Segment, numbers: &Numbers) {
        let first = segment.seq + u32::from(segment.has(Flags::SYN));
        let offset = |octet: u32| {
            let number = first + octet;
            number.is_within(numbers.rcv_nxt, numbers.rcv_wnd).then(|| number.since(numbers.rcv_nxt))
        };
        for (octet, &value) in (0..).zip(&segment.text) {
            if let Some(offset) = offset(octet).and_then(|offset| usize::try_from(offset).ok()) {
                self.keep(offset, value);
            }
        }
        if segment.has(Flags::FIN) && self.fin.is_none() {
            let number = segment.end() - 1;
            self.fin = number.is_within(numbers.rcv_nxt, numbers.rcv_wnd).then_some(number);
        }
    }

    fn keep(&mut self, offset: usize, value: u8) {
        if self.held.len() <= offset {
            self.held.resize(offset + 1, None);
        }
        if let Some(place) = self.held.get_mut(offset) {
            place.get_or_insert(value);
        }
    }

    /// Takes what is in its turn now: RCV.NXT moves over it. Nothing comes after a FIN.
    pub(crate) fn take(&mut self, numbers: &mut Numbers) -> Vec<u8> {
        let mut text = Vec::new();
        while self.fin != Some(numbers.rcv_nxt)
            && let Some(&Some(octet)) = self.held.front()
        {
            self.held.pop_front();
            text.push(octet);
            numbers.received(1);
            self.unread += 1;
        }
        text
    }

    /// Whether the peer's FIN is what comes next.
    pub(crate) fn fin_is_next(&self, numbers: &Numbers) -> bool {
        self.fin == Some(numbers.rcv_nxt)
    }

    /// Whether something is held that is not in its turn yet.
    pub(crate) fn has_gap(&self) -> bool {
        !self.held.is_empty()
    }

    /// Moves the window's right edge up, if it has become worth telling.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.8.6.2.2
    //# keep
    //# RCV.NXT+RCV.WND fixed until the reduction satisfies
    pub(crate) fn open_window(&self, numbers: &mut Numbers, cx: Context<'_>) {
        let room = self.room(numbers, cx);
        let worth = (cx.profile.window / 2).min(u32::from(cx.profile.mss)).max(1);
        if room.saturating_sub(numbers.rcv_wnd) >= worth {
            numbers.rcv_wnd = room;
        }
    }

    /// Whether the window could be twice what the peer knows of.
    pub(crate) fn should_announce(&self, numbers: &Numbers, cx: Context<'_>) -> bool {
        let mut opened = numbers.clone();
        self.open_window(&mut opened, cx);
        opened.rcv_wnd != numbers.rcv_wnd && opened.rcv_wnd / 2 >= numbers.rcv_wnd
    }

    fn room(&self, numbers: &Numbers, cx: Context<'_>) -> u32 {
        cx.profile.window.saturating_sub(self.unread).min(numbers.largest_window())
    }
}
