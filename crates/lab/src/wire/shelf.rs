use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Breakage, Packet};

/// Packets that are held or delayed at most: what a forgotten rule may collect.
const MOST: usize = 4_096;

/// What was taken and is to arrive later, if ever.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    held: Vec<Held>,
    delayed: Vec<Delayed>,
}

#[derive(Debug)]
struct Held {
    name: String,
    packet: Arc<Packet>,
}

/// A packet that arrives by itself.
#[derive(Debug)]
pub(super) struct Delayed {
    due: Instant,
    pub(super) note: String,
    pub(super) packet: Arc<Packet>,
}

impl Shelf {
    /// Keeps it until it is let go by this name.
    pub(super) fn hold(&mut self, name: &str, packet: &Arc<Packet>) -> Result<(), Breakage> {
        self.held.push(Held { name: name.to_owned(), packet: Arc::clone(packet) });
        self.check_room()
    }

    /// Keeps it for this time.
    pub(super) fn delay(&mut self, time: Duration, note: &str, packet: &Arc<Packet>) -> Result<(), Breakage> {
        let (due, note) = (Instant::now() + time, note.to_owned());
        self.delayed.push(Delayed { due, note, packet: Arc::clone(packet) });
        self.check_room()
    }

    fn check_room(&self) -> Result<(), Breakage> {
        if self.held.len() + self.delayed.len() > MOST { Err(Breakage::TooManyHeld(MOST)) } else { Ok(()) }
    }

    /// Packets held by this name are held no more.
    pub(super) fn let_go(&mut self, name: &str) -> Vec<Arc<Packet>> {
        let (gone, kept) = self.held.drain(..).partition(|held: &Held| held.name == name);
        self.held = kept;
        gone.into_iter().map(|held| held.packet).collect()
    }

    /// Packets held by this name, in the order in which they were sent.
    pub(super) fn held(&self, name: &str) -> Vec<Packet> {
        let of_name = self.held.iter().filter(|held| held.name == name);
        of_name.map(|held| Packet::clone(&held.packet)).collect()
    }

    /// Packets whose time is over, in the order in which that came; they are delayed no more.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Delayed> {
        let (mut due, later): (Vec<_>, Vec<_>) = self.delayed.drain(..).partition(|it| it.due <= now);
        self.delayed = later;
        due.sort_by_key(|delayed| delayed.due);
        due
    }

    /// When the next is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.iter().map(|delayed| delayed.due).min()
    }
}
