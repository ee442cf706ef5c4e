use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use timewait_tcp::{
    CallError, Instant as Moment, Profile, Seq, StateName,
    endpoint::{Accepted, Endpoint, Handle, Listed, Pair, Read, UserError},
};

use super::{Plug, WireError};

/// How long the thread sleeps at most: whoever changes what is due wakes it.
const IDLE: Duration = Duration::from_secs(60);
/// Patience beyond this makes no difference.
const FOR_EVER: Duration = Duration::from_secs(1 << 30);

/// Chooses initial sequence numbers.
type Isns = Box<dyn FnMut(&Pair) -> Seq + Send>;

/// A host at an end of a wire whose TCP is not the kernel's but ours, with sockets as one knows them.
///
/// A thread hands what arrives to an [`Endpoint`] and serves its timers; calls come from any thread. It speaks for every
/// address: what is sent to a port that nobody listens on is answered as RFC 9293 has it. Everything ends with this
/// value, and nobody is told.
#[derive(Debug)]
pub struct Station {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    /// What TCP answers.
    #[error(transparent)]
    User(#[from] UserError),
    /// The wire broke.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// It takes longer than the caller has patience.
    #[error("nothing came of it within {} s", .0.as_secs())]
    InVain(Duration),
}

impl From<CallError> for StationError {
    fn from(error: CallError) -> Self {
        Self::User(error.into())
    }
}

#[derive(Debug)]
struct Shared {
    plug: Plug,
    tcp: Mutex<Tcp>,
    /// Something has happened, or the thread has ended.
    changed: Condvar,
}

struct Tcp {
    endpoint: Endpoint<Isns>,
    began: Instant,
    /// Each connection's state as the trace has it.
    told: BTreeMap<(SocketAddr, SocketAddr), StateName>,
    ended: bool,
}

impl std::fmt::Debug for Tcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tcp").field("told", &self.told).field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Station {
    /// Puts a host there that behaves by this profile and takes its initial sequence numbers from `isns`.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(
        plug: Plug,
        profile: Profile,
        isns: impl FnMut(&Pair) -> Seq + Send + 'static,
    ) -> io::Result<Self> {
        let endpoint = Endpoint::new(profile, Box::new(isns) as Isns);
        let tcp = Tcp { endpoint, began: Instant::now(), told: BTreeMap::new(), ended: false };
        let shared = Arc::new(Shared { plug, tcp: Mutex::new(tcp), changed: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("station".into()).spawn(move || of_thread.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Waits for connections at this address and port.
    ///
    /// # Errors
    /// Somebody does already.
    pub fn listen(&self, local: SocketAddr, backlog: usize) -> Result<Handle, StationError> {
        Ok(self.shared.act(|tcp, _| tcp.listen(local, backlog))??)
    }

    /// The next connection that came to a listener.
    ///
    /// # Errors
    /// None came in that time, or this is no listener.
    pub fn accept(&self, listener: Handle, patience: Duration) -> Result<Accepted, StationError> {
        self.shared.until(patience, |tcp, _| tcp.accept(listener).map_err(Into::into).transpose())?
    }

    /// Reaches for an end from this one, and does not wait.
    ///
    /// # Errors
    /// There is a connection between the two.
    pub fn open(&self, local: SocketAddr, remote: SocketAddr) -> Result<Handle, StationError> {
        Ok(self.shared.act(|tcp, now| tcp.open(now, local, remote))??)
    }

    /// Reaches for an end from this one, and waits until the connection is open.
    ///
    /// # Errors
    /// There is one already, it is refused, or nobody answers in that time.
    pub fn connect(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        patience: Duration,
    ) -> Result<Handle, StationError> {
        let handle = self.open(local, remote)?;
        let opened = self.shared.until(patience, |tcp, _| match tcp.state(handle) {
            Some(StateName::SynSent | StateName::SynReceived) => None,
            Some(StateName::Closed) | None => {
                Some(Err(tcp.take_error(handle).unwrap_or(CallError::DoesNotExist.into())))
            }
            Some(_) => Some(Ok(handle)),
        })?;
        Ok(opened?)
    }

    /// At most so many octets of what was received, or its end.
    ///
    /// # Errors
    /// Nothing came in that time, or the connection was reset.
    pub fn read(&self, handle: Handle, at_most: usize, patience: Duration) -> Result<Read, StationError> {
        let read = self.shared.until(patience, |tcp, now| match tcp.read(now, handle, at_most) {
            Ok(Read::Nothing) => None,
            outcome => Some(outcome),
        })?;
        Ok(read?)
    }

    /// Has all of the text sent.
    ///
    /// # Errors
    /// There is no room for it in that time, the connection has ended, or this side of it was closed.
    pub fn write(&self, handle: Handle, text: &[u8], patience: Duration) -> Result<(), StationError> {
        let mut rest = text;
        let written = self.shared.until(patience, |tcp, now| match tcp.write(now, handle, rest) {
            Ok(taken) => {
                rest = rest.get(taken..).unwrap_or_default();
                rest.is_empty().then_some(Ok(()))
            }
            Err(error) => Some(Err(error)),
        })?;
        Ok(written?)
    }

    /// Closes for writing; what comes can still be read.
    ///
    /// # Errors
    /// As for [`Endpoint::shut_down`].
    pub fn shut_down(&self, handle: Handle) -> Result<(), StationError> {
        Ok(self.shared.act(|tcp, now| tcp.shut_down(now, handle))??)
    }

    /// Closes. The connection finishes alone.
    ///
    /// # Errors
    /// As for [`Endpoint::close`].
    pub fn close(&self, handle: Handle) -> Result<(), StationError> {
        Ok(self.shared.act(|tcp, now| tcp.close(now, handle))??)
    }

    /// Ends a connection at once.
    ///
    /// # Errors
    /// As for [`Endpoint::abort`].
    pub fn abort(&self, handle: Handle) -> Result<(), StationError> {
        Ok(self.shared.act(|tcp, _| tcp.abort(handle))??)
    }

    /// Why a connection has ended, if that was not told yet.
    ///
    /// # Errors
    /// The wire broke.
    pub fn take_error(&self, handle: Handle) -> Result<Option<UserError>, StationError> {
        Ok(self.shared.act(|tcp, _| tcp.take_error(handle))?)
    }

    /// Every listener and every connection, also those that nobody holds any more.
    ///
    /// # Errors
    /// The wire broke.
    pub fn blocks(&self) -> Result<Vec<Listed>, StationError> {
        Ok(self.shared.act(|tcp, _| tcp.blocks().collect())?)
    }

    /// The state of the connection between these two ends.
    ///
    /// # Errors
    /// The wire broke.
    pub fn state(&self, local: SocketAddr, remote: SocketAddr) -> Result<StateName, StationError> {
        let blocks = self.blocks()?;
        let found = blocks.iter().find(|it| it.local == local && it.remote == Some(remote));
        Ok(found.map_or(StateName::Closed, |it| it.state))
    }

    /// Waits until the connection between these two ends is in a state.
    ///
    /// # Errors
    /// It does not come to that in that time.
    pub fn await_state(
        &self,
        (local, remote): (SocketAddr, SocketAddr),
        state: StateName,
        patience: Duration,
    ) -> Result<(), StationError> {
        self.shared.until(patience, |tcp, _| {
            let found = tcp.blocks().find(|it| it.local == local && it.remote == Some(remote));
            (found.map_or(StateName::Closed, |it| it.state) == state).then_some(())
        })
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.plug.nudge();
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed, and there is nothing left to be undone.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// A panic leaves the endpoint as it was before what panicked.
    fn lock(&self) -> MutexGuard<'_, Tcp> {
        self.tcp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: until it is told to stop, or the wire breaks.
    fn run(&self) {
        let _ = self.serve();
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn serve(&self) -> Result<(), WireError> {
        loop {
            let wait = {
                let tcp = self.lock();
                if tcp.ended {
                    return Ok(());
                }
                tcp.endpoint.next_timer().map_or(IDLE, |at| at.since(tcp.now()).min(IDLE))
            };
            let arrived = self.plug.next(wait)?;
            let mut tcp = self.lock();
            let now = tcp.now();
            let is_due = tcp.endpoint.next_timer().is_some_and(|at| at <= now);
            if arrived.is_none() && !is_due {
                continue;
            }
            if let Some((from, to, segment)) = arrived {
                tcp.endpoint.segment(now, from, to, segment);
            }
            tcp.endpoint.on_timer(now);
            tcp.say(&self.plug)?;
            self.changed.notify_all();
        }
    }

    /// A call, and what comes of it.
    fn act<T>(&self, call: impl FnOnce(&mut Endpoint<Isns>, Moment) -> T) -> Result<T, WireError> {
        self.acted(&mut self.lock(), call)
    }

    fn acted<T>(
        &self,
        tcp: &mut Tcp,
        call: impl FnOnce(&mut Endpoint<Isns>, Moment) -> T,
    ) -> Result<T, WireError> {
        let due = tcp.endpoint.next_timer();
        let now = tcp.now();
        let answer = call(&mut tcp.endpoint, now);
        tcp.say(&self.plug)?;
        if tcp.endpoint.next_timer() != due {
            self.plug.nudge();
        }
        Ok(answer)
    }

    /// A call that is made again whenever something has happened, until something comes of it.
    fn until<T>(
        &self,
        patience: Duration,
        mut call: impl FnMut(&mut Endpoint<Isns>, Moment) -> Option<T>,
    ) -> Result<T, StationError> {
        let deadline = Instant::now() + patience.min(FOR_EVER);
        let mut tcp = self.lock();
        loop {
            if let Some(answer) = self.acted(&mut tcp, &mut call)? {
                return Ok(answer);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || tcp.ended {
                return Err(StationError::InVain(patience));
            }
            let woken = self.changed.wait_timeout(tcp, left);
            tcp = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Tcp {
    fn now(&self) -> Moment {
        Moment::after_start(self.began.elapsed())
    }

    /// Sends what there is to send, and writes into the trace what has become of whom.
    fn say(&mut self, plug: &Plug) -> Result<(), WireError> {
        while let Some(packet) = self.endpoint.poll_transmit() {
            plug.send(packet.from, packet.to, &packet.segment)?;
        }
        let ends = |it: Listed| it.remote.map(|remote| ((it.local, remote), it.state));
        let states: BTreeMap<_, _> = self.endpoint.blocks().filter_map(ends).collect();
        for ((local, remote), state) in &states {
            if self.told.get(&(*local, *remote)) != Some(state) {
                plug.tell_state_of(*local, *remote, *state)?;
            }
        }
        for (local, remote) in self.told.keys().filter(|ends| !states.contains_key(ends)) {
            plug.tell_state_of(*local, *remote, StateName::Closed)?;
        }
        self.told = states;
        Ok(())
    }
}
