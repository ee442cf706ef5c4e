use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use timewait_linux::{hosts::Neighbour, sockets::SocketTable};
use timewait_tcp::{Segment, Side, StateName};

use super::{
    Cable, Flow, JoinError, Wire, WireError, build,
    junction::{End, Junction},
    parse,
    pump::Shared,
    record::Record,
    states::States,
};

/// An end of a wire, with a program of ours at it in place of a kernel.
///
/// What it sends passes the same rules and stands in the same trace as what a kernel sends.
#[derive(Debug)]
pub struct Plug {
    shared: Arc<Shared>,
    side: Side,
    nudged: AtomicBool,
}

impl Wire {
    /// Joins a host, on the left, with a program of ours, on the right: called `name` in the trace.
    ///
    /// # Errors
    /// As for [`with`](Self::with).
    pub fn to_program(cable: Cable, host: &Neighbour, name: &str) -> Result<(Self, Plug), JoinError> {
        let (device, _socket) = cable.plug_in(Side::Left, host)?;
        let device = Arc::new(device);
        let table = cable.states.then(|| SocketTable::open_in(host.netns())).transpose()?;
        let states = table.map(|table| States::new(Some(table), None));
        let interfaces = vec![host.name().to_owned(), name.to_owned()];
        let record = Record::new(host.name(), name, interfaces);
        let ends = (End::Host(Arc::clone(&device)), End::program());
        let junction = Junction::new(ends.0, ends.1, record, states);
        let wire = Self::start(junction, vec![(Side::Left, device)], vec![host.last_resort()?])?;
        let plug = Plug::new(&wire.shared, Side::Right);
        Ok((wire, plug))
    }

    /// Joins two programs of ours, no kernel at either end: the plug on the left, then the one on the right.
    ///
    /// It takes no host, no device and no privilege.
    ///
    /// # Errors
    /// No thread or no descriptor is to be had.
    pub fn between_programs(left: &str, right: &str) -> Result<(Self, Plug, Plug), JoinError> {
        let record = Record::new(left, right, vec![left.to_owned(), right.to_owned()]);
        let junction = Junction::new(End::program(), End::program(), record, None);
        let wire = Self::start(junction, vec![], vec![])?;
        let [left, right] = [Side::Left, Side::Right].map(|side| Plug::new(&wire.shared, side));
        Ok((wire, left, right))
    }
}

impl Plug {
    fn new(shared: &Arc<Shared>, side: Side) -> Self {
        Self { shared: Arc::clone(shared), side, nudged: AtomicBool::new(false) }
    }

    /// The next segment that arrives, with its source and its destination; `None` when none did for this long, or when
    /// this was [nudged](Self::nudge).
    ///
    /// # Errors
    /// The wire broke, or is no more.
    pub fn next(&self, timeout: Duration) -> Result<Option<(SocketAddr, SocketAddr, Segment)>, WireError> {
        let deadline = Instant::now() + timeout;
        let mut junction = self.shared.lock()?;
        loop {
            // What is not TCP arrives here as well, and is passed over.
            while let Some(raw) = junction.next_for_program(self.side) {
                if let Some(arrived) = parse(&raw) {
                    return Ok(Some(arrived));
                }
            }
            if self.nudged.swap(false, Ordering::Relaxed) || Instant::now() >= deadline {
                return Ok(None);
            }
            junction = self.shared.wait(junction, deadline)?;
        }
    }

    /// Has [`next`](Self::next) return, in whichever thread waits there, or else the next time that one does.
    pub fn nudge(&self) {
        // Under the lock, so that nobody goes to sleep between the two.
        let junction = self.shared.lock_anyway();
        self.nudged.store(true, Ordering::Relaxed);
        drop(junction);
        self.shared.changed.notify_all();
    }

    /// Sends a segment from one end to another: it is on the host, or lost, or held, when this returns.
    ///
    /// # Errors
    /// No packet can carry it, or the wire broke.
    pub fn send(&self, from: SocketAddr, to: SocketAddr, segment: &Segment) -> Result<(), WireError> {
        let raw = build(from, to, segment)?;
        let outcome = self.shared.lock()?.take(self.side, &raw);
        self.shared.changed.notify_all();
        self.shared.wake();
        outcome
    }

    /// Writes into the trace which state the program's own connection is in now.
    ///
    /// # Errors
    /// The wire broke.
    pub fn tell_state(&self, connection: u32, state: StateName) -> Result<(), WireError> {
        self.shared.lock()?.record.state(self.side, connection, state);
        Ok(())
    }

    /// The same for the present connection between these two ends, whichever incarnation it is.
    ///
    /// # Errors
    /// The wire broke.
    pub fn tell_state_of(
        &self,
        here: SocketAddr,
        there: SocketAddr,
        state: StateName,
    ) -> Result<(), WireError> {
        let mut junction = self.shared.lock()?;
        let connection = junction.present(Flow::sent(self.side, here, there));
        junction.record.state(self.side, connection, state);
        Ok(())
    }
}
