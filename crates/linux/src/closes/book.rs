//! What a watch knows: the sockets sampled, the closes told, and what both come to. Pure: rows and times come in.
//!
//! A look goes: [`begin`](Book::begin), each [`row`](Book::row), the processes of what is
//! [`wanted`](Book::wanted) by [`learn`](Book::learn), [`end`](Book::end).

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use timewait_facts::{Cookie, Owner, PortRange, Socket, State};

use super::{
    Attribution, Close, First, FirstBecause, Known, Tally,
    clues::Clues,
    ends::Ends,
    live::{Live, Lives},
    told::Told,
};

/// With more, all are sought anew.
const MOST_LISTENERS: usize = 65_536;

#[derive(Debug)]
pub(super) struct Book {
    tally: Tally,
    /// Whether closes are told from what is sampled; if not, something better tells them.
    samples_tell: bool,
    lives: Lives,
    told: Told,
    clues: Clues,
    look: Look,
    /// Sockets that this look found closing, and whose close was not told before.
    found: Vec<Found>,
    wanted: HashMap<NonZeroU32, Wanted>,
    /// Listeners that need not be sought again.
    settled: HashSet<NonZeroU32>,
}

/// Which look it is.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    number: u64,
    at: Duration,
    /// All states, TIME-WAIT included; the number of the one before that was such.
    whole: bool,
    whole_before: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    socket: Socket,
    first: First,
    because: Option<FirstBecause>,
}

/// Whose process is to be found.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Connection(Cookie, SocketAddr, SocketAddr),
    Listener(SocketAddr),
}

/// A close that something else than a sample tells.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) cookie: Option<Cookie>,
    pub(super) first: First,
    /// In whose context the kernel closed.
    pub(super) owner: Option<Arc<Owner>>,
}

