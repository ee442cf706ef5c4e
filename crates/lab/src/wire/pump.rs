use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    io::Errno,
};
use timewait_linux::hosts::{Device, LastResort};
use timewait_tcp::Side;

use super::{Breakage, WireError, junction::Junction};

/// The largest IP packet, and room for a link's header before it.
const BUFFER: usize = (1 << 16) + 64;
/// Packets that are taken from one side before the other has its turn.
const TURN: usize = 32;

/// The junction, and what its thread and its callers share besides.
#[derive(Debug)]
pub(super) struct Shared {
    junction: Mutex<Junction>,
    /// Something was taken, or the thread has ended.
    pub(super) changed: Condvar,
    wake: OwnedFd,
    stop: AtomicBool,
}

impl Shared {
    pub(super) fn new(junction: Junction) -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            junction: Mutex::new(junction),
            changed: Condvar::new(),
            wake,
            stop: AtomicBool::new(false),
        })
    }

    /// The junction, if the wire is whole.
    pub(super) fn lock(&self) -> Result<MutexGuard<'_, Junction>, WireError> {
        whole(self.junction.lock().map_err(|_| Breakage::Panic)?)
    }

    /// The junction, whole or not: what was seen until now.
    pub(super) fn lock_anyway(&self) -> MutexGuard<'_, Junction> {
        self.junction.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Lets go of the junction until something has happened, or this time is over.
    pub(super) fn wait<'a>(
        &self,
        junction: MutexGuard<'a, Junction>,
        deadline: Instant,
    ) -> Result<MutexGuard<'a, Junction>, WireError> {
        let left = deadline.saturating_duration_since(Instant::now());
        whole(self.changed.wait_timeout(junction, left).map_err(|_| Breakage::Panic)?.0)
    }

    /// Has the thread think again about when it is needed next.
    pub(super) fn wake(&self) {
        // Fails only when there are 2^64 - 2 wakes waiting already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Keeps what broke the wire, if something did.
    pub(super) fn note_breakage<T>(
        &self,
        junction: &mut Junction,
        outcome: Result<T, WireError>,
    ) -> Option<T> {
        let breakage = match outcome {
            Ok(value) => return Some(value),
            Err(WireError::Broken(breakage)) => breakage,
            Err(WireError::Send(error)) => Breakage::device(&error),
            Err(other) => Breakage::Device(other.to_string()),
        };
        junction.broken.get_or_insert(breakage);
        self.changed.notify_all();
        None
    }
}

fn whole(junction: MutexGuard<'_, Junction>) -> Result<MutexGuard<'_, Junction>, WireError> {
    match junction.broken.clone() {
        Some(breakage) => Err(breakage.into()),
        None => Ok(junction),
    }
}

/// The thread that takes packets off the hosts. It ends with this value.
#[derive(Debug)]
pub(super) struct Pump {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Pump {
    pub(super) fn start(
        shared: &Arc<Shared>,
        devices: Vec<(Side, Arc<Device>)>,
        last_resorts: Vec<LastResort>,
    ) -> io::Result<Self> {
        let of_thread = Arc::clone(shared);
        let thread = thread::Builder::new().name("wire".into()).spawn(move || {
            // Whoever waits is told when this ends, in whatever way.
            let _told = TellOnEnd { shared: &of_thread, last_resorts };
            run(&of_thread, &devices);
        })?;
        Ok(Self { shared: Arc::clone(shared), thread: Some(thread) })
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wake();
        if let Some(thread) = self.thread.take() {
            // A panic in it has been told as a breakage.
            let _ = thread.join();
        }
        // A program may still be at one end.
        self.shared.lock_anyway().broken.get_or_insert(Breakage::Ended);
        self.shared.changed.notify_all();
    }
}

struct TellOnEnd<'a> {
    shared: &'a Shared,
    last_resorts: Vec<LastResort>,
}

impl Drop for TellOnEnd<'_> {
    fn drop(&mut self) {
        let mut junction = self.shared.lock_anyway();
        if thread::panicking() {
            junction.broken.get_or_insert(Breakage::Panic);
        }
        let broke = junction.broken.is_some();
        drop(junction);
        self.shared.changed.notify_all();
        // Nothing passes any more: who waits for it on a socket would wait for ever. Where this is refused, they do.
        for last_resort in self.last_resorts.iter_mut().filter(|_| broke) {
            let _ = last_resort.abort_all();
        }
    }
}

/// Until it is told to stop, or the wire breaks.
fn run(shared: &Shared, devices: &[(Side, Arc<Device>)]) {
    let mut buffer = vec![0; BUFFER];
    let mut next = Some(Instant::now());
    loop {
        let awaited = await_something(shared, devices, next);
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        let passed = awaited.map_err(WireError::Send).and_then(|()| pass_on(shared, devices, &mut buffer));
        let mut junction = shared.lock_anyway();
        let passed = passed.and_then(|()| junction.tick());
        match shared.note_breakage(&mut junction, passed) {
            Some(due) if junction.broken.is_none() => next = due,
            _ => return,
        }
    }
}

fn await_something(
    shared: &Shared,
    devices: &[(Side, Arc<Device>)],
    next: Option<Instant>,
) -> io::Result<()> {
    let mut waited: Vec<_> = devices.iter().map(|(_, device)| PollFd::new(device, PollFlags::IN)).collect();
    waited.push(PollFd::new(&shared.wake, PollFlags::IN));
    let left = next.map(|next| next.saturating_duration_since(Instant::now()));
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    match poll(&mut waited, left.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    match rustix::io::read(shared.wake.as_fd(), &mut [0_u8; 8]) {
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Takes what waits at the hosts' interfaces, a turn each.
fn pass_on(shared: &Shared, devices: &[(Side, Arc<Device>)], buffer: &mut [u8]) -> Result<(), WireError> {
    for (side, device) in devices {
        for _ in 0..TURN {
            let Some(raw) = device.receive(buffer).map_err(|error| Breakage::device(&error))? else { break };
            let mut junction = shared.lock()?;
            junction.take(*side, raw)?;
            if junction.is_awaited() {
                shared.changed.notify_all();
            }
        }
        let lost = device.overflowed().map_err(|error| Breakage::device(&error))?;
        if lost > 0 {
            shared.lock()?.overflowed(lost)?;
        }
    }
    Ok(())
}
