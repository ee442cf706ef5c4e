use std::{collections::VecDeque, sync::Arc};

use super::{Matcher, Packet};

/// Packets that are remembered for who asks for them later, and their bytes.
const MOST_RECENT: (usize, usize) = (4_096, 16 << 20);

/// Who waits for a packet.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) number: u64,
    pub(super) matcher: Matcher,
    pub(super) found: Option<Arc<Packet>>,
}

/// The last packets that were taken.
#[derive(Debug, Default)]
pub(super) struct Recent {
    packets: VecDeque<Arc<Packet>>,
    bytes: usize,
    /// How many were ever taken, and how many of them before the mark.
    pub(super) taken: u64,
    pub(super) mark: u64,
}

impl Recent {
    pub(super) fn push(&mut self, packet: Arc<Packet>) {
        self.taken += 1;
        self.bytes += packet.raw.len();
        self.packets.push_back(packet);
        let (count, bytes) = MOST_RECENT;
        while self.packets.len() > count || self.bytes > bytes {
            let Some(oldest) = self.packets.pop_front() else { break };
            self.bytes -= oldest.raw.len();
        }
    }

    /// Those since the mark, the oldest first, as far as they are remembered.
    pub(super) fn since_mark(&self) -> impl Iterator<Item = &Arc<Packet>> {
        let since = usize::try_from(self.taken - self.mark).unwrap_or(usize::MAX);
        self.packets.iter().skip(self.packets.len().saturating_sub(since))
    }
}