impl Book {
    pub(super) fn new(samples_tell: bool, range: Option<PortRange>) -> Self {
        Self {
            tally: Tally::default(),
            samples_tell,
            lives: Lives::default(),
            told: Told::default(),
            clues: Clues::new(range),
            look: Look::default(),
            found: Vec::new(),
            wanted: HashMap::new(),
            settled: HashSet::new(),
        }
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether there were more closes than can be remembered: some were not told then.
    pub(super) fn overflowed(&self) -> bool {
        self.told.is_full()
    }

    /// Begins a look at the table; `whole` if TIME-WAIT is looked at, too. The first must be whole: what it finds closing
    /// was so before the watch began, and is not told.
    pub(super) fn begin(&mut self, at: Duration, whole: bool) {
        self.look = Look { number: self.look.number + 1, at, whole, ..self.look };
        self.found.clear();
        self.wanted.clear();
    }

    pub(super) fn row(&mut self, socket: &Socket) {
        match socket.state {
            State::Established => self.live(socket),
            State::FinWait1 | State::FinWait2 => self.closing(socket, First::Us),
            State::CloseWait | State::LastAck => self.closing(socket, First::Peer),
            State::Closing => self.closing(socket, First::Both),
            State::TimeWait => self.waiting(socket),
            State::Listen => self.listener(socket),
            State::SynSent | State::SynRecv | State::Closed | State::BoundInactive => {}
        }
    }

    /// The inodes whose processes are not known.
    pub(super) fn wanted(&self) -> impl Iterator<Item = NonZeroU32> {
        self.wanted.keys().copied()
    }

    /// Takes the processes that were found. If `all` were looked through, those without one are not sought again.
    pub(super) fn learn(&mut self, all: bool, mut owner_of: impl FnMut(NonZeroU32) -> Option<Arc<Owner>>) {
        let (lives, clues, listeners) = (&mut self.lives, &mut self.clues, &mut self.settled);
        self.wanted.retain(|&inode, wanted| {
            let owner = owner_of(inode);
            let settled = owner.is_some() || all;
            match *wanted {
                Wanted::Listener(local) if settled => {
                    clues.listens(local, owner.as_ref());
                    listeners.insert(inode);
                }
                Wanted::Connection(cookie, local, peer) if settled => {
                    if let Some(owner) = &owner {
                        clues.holds(local, peer, owner);
                    }
                    lives.own(cookie, owner);
                }
                Wanted::Listener(_) | Wanted::Connection(..) => {}
            }
            !settled
        });
    }

    /// Ends a look: the closes that it found.
    pub(super) fn end(&mut self) -> Vec<Close> {
        let mut closes = Vec::new();
        for found in std::mem::take(&mut self.found) {
            closes.extend(self.tell_found(&found));
        }
        if self.look.whole {
            let before = self.look.whole_before.unwrap_or(0);
            for gone in self.lives.take_gone(before, self.look.number) {
                closes.extend(self.tell_gone(&gone));
            }
            self.told.forget(self.look.at);
            self.look.whole_before = Some(self.look.number);
        }
        closes
    }

    /// Whether another whole look would tell more: a socket is missing, and may only have been overlooked.
    pub(super) fn is_unsure(&self) -> bool {
        self.samples_tell && self.lives.misses_any(self.look.number)
    }

    /// Tells a close that something else than a sample has seen.
    pub(super) fn tell(&mut self, at: Duration, seen: Seen) -> Close {
        let probed = seen.owner.map(|owner| Attribution { owner, known: Known::Probed });
        let by = probed.or_else(|| self.attribute(seen.cookie, seen.local, seen.peer));
        let close = Close {
            at,
            local: seen.local,
            peer: seen.peer,
            cookie: seen.cookie,
            first: seen.first,
            first_inferred: None,
            by,
        };
        self.count(&close, false);
        close
    }

    fn live(&mut self, socket: &Socket) {
        if let Some(inode) = self.lives.track(socket, self.look.number) {
            let wanted = Wanted::Connection(socket.cookie, socket.local, socket.peer);
            self.wanted.insert(inode, wanted);
        }
    }

    fn listener(&mut self, socket: &Socket) {
        // Known to listen at once; by whom, when that is found.
        self.clues.listens(socket.local, None);
        if self.settled.len() > MOST_LISTENERS {
            self.settled.clear();
        }
        if let Some(inode) = socket.inode.filter(|inode| !self.settled.contains(inode)) {
            self.wanted.insert(inode, Wanted::Listener(socket.local));
        }
    }

    fn closing(&mut self, socket: &Socket, first: First) {
        if !socket.is_minisocket() {
            self.live(socket);
        }
        self.find(socket, first, None);
    }

    fn waiting(&mut self, socket: &Socket) {
        self.lives.note_waiting(socket);
        let row = if self.samples_tell { self.told.sees_waiting(socket) } else { self.told.take(socket) };
        if let Some(row) = row {
            self.tally.waits(row);
        }
        self.find(socket, First::Us, Some(FirstBecause::TimeWaitAlone));
    }

    fn find(&mut self, socket: &Socket, first: First, because: Option<FirstBecause>) {
        if self.told.sees(socket, self.look.at) || !self.samples_tell {
            return;
        }
        if self.look.number == 1 {
            self.told.insert_old(socket.cookie, self.look.at);
        } else {
            self.found.push(Found { socket: *socket, first, because });
        }
    }

    fn tell_found(&mut self, found: &Found) -> Option<Close> {
        let socket = &found.socket;
        // One look can meet a socket twice; and what cannot be remembered would be told again and again.
        if self.told.contains(socket.cookie) || !self.told.has_room() {
            return None;
        }
        let close = self.sampled(socket, found.first, found.because);
        self.count(&close, socket.state == State::TimeWait);
        Some(close)
    }

    fn tell_gone(&mut self, gone: &Live) -> Option<Close> {
        if !self.samples_tell || self.told.contains(gone.socket.cookie) {
            return None;
        }
        let (first, because) = if gone.other_end_waits {
            (First::Peer, Some(FirstBecause::OtherEndWaits))
        } else {
            (First::Unseen, None)
        };
        let by =
            gone.owner.as_ref().map(|owner| Attribution { owner: Arc::clone(owner), known: Known::Sampled });
        let by = by.or_else(|| self.clues.infer(gone.socket.local, gone.socket.peer));
        let close = Close { by, ..self.sampled(&gone.socket, first, because) };
        self.count(&close, false);
        Some(close)
    }

    fn sampled(&self, socket: &Socket, first: First, because: Option<FirstBecause>) -> Close {
        Close {
            at: self.look.at,
            local: socket.local,
            peer: socket.peer,
            cookie: Some(socket.cookie),
            first,
            first_inferred: because,
            by: self.attribute(Some(socket.cookie), socket.local, socket.peer),
        }
    }

    fn attribute(&self, cookie: Option<Cookie>, local: SocketAddr, peer: SocketAddr) -> Option<Attribution> {
        match self.lives.owner(cookie, Ends::new(local, peer)) {
            Some(owner) => Some(Attribution { owner: Arc::clone(owner), known: Known::Sampled }),
            None => self.clues.infer(local, peer),
        }
    }

    fn count(&mut self, close: &Close, waits: bool) {
        let row = self.tally.add(close, self.clues.port(close.local, close.peer));
        if waits {
            self.tally.waits(row);
        }
        // What a probe tells is told once; it is remembered until it is seen to wait, if it will.
        if self.samples_tell || close.first.waits() {
            self.told.insert(close, row, waits);
        }
    }
}
