//! A wire between two hosts, through which every packet passes one function of ours.
//!
//! - [`Wire`]: joins two [neighbours](timewait_linux::hosts::Neighbour), or a neighbour and a program of ours;
//!   everything ends with it
//! - [`from`], [`both_ways`], [`Matcher`], [`Rule`]: what becomes of which packets
//! - [`Packet`], [`Flow`], [`parse`], [`build`]: what passes
//! - [`Plug`]: the end of a wire at which a program of ours is
//! - [`Station`]: a host at such an end whose TCP is ours: [`timewait_tcp::endpoint`]
//! - [`Tap`]: ears on a loopback interface, for what needs no wire
//! - [`Cable`], [`media`]: what the wire is made of, and what it can be made of here
//!
//! All of it happens under one lock: a packet is taken off its host, a rule decides, the packet arrives, the
//! receiver's state is read, the rows are written; then comes the next. What a method does is done when it returns.
//!
//! ```no_run
//! use timewait_lab::wire::{Wire, from};
//! use timewait_tcp::Side::{Left, Right};
//!
//! # let host = timewait_linux::hosts::Host::entered().ok_or("run me in a host of my own")?;
//! let (client, server) = (host.neighbour("client")?, host.neighbour("server")?);
//! let wire = Wire::between(&client, &server)?;
//! wire.rule(from(Right).last_ack_of_the_close().drop("the last ACK"))?;
//! wire.rule(from(Left).with_text().in_connection(1).first().hold("the old transfer"))?;
//! // ... two connections, and then:
//! wire.await_packet("the second SYN", from(Left).syn().in_connection(2))?;
//! wire.release("the old transfer")?;
//! println!("{:#?}", wire.trace());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cable;
mod error;
mod junction;
mod packet;
mod plug;
mod pump;
mod recent;
mod record;
mod rule;
mod shelf;
mod states;
mod station;
mod tap;
mod track;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use timewait_linux::{
    hosts::{Device, LastResort, Neighbour},
    sockets::{OpenError, SocketTable},
};
use timewait_tcp::{Segment, Side, StateName, Trace};

pub use cable::{Cable, INTERFACE, LEFT_V4, LEFT_V6, RIGHT_V4, RIGHT_V6, media};
pub use error::{Breakage, JoinError, WireError};
pub use packet::{BuildError, Flow, Packet, build, parse};
pub use plug::Plug;
pub use rule::{Matcher, Rule, both_ways, from};
pub use station::{Station, StationError};
pub use tap::Tap;

use crate::capture::Capture;
use junction::{End, Junction};
use pump::{Pump, Shared};
use recent::Watcher;
use record::Record;
use states::States;

/// How long a packet or a state may take to come. Reached only when an experiment goes wrong: on busy cores each step may
/// wait a second for its turn.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon a state is looked at again while it is waited for.
const LOOK_AGAIN: Duration = Duration::from_micros(500);

/// A wire. What is at its two ends can talk to each other as long as it is there.
///
/// If it breaks, every call says so from then on, and the sockets of both hosts are ended, so that no application waits
/// on one for ever.
#[derive(Debug)]
pub struct Wire {
    shared: Arc<Shared>,
    watchers: AtomicU64,
    patience: Duration,
    _pump: Pump,
}

impl Wire {
    /// Joins two hosts, by the best medium that is to be had. `left` is the one that is drawn on the left: the client.
    ///
    /// # Errors
    /// No medium is to be had, or a host lacks something that the wire needs.
    pub fn between(left: &Neighbour, right: &Neighbour) -> Result<Self, JoinError> {
        Self::with(Cable::default(), left, right)
    }

    /// Joins two hosts by a wire made of this.
    ///
    /// # Errors
    /// As for [`between`](Self::between).
    pub fn with(cable: Cable, left: &Neighbour, right: &Neighbour) -> Result<Self, JoinError> {
        let (at_left, socket) = cable.plug_in(Side::Left, left)?;
        let at_right = Arc::new(cable.plug_into(&socket, Side::Right, right)?);
        let at_left = Arc::new(at_left);
        let ends = (End::Host(Arc::clone(&at_left)), End::Host(Arc::clone(&at_right)));
        let table = |host: &Neighbour| SocketTable::open_in(host.netns()).map(Some);
        let states =
            cable.states.then(|| Ok::<_, OpenError>(States::new(table(left)?, table(right)?))).transpose()?;
        let interfaces = [left, right].map(|host| host.name().to_owned()).to_vec();
        let record = Record::new(left.name(), right.name(), interfaces);
        let devices = vec![(Side::Left, at_left), (Side::Right, at_right)];
        let last_resorts = vec![left.last_resort()?, right.last_resort()?];
        Self::start(Junction::new(ends.0, ends.1, record, states), devices, last_resorts)
    }

