use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, eventfd, poll},
    fd::OwnedFd,
    io::Errno,
};
use timewait_linux::hosts::{DeviceError, Host, LoopbackEars, Neighbour};
use timewait_tcp::{Fate, Flags, Segment, Side, Trace};

use super::{
    Breakage, Flow, JoinError, Packet, WireError,
    packet::{parse, with_checksum},
    record::Record,
    track::{Place, Tracker},
};
use crate::capture::Capture;

/// The largest packet on loopback, with its link's header.
const BUFFER: usize = (1 << 16) + 64;
/// Flows whose sides are remembered.
const MOST_FLOWS: usize = 1 << 12;

/// Ears on a host's loopback interface, for what needs no wire.
///
/// It hears every packet once, at the time at which its own thread comes to it, and can do nothing about it. Loopback
/// leaves out checksums; in the capture they are as they would have been on a wire. Only TCP is recorded.
///
/// The left side is the one that sent the SYN. Of a connection whose SYN was not heard, it is the one that was heard
/// first, unless a [server's port](Self::with_server_on) tells the sides apart.
#[derive(Debug)]
pub struct Tap {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    heard: Mutex<Heard>,
    wake: OwnedFd,
    stop: AtomicBool,
}

#[derive(Debug)]
struct Heard {
    ears: Arc<LoopbackEars>,
    buffer: Vec<u8>,
    record: Record,
    tracker: Tracker,
    /// Of each flow, as if whoever has the smaller end were left: on which side that one is drawn.
    lefts: HashMap<Flow, Side>,
    server: Option<u16>,
    broken: Option<Breakage>,
}

impl Tap {
    /// On the loopback interface of our own host.
    ///
    /// # Errors
    /// No packet socket, no thread or no descriptor is to be had.
    pub fn on_loopback(_host: &Host) -> Result<Self, JoinError> {
        Self::start(LoopbackEars::open()?)
    }

    /// On the loopback interface of a neighbour.
    ///
    /// # Errors
    /// As for [`on_loopback`](Self::on_loopback), or it cannot be entered.
    pub fn on_loopback_of(host: &Neighbour) -> Result<Self, JoinError> {
        let entered = host.inside(LoopbackEars::open);
        let enter = |source| DeviceError::Enter { name: host.name().to_owned(), source };
        Self::start(entered.map_err(enter)??)
    }

    /// Who has this port is on the right, whoever sent the SYN.
    #[must_use]
    pub fn with_server_on(self, port: u16) -> Self {
        self.shared.lock().server = Some(port);
        self
    }

    fn start(ears: LoopbackEars) -> Result<Self, JoinError> {
        let ears = Arc::new(ears);
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let wake = eventfd(0, flags).map_err(|errno| JoinError::Thread(errno.into()))?;
        let heard = Heard {
            ears: Arc::clone(&ears),
            buffer: vec![0; BUFFER],
            record: Record::new("client", "server", vec!["loopback".to_owned()]),
            tracker: Tracker::default(),
            lefts: HashMap::new(),
            server: None,
            broken: None,
        };
        let shared = Arc::new(Shared { heard: Mutex::new(heard), wake, stop: AtomicBool::new(false) });
        let of_thread = Arc::clone(&shared);
        let listen = move || of_thread.listen(&ears);
        let thread = thread::Builder::new().name("tap".into()).spawn(listen).map_err(JoinError::Thread)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// All that was said until now, heard.
    fn heard(&self) -> Result<MutexGuard<'_, Heard>, WireError> {
        let mut heard = self.shared.lock();
        heard.hear_out();
        match heard.broken.clone() {
            Some(breakage) => Err(breakage.into()),
            None => Ok(heard),
        }
    }

    /// What was heard until now.
    ///
    /// # Errors
    /// It missed packets, or cannot hear any more.
    pub fn trace(&self) -> Result<Trace, WireError> {
        Ok(self.heard()?.record.trace())
    }

    /// The packets of it, byte for byte.
    ///
    /// # Errors
    /// As for [`trace`](Self::trace).
    pub fn capture(&self) -> Result<Capture, WireError> {
        Ok(self.heard()?.record.capture())
    }

    /// Writes into the trace what happened on a side, or (`None`) between them.
    ///
    /// # Errors
    /// As for [`trace`](Self::trace).
    pub fn note(&self, side: impl Into<Option<Side>>, text: &str) -> Result<(), WireError> {
        self.heard()?.record.note(side.into(), text);
        Ok(())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // Fails only when there are 2^64 - 2 wakes waiting already.
        let _ = rustix::io::write(&self.shared.wake, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// No code of others runs under this lock, so that a panic leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until it is told to stop.
    fn listen(&self, ears: &LoopbackEars) {
        loop {
            let waited = &mut [PollFd::new(ears, PollFlags::IN), PollFd::new(&self.wake, PollFlags::IN)];
            let outcome = poll(waited, None);
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            let mut heard = self.lock();
            match outcome {
                Ok(_) | Err(Errno::INTR) => heard.hear_out(),
                Err(errno) => heard.broken = Some(Breakage::device(&errno.into())),
            }
            if heard.broken.is_some() {
                return;
            }
        }
    }
}

impl Heard {
    /// Takes all that waits.
    fn hear_out(&mut self) {
        let ears = Arc::clone(&self.ears);
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = loop {
            match ears.receive(&mut buffer) {
                Ok(Some(raw)) => self.hear(raw),
                Ok(None) => break ears.overflowed(),
                Err(error) => break Err(error),
            }
        };
        self.buffer = buffer;
        match outcome {
            Ok(0) => {}
            Ok(missed) => self.broken = Some(Breakage::Overflow(missed)),
            Err(error) => self.broken = Some(Breakage::device(&error)),
        }
    }

    fn hear(&mut self, raw: &[u8]) {
        let Some((source, destination, segment)) = parse(raw) else { return };
        let from = self.side(source, destination, &segment);
        let flow = Flow::sent(from, source, destination);
        let place = self.tracker.place(from, flow, &segment);
        let raw: Arc<[u8]> = with_checksum(raw).into();
        let Place { connection, last_ack } = place;
        let at = self.record.now();
        let packet = Packet { at, from, flow, connection, segment, raw, last_ack };
        self.record.segment(&packet, Fate::Delivered, "");
        self.record.bytes(0, &packet.raw, String::new());
    }

    /// On which side the sender is.
    fn side(&mut self, source: SocketAddr, destination: SocketAddr, segment: &Segment) -> Side {
        match self.server {
            Some(port) if port == destination.port() => return Side::Left,
            Some(port) if port == source.port() => return Side::Right,
            _ => {}
        }
        let smaller = source.min(destination);
        let pair = Flow { left: smaller, right: source.max(destination) };
        let seen_from_smaller = |side: Side| if source == smaller { side } else { !side };
        let begins = segment.has(Flags::SYN) && segment.ack.is_none();
        if !begins && let Some(side) = self.lefts.get(&pair) {
            return seen_from_smaller(*side);
        }
        let side = if segment.has(Flags::SYN) && segment.ack.is_some() { Side::Right } else { Side::Left };
        if self.lefts.len() < MOST_FLOWS || self.lefts.contains_key(&pair) {
            self.lefts.insert(pair, seen_from_smaller(side));
        }
        side
    }
}
