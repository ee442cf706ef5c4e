use std::{
    collections::VecDeque,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use rustix::{
    event::EventfdFlags,
    io::{self, Errno},
    net::Shutdown,
};

use timewait_linux::options;

use super::{RunError, Setup, conversation::Conversation};

/// How many served clients have come until the oldest is looked at again: by then nearly every one has closed.
const ANSWERED: usize = 8;
/// How many a thread that accepts keeps an eye on by itself.
const RECENT: usize = 256;
/// How many others wait for the worker to take them, before it is woken for them.
const REST: usize = 256;
/// A thread that the machine has no core for accepts nothing sooner.
const MOST_THREADS: usize = 1024;

/// From so many on that wait to be accepted, every thread accepts; as long as fewer wait, one does it with less work
/// for the machine than two, which take turns at the queue and at each other's caches.
const MANY: u32 = 64;
/// A thread that came to help goes on until no more than so many wait.
const FEW: u32 = 8;

/// What the threads that accept share with the worker, which has everything that takes longer.
///
/// A thread blocks in accept4(2), and does nothing for a served client until the next ones come: so a client that
/// stays, or comes alone, would be forgotten. Therefore the worker looks into the places from time to time, for as
/// long as one of them has somebody in it, and takes over who has been there for long.
#[derive(Debug)]
pub(super) struct Crew<'a> {
    pub(super) setup: &'a Setup,
    listener: Arc<OwnedFd>,
    places: Vec<Mutex<Place>>,
    /// Readable once there is something for the worker to do.
    bell: OwnedFd,
    /// The worker looks into the places from time to time.
    attended: AtomicBool,
    /// How often it has.
    round: AtomicU32,
    /// Threads that have not ended.
    alive: AtomicUsize,
    /// How many more may be accepted, and how many of the permitted were not yet; `None` is any number.
    limit: Option<Limit>,
    /// The listener was told not to listen any more.
    closed: AtomicBool,
    /// How often help was called for, and where those wait who give it.
    calls: Mutex<u64>,
    called: Condvar,
    /// accept4(2) lacks this, and threads wait for descriptors or memory.
    starved: Mutex<Option<Errno>>,
    failure: Mutex<Option<RunError>>,
}

#[derive(Debug)]
struct Limit {
    permits: AtomicU64,
    to_come: AtomicU64,
}

/// Clients that one thread has served, or given up on.
#[derive(Debug)]
pub(super) struct Place {
    /// Those who have yet to answer our FIN, and the round that they came in.
    recent: VecDeque<(u32, Conversation)>,
    /// Those whom the worker is to go on with.
    pub(super) rest: Vec<Conversation>,
}

impl<'a> Crew<'a> {
    pub(super) fn new(setup: &'a Setup, listener: Arc<OwnedFd>) -> io::Result<Self> {
        let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let threads = setup.threads.clamp(1, MOST_THREADS);
        let place = || Place { recent: VecDeque::with_capacity(RECENT + 1), rest: Vec::with_capacity(REST) };
        let limit = |count| Limit { permits: AtomicU64::new(count), to_come: AtomicU64::new(count) };
        Ok(Self {
            setup,
            listener,
            places: (0..threads).map(|_| Mutex::new(place())).collect(),
            bell,
            attended: AtomicBool::new(false),
            round: AtomicU32::new(0),
            alive: AtomicUsize::new(0),
            limit: setup.connections.map(limit),
            closed: AtomicBool::new(false),
            calls: Mutex::new(0),
            called: Condvar::new(),
            starved: Mutex::new(None),
            failure: Mutex::new(None),
        })
    }

    pub(super) fn threads(&self) -> usize {
        self.places.len()
    }

