//! Sockets that processes hold, as they were sampled.

use std::{collections::HashMap, num::NonZeroU32, sync::Arc};

use timewait_facts::{Cookie, Owner, Socket};

use super::ends::Ends;

/// More are not followed: some 200 MB.
const MOST: usize = 1 << 20;

/// A socket that was sampled while a process held it, or might have.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) socket: Socket,
    pub(super) owner: Option<Arc<Owner>>,
    /// All processes were looked through, and none was found.
    sought: bool,
    /// The look in which it was last seen.
    seen: u64,
    /// The other end of the same connection was seen in TIME-WAIT.
    pub(super) other_end_waits: bool,
}

#[derive(Debug, Default)]
pub(super) struct Lives {
    by_cookie: HashMap<Cookie, Live>,
    by_ends: HashMap<Ends, Cookie>,
}

impl Lives {
    /// Notes a socket; its inode, if its process is still to be found.
    pub(super) fn track(&mut self, socket: &Socket, look: u64) -> Option<NonZeroU32> {
        let room = self.by_cookie.len() < MOST;
        if !room && !self.by_cookie.contains_key(&socket.cookie) {
            return None;
        }
        let live = self.by_cookie.entry(socket.cookie).or_insert_with(|| {
            self.by_ends.insert(Ends::of(socket), socket.cookie);
            Live { socket: *socket, owner: None, sought: false, seen: look, other_end_waits: false }
        });
        live.seen = look;
        socket.inode.filter(|_| live.owner.is_none() && !live.sought)
    }

    /// Notes whose a socket is; with `None`, that nobody was found.
    pub(super) fn own(&mut self, cookie: Cookie, owner: Option<Arc<Owner>>) {
        if let Some(live) = self.by_cookie.get_mut(&cookie) {
            live.sought = owner.is_none();
            live.owner = owner;
        }
    }

    /// Whose a socket was, by its cookie, or, where that is not known, by its ends.
    pub(super) fn owner(&self, cookie: Option<Cookie>, ends: Ends) -> Option<&Arc<Owner>> {
        let cookie = cookie.or_else(|| self.by_ends.get(&ends).copied())?;
        self.by_cookie.get(&cookie)?.owner.as_ref()
    }

    /// A socket is in TIME-WAIT: if its other end was sampled, that is worth knowing.
    pub(super) fn note_waiting(&mut self, socket: &Socket) {
        let other = self.by_ends.get(&Ends::of(socket).swapped());
        if let Some(live) = other.and_then(|cookie| self.by_cookie.get_mut(cookie)) {
            live.other_end_waits = true;
        }
    }

    pub(super) fn remove(&mut self, cookie: Cookie) -> Option<Live> {
        let live = self.by_cookie.remove(&cookie)?;
        let ends = Ends::of(&live.socket);
        if self.by_ends.get(&ends) == Some(&cookie) {
            self.by_ends.remove(&ends);
        }
        Some(live)
    }

    /// Takes out those that have left the table: not seen since the look `before`, which was at all states as `now`
    /// is. One that a single look did not see may have been overlooked, since a dump is no snapshot; unless its other
    /// end waits.
    pub(super) fn take_gone(&mut self, before: u64, now: u64) -> Vec<Live> {
        let is_gone = |live: &Live| live.seen < before || live.other_end_waits && live.seen < now;
        let gone: Vec<Cookie> =
            self.by_cookie.iter().filter(|(_, live)| is_gone(live)).map(|(&cookie, _)| cookie).collect();
        gone.into_iter().filter_map(|cookie| self.remove(cookie)).collect()
    }

    /// Whether one is missing since the last look at all states, and not yet for long enough.
    pub(super) fn misses_any(&self, now: u64) -> bool {
        self.by_cookie.values().any(|live| live.seen < now)
    }
}
