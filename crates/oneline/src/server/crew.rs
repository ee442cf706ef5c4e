mod limit;
mod place;

use std::{
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use rustix::{
    event::EventfdFlags,
    io::{self, Errno},
    net::Shutdown,
};
use timewait_linux::options;

use super::{RunError, Setup, conversation::Conversation};
use limit::Limit;
use place::Place;

/// A thread that the machine has no core for accepts nothing sooner.
const MOST_THREADS: usize = 1024;

/// From so many on that wait to be accepted, or from half the backlog on, every thread accepts; as long as fewer wait, one
/// does it with less work for the machine than two, which take turns at the queue and at each other's caches.
const MANY: u32 = 128;
/// A thread that came to help goes on until no more than so many wait.
const FEW: u32 = 8;

/// How long until accept4(2) is tried again when it lacked something that nobody gave back.
const PAUSE: Duration = Duration::from_millis(100);

/// What the threads that accept share with the worker, which has everything that takes longer.
///
/// A thread blocks in accept4(2), and does nothing for a client that has yet to close until others come: so one that stays,
/// or comes alone, would be forgotten. Therefore the worker looks into the places from time to time, for as long as one
/// of them has somebody in it, and takes over who has been there for long.
///
/// Every conversation is in exactly one hand: a thread's, a place, the worker's. Whoever ends it counts it. A thread's last
/// deed is to leave its place to the worker, and only then it is no longer [alive](Self::is_alive): so once none is,
/// one more look into the places finds all that is left.
#[derive(Debug)]
pub(super) struct Crew<'a> {
    pub(super) setup: &'a Setup,
    listener: Arc<OwnedFd>,
    places: Vec<Mutex<Place>>,
    /// Readable once there is something for the worker to do.
    bell: OwnedFd,
    /// The worker looks into the places from time to time, or has been asked to.
    attended: AtomicBool,
    /// How often it has.
    round: AtomicU32,
    /// Threads that have not ended.
    alive: AtomicUsize,
    /// How many more may be accepted; `None` is any number.
    limit: Option<Limit>,
    /// The listener was told not to listen any more.
    closed: AtomicBool,
    /// How often help was called for, and where those wait who give it.
    calls: Mutex<u64>,
    called: Condvar,
    /// accept4(2) lacks this, and where threads wait for descriptors or memory.
    starved: Mutex<Option<Errno>>,
    fed: Condvar,
    failure: Mutex<Option<RunError>>,
}

impl<'a> Crew<'a> {
    pub(super) fn new(setup: &'a Setup, listener: Arc<OwnedFd>) -> io::Result<Self> {
        let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let threads = setup.threads.clamp(1, MOST_THREADS);
        Ok(Self {
            setup,
            listener,
            places: (0..threads).map(|_| Mutex::new(Place::new())).collect(),
            bell,
            attended: AtomicBool::new(false),
            round: AtomicU32::new(0),
            alive: AtomicUsize::new(0),
            limit: setup.connections.map(Limit::of),
            closed: AtomicBool::new(false),
            calls: Mutex::new(0),
            called: Condvar::new(),
            starved: Mutex::new(None),
            fed: Condvar::new(),
            failure: Mutex::new(None),
        })
    }

    pub(super) fn closes_with_this(&self) -> End<'_> {
        End(self)
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
}

