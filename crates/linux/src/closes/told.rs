//! Which closes were told already, so that none is told twice, and which of them were seen to wait.

use std::{collections::HashMap, time::Duration};

use timewait_facts::{Cookie, Socket};

use super::{Close, ends::Ends, tally::RowNumber};

/// More are not remembered: some 100 MB.
const MOST: usize = 1 << 20;
/// A socket that was not in the table for so long has left it: longer than a TIME-WAIT, which is 60 s and some.
const FORGET_AFTER: Duration = Duration::from_secs(70);

/// Closes that were told, and sockets that were closing before the watch began.
#[derive(Debug, Default)]
pub(super) struct Told {
    by_cookie: HashMap<Cookie, Entry>,
    /// Those whose cookie is not known.
    by_ends: HashMap<Ends, Entry>,
    full: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where it was counted; `None` for what was closing before the watch began.
    row: Option<RowNumber>,
    waits: bool,
    seen: Duration,
}

impl Told {
    /// Remembers a close; not where there is no room.
    pub(super) fn insert(&mut self, close: &Close, row: RowNumber, waits: bool) {
        let entry = Entry { row: Some(row), waits, seen: close.at };
        match close.cookie {
            _ if !self.has_room() => {}
            Some(cookie) => drop(self.by_cookie.insert(cookie, entry)),
            None => drop(self.by_ends.insert(Ends::new(close.local, close.peer), entry)),
        }
    }

    /// Remembers a socket that was closing before the watch began.
    pub(super) fn insert_old(&mut self, cookie: Cookie, at: Duration) {
        if self.has_room() {
            self.by_cookie.insert(cookie, Entry { row: None, waits: true, seen: at });
        }
    }

    /// Whether another one can be remembered. If once it could not, [`is_full`](Self::is_full) says so for ever.
    pub(super) fn has_room(&mut self) -> bool {
        let room = self.by_cookie.len() + self.by_ends.len() < MOST;
        self.full |= !room;
        room
    }

    /// Whether there were ever more than can be remembered.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Whether this socket's close was told.
    pub(super) fn sees(&mut self, socket: &Socket, at: Duration) -> bool {
        self.entry(socket).map(|entry| entry.seen = at).is_some()
    }

    /// A socket was seen in TIME-WAIT: where its close was counted, if it is seen there for the first time.
    pub(super) fn sees_waiting(&mut self, socket: &Socket) -> Option<RowNumber> {
        let entry = self.entry(socket).filter(|entry| !entry.waits)?;
        entry.waits = true;
        entry.row
    }

    /// A socket was seen in TIME-WAIT: where its close was counted, which is forgotten.
    pub(super) fn take(&mut self, socket: &Socket) -> Option<RowNumber> {
        let by_cookie = self.by_cookie.remove(&socket.cookie);
        by_cookie.or_else(|| self.by_ends.remove(&Ends::of(socket)))?.row
    }

    /// Whether a close with this cookie was told.
    pub(super) fn contains(&self, cookie: Cookie) -> bool {
        self.by_cookie.contains_key(&cookie)
    }

    /// Forgets what has left the table.
    pub(super) fn forget(&mut self, at: Duration) {
        let stays = |entry: &Entry| entry.seen + FORGET_AFTER >= at;
        self.by_cookie.retain(|_, entry| stays(entry));
        self.by_ends.retain(|_, entry| stays(entry));
    }

    fn entry(&mut self, socket: &Socket) -> Option<&mut Entry> {
        match self.by_cookie.get_mut(&socket.cookie) {
            Some(entry) => Some(entry),
            None if self.by_ends.is_empty() => None,
            None => self.by_ends.get_mut(&Ends::of(socket)),
        }
    }
}
