use std::{
    collections::VecDeque,
    io,
    num::NonZeroU32,
    ops::ControlFlow,
    os::unix::fs::MetadataExt as _,
    sync::Arc,
    time::{Duration, Instant},
};

use timewait_facts::{Owner, Pattern, PortRange, State, States};

use super::{
    Close, Cost, Lost, NoProbe, ProbeError, Tally,
    book::{Book, Seen},
    pace::{Pace, thread_time},
    probe::{Probe, Processes, Transition},
    settle::{Settled, Settling},
};
use crate::{
    netns::Netns,
    owners::Owners,
    settings,
    sockets::{OpenError, Query, ReadError, SocketTable},
};

/// Without a probe: looks at sockets that processes hold.
const OFTEN: Pace = Pace { one_in: 25, least: Duration::from_millis(10), most: Duration::from_secs(10) };
/// Looks at all sockets, TIME-WAIT included; each stays there for 60 s.
const WHOLE: Pace = Pace { one_in: 100, least: Duration::from_secs(1), most: Duration::from_secs(20) };
/// With a probe, which tells closes by itself: looks that find the processes of sockets that the peer closes.
const SELDOM: Pace = Pace { one_in: 100, least: Duration::from_secs(1), most: Duration::from_secs(20) };
/// How often the probe's ring is emptied.
const EMPTY: Duration = Duration::from_millis(50);
/// Batches of the ring that are read in one step.
const BATCHES: usize = 16;
/// The ring is emptied after so many rows of a look as well: a look at a million rows takes longer than a busy server
/// takes to fill the ring.
const ROWS: u64 = 4096;
/// Passes over all processes.
const PASS: Pace = Pace { one_in: 50, least: Duration::from_millis(50), most: Duration::from_secs(10) };
/// Processes that were last found to hold sockets, and are looked into first.
const CANDIDATES: usize = 16;

/// What to watch.
#[derive(Debug, Default)]
pub struct Setup {
    /// Only connections with this address on one of their ends.
    pub address: Pattern,
    /// In another network namespace than the thread's own.
    pub netns: Option<Netns>,
    /// By a probe, where that is permitted; by samples otherwise.
    pub probe: bool,
}

/// Why nothing can be watched, or not any longer.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The socket table cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The socket table cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The processes cannot be listed.
    #[error("cannot look for the processes that hold sockets")]
    Owners(#[source] io::Error),
    /// The probe tells what makes no sense, or nothing any more.
    #[error(transparent)]
    Probe(#[from] ProbeError),
}

/// Watches connections close. It does nothing by itself: [`step`](Self::step) wants to be called again and again.
#[derive(Debug)]
pub struct Watch {
    table: SocketTable,
    address: Pattern,
    probed: Result<Probed, NoProbe>,
    book: Book,
    candidates: VecDeque<u32>,
    start: Instant,
    due: Due,
    cost: Cost,
}

/// What a probe tells, and what becomes of it.
#[derive(Debug)]
struct Probed {
    probe: Probe,
    settling: Settling,
    processes: Processes,
    settled: Vec<Settled>,
}

impl Probed {
    fn open(setup: &Setup) -> Result<Self, NoProbe> {
        if !setup.probe {
            return Err(NoProbe::NotAsked);
        }
        let own = || std::fs::metadata("/proc/thread-self/ns/net").map(|meta| meta.ino());
        let inode = setup.netns.as_ref().map_or_else(own, |netns| Ok(netns.inode()));
        let inode = inode.and_then(|inode| u32::try_from(inode).map_err(io::Error::other));
        let probe = Probe::open(inode.map_err(NoProbe::Resources)?)?;
        let (settling, processes) = (Settling::default(), Processes::default());
        Ok(Self { probe, settling, processes, settled: Vec::new() })
    }

    /// Empties the ring: closes of which nothing more is expected are put where they are settled.
    fn read(&mut self, at: Duration, address: &Pattern) -> Result<(), ProbeError> {
        let Self { probe, settling, processes, settled } = self;
        let mut on = |change: Transition| {
            if !address.matches(change.local) && !address.matches(change.peer) {
                return;
            }
            if let Some(closer) = &change.closer {
                // Now, as the process may end at any time.
                processes.owner(closer, at);
            }
            settling.on(at, &change, |close| settled.push(close));
        };
        // Bounded: where closes come faster than they are read, other things have their turn, too.
        for _ in 0..BATCHES {
            if probe.drain(&mut on)? {
                break;
            }
        }
        settling.settle(at, |close| settled.push(close));
        Ok(())
    }
}

/// When something is to be done next, since the start.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    look: Duration,
    whole: Duration,
    pass: Duration,
    /// What the last look cost that was not whole.
    look_cost: Duration,
}

impl Watch {
    /// Begins: what is closing already does not count.
    ///
    /// # Errors
    /// The socket table cannot be opened or read.
    pub fn open(setup: &Setup) -> Result<Self, WatchError> {
        let table = setup.netns.as_ref().map_or_else(SocketTable::open, SocketTable::open_in)?;
        let probed = Probed::open(setup);
        let mut watch = Self {
            table,
            address: setup.address,
            book: Book::new(probed.is_err(), local_ports(setup.netns.as_ref())),
            probed,
            candidates: VecDeque::new(),
            start: Instant::now(),
            due: Due::default(),
            cost: Cost::default(),
        };
        watch.step(|_| {})?;
        Ok(watch)
    }

    /// Does what is due, and says how long to rest until the next call.
    ///
    /// # Errors
    /// The socket table or the processes cannot be read. What was told is true nevertheless.
    pub fn step(&mut self, mut each: impl FnMut(&Close)) -> Result<Duration, WatchError> {
        let before = thread_time();
        let at = self.start.elapsed();
        self.read_probe(at, &mut each)?;
        if at >= self.due.look {
            self.look(at, at >= self.due.whole, &mut each)?;
        }
        self.cost.cpu += thread_time().saturating_sub(before);
        let rest = self.due.look.saturating_sub(self.start.elapsed());
        Ok(if self.probed.is_ok() { rest.min(EMPTY) } else { rest })
    }

