use std::sync::Arc;

use timewait_tcp::{Segment, Side, Timestamps};

/// A segment under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flying {
    /// How many ticks ago it was sent.
    pub age: u8,
    /// It has arrived before: that it gets lost is no loss.
    pub copy: bool,
    /// What it is.
    pub packet: Arc<Packet>,
}

/// A segment, who sent it and for which connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Who sent it.
    pub from: Side,
    /// The connection that it belongs to: the sender's, or that of the segment that it answers if the sender had none.
    pub connection: u8,
    /// The sender had no connection: it is the RST by which a closed end answers.
    pub from_nobody: bool,
    /// The segment.
    pub segment: Segment,
}

/// A total order, for the same segments to be found in the same order. It means nothing.
impl Ord for Flying {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Flying {
    /// The same a tick later: its timestamps are told from then.
    pub(crate) fn older(&self) -> Self {
        let older = Self { age: self.age + 1, ..self.clone() };
        let Some(Timestamps { value, echo }) = self.packet.segment.options.timestamps else { return older };
        let mut packet = Packet::clone(&self.packet);
        packet.segment.options.timestamps =
            Some(Timestamps { value: value.wrapping_sub(1), echo: echo.wrapping_sub(1) });
        Self { packet: Arc::new(packet), ..older }
    }

    fn key(&self) -> impl Ord + '_ {
        let Packet { from, connection, from_nobody, segment } = &*self.packet;
        let Segment { seq, ack, flags, window, options, text } = segment;
        let stamps = options.timestamps.map(|stamps| (stamps.value, stamps.echo));
        let numbers = (seq.get(), ack.map(timewait_tcp::Seq::get), flags.octet(), *window);
        (*connection, *from, *from_nobody, numbers, stamps, text, self.age, self.copy)
    }
}