    pub(super) fn listener(&self) -> &Arc<OwnedFd> {
        &self.listener
    }

    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    pub(super) fn place(&self, number: usize) -> Option<MutexGuard<'_, Place>> {
        self.places.get(number).map(lock)
    }

    pub(super) fn round(&self) -> u32 {
        self.round.load(SeqCst)
    }

    // What a thread that accepts says.

    pub(super) fn begin(&self) {
        self.alive.fetch_add(1, SeqCst);
    }

    pub(super) fn end(&self, outcome: Result<(), RunError>) {
        if let Err(error) = outcome {
            lock(&self.failure).get_or_insert(error);
        }
        self.alive.fetch_sub(1, SeqCst);
        self.ring();
    }

    /// Calls the others if there is enough for them to do.
    pub(super) fn call_for_help(&self) {
        if self.places.len() > 1 && self.queue() >= MANY {
            *lock(&self.calls) += 1;
            self.called.notify_all();
        }
    }

    /// Waits for the next call for help after so many; gives how many there were, or `None` at the end of the listening.
    pub(super) fn wait_for_call(&self, heard: u64) -> Option<u64> {
        let wait = |calls: &mut u64| *calls <= heard && !self.is_closed();
        let calls = self.called.wait_while(lock(&self.calls), wait).unwrap_or_else(PoisonError::into_inner);
        (!self.is_closed()).then_some(*calls)
    }

    /// Whether who came to help may go.
    pub(super) fn needs_no_help(&self) -> bool {
        self.queue() <= FEW
    }

    fn queue(&self) -> u32 {
        options::accept_queue(&*self.listener).unwrap_or(0)
    }

    /// Takes a permit to accept one more.
    pub(super) fn permit(&self) -> bool {
        let Some(limit) = &self.limit else { return true };
        limit.permits.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    /// One was accepted; with the last that may be, the listening ends.
    pub(super) fn came(&self) {
        if let Some(limit) = &self.limit
            && limit.to_come.fetch_sub(1, SeqCst) == 1
        {
            self.close();
        }
    }

    /// There is somebody in a place.
    pub(super) fn ask_for_attention(&self) {
        if !self.attended.load(SeqCst) && !self.attended.swap(true, SeqCst) {
            self.ring();
        }
    }

    pub(super) fn ring(&self) {
        // The counter cannot overflow by ones that are read; a failure leaves it readable.
        let _ = io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    pub(super) fn starve(&self, errno: Errno) {
        lock(&self.starved).get_or_insert(errno);
        self.ring();
    }

    // What the worker says.

    /// Takes those whom it is to go on with: all, or those alone who are there since an earlier round. Gives whether
    /// others are left.
    pub(super) fn collect(&self, all: bool, take: &mut impl FnMut(Conversation)) -> bool {
        let round = self.round.fetch_add(1, SeqCst);
        let is_old = |since: u32| all || round.wrapping_sub(since) > 0;
        let mut any_left = false;
        for place in &self.places {
            // Locked for one at a time: what is done with it may take a while.
            while let Some(talk) = lock(place).rest.pop() {
                take(talk);
            }
            while let Some(talk) = lock(place).take_recent(is_old) {
                take(talk);
            }
            any_left |= !lock(place).recent.is_empty();
        }
        any_left
    }

    /// The worker looks again.
    pub(super) fn attend(&self) {
        self.attended.store(true, SeqCst);
    }

    /// The worker looks no more until it is asked again. Gives whether somebody came in between.
    pub(super) fn leave_unattended(&self) -> bool {
        self.attended.store(false, SeqCst);
        self.places.iter().any(|place| {
            let place = lock(place);
            !place.recent.is_empty() || !place.rest.is_empty()
        })
    }

    /// Silences the bell.
    pub(super) fn answer_bell(&self) {
        let _ = io::read(&self.bell, &mut [0_u8; 8]);
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(SeqCst) > 0
    }

    pub(super) fn hunger(&self) -> Option<Errno> {
        lock(&self.starved).take()
    }

    pub(super) fn failure(&self) -> Option<RunError> {
        *lock(&self.failure)
    }

    /// Lets nobody take a permit any more; gives how many were left.
    pub(super) fn withdraw_permits(&self) -> Option<u64> {
        self.limit.as_ref().map(|limit| limit.permits.swap(0, SeqCst))
    }

    /// Ends the listening: who blocks in accept4(2) is woken by EINVAL, and who is in the queue sees an RST (linux v6.12
    /// `net/ipv4/af_inet.c` `inet_shutdown`).
    pub(super) fn close(&self) {
        if !self.closed.swap(true, SeqCst) {
            // It fails only if it does not listen any more.
            let _ = rustix::net::shutdown(&*self.listener, Shutdown::Both);
            // Whoever is about to wait has either seen the end or is woken.
            drop(lock(&self.calls));
            self.called.notify_all();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }
}

impl Place {
    /// Adds one who lingers; gives the one who is to be looked at.
    pub(super) fn linger(&mut self, since: u32, talk: Conversation) -> Option<(u32, Conversation)> {
        self.recent.push_back((since, talk));
        if self.recent.len() > ANSWERED { self.recent.pop_front() } else { None }
    }

    /// Puts one back who has not answered. Gives whether the worker is to be woken for those who do not.
    pub(super) fn linger_on(&mut self, since: u32, talk: Conversation) -> bool {
        if self.recent.len() < RECENT {
            self.recent.push_back((since, talk));
            return false;
        }
        self.rest.push(talk);
        self.rest.len() >= REST
    }

    /// Leaves all to the worker.
    pub(super) fn leave(&mut self) {
        self.rest.extend(self.recent.drain(..).map(|(_, talk)| talk));
    }

    /// One of those who linger for long enough.
    fn take_recent(&mut self, is_old: impl Fn(u32) -> bool) -> Option<Conversation> {
        let old = self.recent.iter().position(|&(since, _)| is_old(since))?;
        self.recent.remove(old).map(|(_, talk)| talk)
    }
}

/// No code that holds a lock panics; what it guards would be whole all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