    /// Looks a last time, and tells what was still open to doubt.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn finish(&mut self, mut each: impl FnMut(&Close)) -> Result<(), WatchError> {
        let before = thread_time();
        let at = self.start.elapsed();
        self.read_probe(at, &mut each)?;
        if let Ok(Probed { settling, settled, .. }) = &mut self.probed {
            settling.finish(|close| settled.push(close));
        }
        self.tell_settled(at, &mut each);
        self.look(at, true, &mut each)?;
        if self.book.is_unsure() {
            self.look(self.start.elapsed(), true, &mut each)?;
        }
        self.cost.cpu += thread_time().saturating_sub(before);
        Ok(())
    }

    /// Why no probe watches; `None` if one does.
    pub fn no_probe(&self) -> Option<&NoProbe> {
        self.probed.as_ref().err()
    }

    /// What the probe could not tell so far; `None` without a probe.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn lost(&self) -> Result<Option<Lost>, ProbeError> {
        self.probed.as_ref().ok().map(|probed| probed.probe.lost()).transpose()
    }

    /// What was counted so far.
    pub fn tally(&self) -> &Tally {
        self.book.tally()
    }

    /// What it has cost so far.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// For how long it has watched.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Whether there were more waiting sockets than can be remembered (a million): some closes were not told.
    pub fn overflowed(&self) -> bool {
        self.book.overflowed()
    }

    fn read_probe(&mut self, at: Duration, each: &mut impl FnMut(&Close)) -> Result<(), WatchError> {
        if let Ok(probed) = &mut self.probed {
            probed.read(at, &self.address)?;
        }
        self.tell_settled(at, each);
        Ok(())
    }

    fn tell_settled(&mut self, at: Duration, each: &mut impl FnMut(&Close)) {
        let Ok(Probed { processes, settled, .. }) = &mut self.probed else { return };
        for close in settled.drain(..) {
            let owner = close.closer.map(|closer| processes.owner(&closer, at));
            let Settled { local, peer, cookie, first, closer: _ } = close;
            each(&self.book.tell(at, Seen { local, peer, cookie, first, owner }));
        }
    }

    fn look(&mut self, at: Duration, whole: bool, each: &mut impl FnMut(&Close)) -> Result<(), WatchError> {
        let before = thread_time();
        let held: States = HELD.into_iter().collect();
        let states = if whole { held.with(State::TimeWait) } else { held };
        self.book.begin(at, whole);
        self.read_table(states)?;
        self.find_owners(at)?;
        self.book.end().iter().for_each(each);
        let cost = thread_time().saturating_sub(before);
        self.cost.looks += 1;
        let now = self.start.elapsed();
        if whole {
            self.due.whole = now + WHOLE.rest(cost);
        } else {
            self.due.look_cost = cost;
        }
        let pace = if self.probed.is_ok() { SELDOM } else { OFTEN };
        self.due.look = now + pace.rest(self.due.look_cost);
        Ok(())
    }

    fn read_table(&mut self, states: States) -> Result<(), WatchError> {
        let Self { table, book, probed, address, start, .. } = self;
        let (mut rows, mut emptied) = (0_u64, Ok(()));
        table.dump(&Query::in_states(states).either(*address), |row| {
            book.row(&row.socket());
            rows += 1;
            if let Ok(probed) = probed
                && rows.is_multiple_of(ROWS)
            {
                emptied = probed.read(start.elapsed(), address);
            }
            if emptied.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(emptied?)
    }

    /// Whose the new sockets are: those who held some before are asked first; everybody, where that does not do and time
    /// allows.
    fn find_owners(&mut self, at: Duration) -> Result<(), WatchError> {
        if self.book.wanted().next().is_some() && !self.candidates.is_empty() {
            let candidates =
                Owners::read_of(self.candidates.make_contiguous()).map_err(WatchError::Owners)?;
            self.learn(&candidates, false);
        }
        if self.book.wanted().next().is_some() && at >= self.due.pass {
            let before = thread_time();
            let everybody = Owners::read().map_err(WatchError::Owners)?;
            self.learn(&everybody, true);
            self.due.pass = self.start.elapsed() + PASS.rest(thread_time().saturating_sub(before));
        }
        Ok(())
    }

    fn learn(&mut self, owners: &Owners, all: bool) {
        self.cost.passes += 1;
        let mut shared: Vec<Arc<Owner>> = Vec::new();
        let candidates = &mut self.candidates;
        let owner_of = |inode: NonZeroU32| {
            let owner = owners.of(inode)?;
            if !candidates.contains(&owner.pid) {
                candidates.truncate(CANDIDATES - 1);
                candidates.push_front(owner.pid);
            }
            // One for all sockets of a process.
            let known = shared.iter().find(|known| ***known == *owner).map(Arc::clone);
            Some(known.unwrap_or_else(|| {
                let owner = Arc::new(owner.clone());
                shared.push(Arc::clone(&owner));
                owner
            }))
        };
        self.book.learn(all, owner_of);
    }
}

/// The states in which a process may hold the socket, and listeners.
const HELD: [State; 7] = [
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::LastAck,
    State::Closing,
    State::Listen,
];

fn local_ports(netns: Option<&Netns>) -> Option<PortRange> {
    const NAME: &str = "net.ipv4.ip_local_port_range";
    let text = netns.map_or_else(|| settings::read(NAME), |netns| settings::read_in(netns, NAME));
    text.ok()?.parse().ok()
}