/// What a thread that accepts says.
impl Crew<'_> {
    /// A thread is there until the value that it is given ends.
    pub(super) fn enter(&self, number: usize) -> Presence<'_> {
        self.alive.fetch_add(1, SeqCst);
        Presence { crew: self, number }
    }

    pub(super) fn place(&self, number: usize) -> Option<MutexGuard<'_, Place>> {
        self.places.get(number).map(lock)
    }

    pub(super) fn round(&self) -> u32 {
        self.round.load(SeqCst)
    }

    /// Calls the others if there is enough for them to do.
    pub(super) fn call_for_help(&self) {
        if self.places.len() > 1 && self.queue() >= MANY.min(self.setup.backlog.div_ceil(2)) {
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
        self.limit.as_ref().is_none_or(Limit::permit)
    }

    /// One was accepted; with the last that may be, the listening ends.
    pub(super) fn came(&self) {
        if self.limit.as_ref().is_some_and(Limit::came) {
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

    /// accept4(2) lacks something: waits until the worker has given it back, for a moment at most.
    pub(super) fn starve(&self, number: usize, errno: Errno) {
        if let Some(mut place) = self.place(number) {
            place.leave();
        }
        lock(&self.starved).get_or_insert(errno);
        self.ring();
        let hungry = |starved: &mut Option<Errno>| starved.is_some() && !self.is_closed();
        let waited = self.fed.wait_timeout_while(lock(&self.starved), PAUSE, hungry);
        // However it ended, accept4(2) will say what is the matter now.
        *waited.unwrap_or_else(PoisonError::into_inner).0 = None;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    pub(super) fn fail(&self, error: RunError) {
        lock(&self.failure).get_or_insert(error);
    }
}

/// What the worker says.
impl Crew<'_> {
    /// Takes those whom it is to go on with: all, or those alone who are there since an earlier round. Gives whether
    /// others are left.
    pub(super) fn collect(&self, all: bool, take: &mut impl FnMut(Conversation)) -> bool {
        let round = self.round.fetch_add(1, SeqCst);
        let is_old = |since: u32| all || round.wrapping_sub(since).cast_signed() > 0;
        let mut any_left = false;
        for place in &self.places {
            // Locked for one at a time: what is done with it may take a while.
            loop {
                let next = lock(place).take(is_old);
                let Some(talk) = next else { break };
                take(talk);
            }
            any_left |= !lock(place).is_empty();
        }
        any_left
    }

    /// Whether the worker was asked to look, and has not ceased to.
    pub(super) fn is_attended(&self) -> bool {
        self.attended.load(SeqCst)
    }

    /// The worker looks no more until it is asked again, unless somebody is there: gives whether.
    pub(super) fn cease_to_attend(&self) -> bool {
        self.attended.store(false, SeqCst);
        // Who came before that is seen now; who comes later asks for attention.
        let somebody = self.places.iter().any(|place| !lock(place).is_empty());
        if somebody {
            self.attended.store(true, SeqCst);
        }
        somebody
    }

    /// Silences the bell.
    pub(super) fn answer_bell(&self) {
        let _ = io::read(&self.bell, &mut [0_u8; 8]);
    }

    /// Whether a thread may still accept, or has not yet left its place to the worker.
    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(SeqCst) > 0
    }

    /// What accept4(2) lacks.
    pub(super) fn hunger(&self) -> Option<Errno> {
        *lock(&self.starved)
    }

    /// Something was given back.
    pub(super) fn feed(&self) {
        if lock(&self.starved).take().is_some() {
            self.fed.notify_all();
        }
    }

    pub(super) fn failure(&self) -> Option<RunError> {
        *lock(&self.failure)
    }

    /// Lets nobody take a permit any more; gives how many were left.
    pub(super) fn withdraw_permits(&self) -> Option<u64> {
        self.limit.as_ref().map(Limit::withdraw)
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
            drop(lock(&self.starved));
            self.fed.notify_all();
        }
    }
}

/// Ends the listening with its own end.
#[derive(Debug)]
pub(super) struct End<'a>(&'a Crew<'a>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A thread of the crew, however it ends.
#[derive(Debug)]
pub(super) struct Presence<'a> {
    crew: &'a Crew<'a>,
    number: usize,
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if let Some(mut place) = self.crew.place(self.number) {
            place.leave();
        }
        self.crew.alive.fetch_sub(1, SeqCst);
        self.crew.ring();
    }
}

/// No code that holds a lock panics; what it guards would be whole all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