    fn start(
        junction: Junction,
        devices: Vec<(Side, Arc<Device>)>,
        last_resorts: Vec<LastResort>,
    ) -> Result<Self, JoinError> {
        let shared = Arc::new(Shared::new(junction).map_err(JoinError::Thread)?);
        let pump = Pump::start(&shared, devices, last_resorts).map_err(JoinError::Thread)?;
        Ok(Self { shared, watchers: AtomicU64::new(0), patience: PATIENCE, _pump: pump })
    }

    /// Waits for packets and states so long at most, in place of 30 s.
    pub fn wait_at_most(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// From here on, this is done with these packets. Of several rules the first that matches decides; without one a
    /// packet arrives.
    ///
    /// # Errors
    /// The wire broke.
    pub fn rule(&self, rule: Rule) -> Result<(), WireError> {
        self.shared.lock()?.rules.push(rule);
        Ok(())
    }

    /// Forgets all rules. What is held stays held.
    ///
    /// # Errors
    /// The wire broke.
    pub fn clear_rules(&self) -> Result<(), WireError> {
        self.shared.lock()?.rules.clear();
        Ok(())
    }

    /// Lets the packets that are held by this name arrive, in the order in which they were sent, and tells how many.
    ///
    /// # Errors
    /// There is none, or the host does not take them.
    pub fn release(&self, name: &str) -> Result<usize, WireError> {
        match self.act(|junction| junction.release(name))? {
            0 => Err(WireError::NothingHeld(name.to_owned())),
            released => Ok(released),
        }
    }

    /// Lets the packets that are held by this name be lost for ever, and tells how many.
    ///
    /// # Errors
    /// There is none.
    pub fn forget(&self, name: &str) -> Result<usize, WireError> {
        match self.shared.lock()?.shelf.let_go(name).len() {
            0 => Err(WireError::NothingHeld(name.to_owned())),
            forgotten => Ok(forgotten),
        }
    }

    /// The packets that are held by this name, in the order in which they were sent.
    ///
    /// # Errors
    /// The wire broke.
    pub fn held(&self, name: &str) -> Result<Vec<Packet>, WireError> {
        Ok(self.shared.lock()?.shelf.held(name))
    }

    /// Sends a segment in the name of a side, which knows nothing of it, to the other side.
    ///
    /// # Errors
    /// No packet can carry it, or the host does not take it.
    pub fn inject(&self, from: Side, flow: Flow, segment: &Segment, note: &str) -> Result<(), WireError> {
        self.act(|junction| junction.inject(from, flow, segment.clone(), note))
    }

    /// Sends any packet in the name of a side: one with a wrong checksum, or with options that [`Segment`] does not
    /// know. What it has of a segment stands in the trace; what has none, in the capture only.
    ///
    /// # Errors
    /// The host does not take it.
    pub fn inject_bytes(&self, from: Side, raw: &[u8], note: &str) -> Result<(), WireError> {
        self.act(|junction| junction.inject_bytes(from, raw, note))
    }

    /// Sends a packet that was there before once more.
    ///
    /// # Errors
    /// The host does not take it.
    pub fn replay(&self, packet: &Packet, note: &str) -> Result<(), WireError> {
        self.act(|junction| junction.replay(packet, note))
    }

    /// Waits for a packet like this, unless one was taken since the [mark](Self::mark) already. What the rules say of
    /// it has been done then.
    ///
    /// # Errors
    /// None came within 30 s.
    pub fn await_packet(&self, what: &str, mut matcher: Matcher) -> Result<Packet, WireError> {
        let deadline = Instant::now() + self.patience;
        let mut junction = self.shared.lock()?;
        let past = junction.recent.since_mark().find(|packet| matcher.matches(packet)).cloned();
        if let Some(packet) = past {
            return Ok(Packet::clone(&packet));
        }
        let number = self.watchers.fetch_add(1, Ordering::Relaxed);
        junction.watchers.push(Watcher { number, matcher, found: None });
        loop {
            let mine = junction.watchers.iter().position(|watcher| watcher.number == number);
            let found = mine.and_then(|mine| junction.watchers.get(mine)?.found.clone());
            let late = Instant::now() >= deadline;
            if let Some(mine) = mine
                && (late || found.is_some())
            {
                junction.watchers.swap_remove(mine);
            }
            if let Some(packet) = found {
                return Ok(Packet::clone(&packet));
            }
            if late {
                let since = junction.recent.taken - junction.recent.mark;
                return Err(WireError::InVain { what: what.to_owned(), waited: self.patience, since });
            }
            junction = self.shared.wait(junction, deadline)?;
        }
    }

    /// From here on, what was taken before counts no more for [`await_packet`](Self::await_packet).
    ///
    /// # Errors
    /// The wire broke.
    pub fn mark(&self) -> Result<(), WireError> {
        let recent = &mut self.shared.lock()?.recent;
        recent.mark = recent.taken;
        Ok(())
    }

    /// Waits until the socket of the latest connection on this side is in this state; `Closed`: has gone from the
    /// table.
    ///
    /// # Errors
    /// It does not come to that within 30 s, or the wire was made [without states](Cable::without_states).
    pub fn await_state(&self, side: Side, state: StateName) -> Result<Flow, WireError> {
        let deadline = Instant::now() + self.patience;
        loop {
            let mut junction = self.shared.lock()?;
            junction.look()?;
            match junction.last_seen(side) {
                Some((flow, seen)) if seen == state => return Ok(flow),
                _ if Instant::now() < deadline => {}
                _ => {
                    let since = junction.recent.taken - junction.recent.mark;
                    return Err(WireError::InVain {
                        what: state.name().to_owned(),
                        waited: self.patience,
                        since,
                    });
                }
            }
            drop(junction);
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Reads the states of both sides now, so that they stand in the trace.
    ///
    /// # Errors
    /// A socket table cannot be read any more.
    pub fn look(&self) -> Result<(), WireError> {
        self.act(|junction| Ok(junction.look()?))
    }

    /// Writes into the trace what happened on a side, or (`None`) between them.
    ///
    /// # Errors
    /// The wire broke.
    pub fn note(&self, side: impl Into<Option<Side>>, text: &str) -> Result<(), WireError> {
        self.shared.lock()?.record.note(side.into(), text);
        Ok(())
    }

    /// From here on, only these packets stand in the trace and in the capture: for a bulk of which one packet matters.
    /// What is not TCP, and what is done on purpose, is recorded all the same.
    ///
    /// In such a bulk, packets that come faster than they are taken are lost as on any wire, and the trace's last
    /// row counts them. Otherwise that breaks the wire, since an experiment in which packets vanish proves nothing. (An
    /// ordinary user's packet socket has room for some six packets of 64 KiB; TUN leaves such losses to the host, which
    /// counts them as dropped by the interface.)
    ///
    /// # Errors
    /// The wire broke.
    pub fn record_only(&self, matcher: Matcher) -> Result<(), WireError> {
        self.shared.lock()?.record.only(Some(matcher));
        Ok(())
    }

    /// From here on, all packets are recorded again.
    ///
    /// # Errors
    /// The wire broke.
    pub fn record_all(&self) -> Result<(), WireError> {
        self.shared.lock()?.record.only(None);
        Ok(())
    }

    /// What was seen until now, also by a wire that broke.
    pub fn trace(&self) -> Trace {
        self.shared.lock_anyway().record.trace()
    }

    /// The packets of it, byte for byte.
    pub fn capture(&self) -> Capture {
        self.shared.lock_anyway().record.capture()
    }

    /// Does something at the junction that may change when its thread is needed next.
    fn act<T>(&self, deed: impl FnOnce(&mut Junction) -> Result<T, WireError>) -> Result<T, WireError> {
        let outcome = deed(&mut *self.shared.lock()?);
        self.shared.wake();
        outcome
    }
}
