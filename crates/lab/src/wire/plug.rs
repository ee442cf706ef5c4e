use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use timewait_linux::{hosts::Neighbour, sockets::SocketTable};
use timewait_tcp::{Segment, Side, StateName};

use super::{
    Cable, JoinError, Wire, WireError, build,
    junction::{End, Junction},
    parse,
    pump::Shared,
    record::Record,
    states::States,
};

/// The right end of a wire, with a program of ours at it in place of a kernel.
///
/// What it sends passes the same rules and stands in the same trace as what a kernel sends.
#[derive(Debug)]
pub struct Plug {
    shared: Arc<Shared>,
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
        let ends = (End::Host(Arc::clone(&device)), End::Program(std::collections::VecDeque::new()));
        let junction = Junction::new(ends.0, ends.1, record, states);
        let wire = Self::start(junction, vec![(Side::Left, device)], vec![host.last_resort()?])?;
        let plug = Plug { shared: Arc::clone(&wire.shared) };
        Ok((wire, plug))
    }
}

impl Plug {
    /// The next segment that arrives, with its source and its destination; `None` when none did for this long.
    ///
    /// # Errors
    /// The wire broke, or is no more.
    pub fn next(&self, timeout: Duration) -> Result<Option<(SocketAddr, SocketAddr, Segment)>, WireError> {
        let deadline = Instant::now() + timeout;
        let mut junction = self.shared.lock()?;
        loop {
            // What is not TCP arrives here as well, and is passed over.
            while let Some(raw) = junction.next_for_program() {
                if let Some(arrived) = parse(&raw) {
                    return Ok(Some(arrived));
                }
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            junction = self.shared.wait(junction, deadline)?;
        }
    }

    /// Sends a segment from one end to another: it is on the host, or lost, or held, when this returns.
    ///
    /// # Errors
    /// No packet can carry it, or the wire broke.
    pub fn send(&self, from: SocketAddr, to: SocketAddr, segment: &Segment) -> Result<(), WireError> {
        let raw = build(from, to, segment)?;
        let outcome = self.shared.lock()?.take(Side::Right, &raw);
        self.shared.changed.notify_all();
        self.shared.wake();
        outcome
    }

    /// Writes into the trace which state the program's own connection is in now.
    ///
    /// # Errors
    /// The wire broke.
    pub fn tell_state(&self, connection: u32, state: StateName) -> Result<(), WireError> {
        self.shared.lock()?.record.state(Side::Right, connection, state);
        Ok(())
    }
}
