use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use timewait_facts::{Cookie, Socket, State};
use timewait_linux::sockets::{ReadError, SocketTable};
use timewait_tcp::{Side, StateName};

use super::Flow;

/// Flows that are looked after at most; further ones have no states in the trace.
const MOST: usize = 256;
/// How long after the last packet the states are read again: what an application does, or a host that is slow, shows
/// a little later than the packet.
const AFTERWARDS: [u64; 5] = [1, 4, 16, 64, 256];

/// The states of both sides' sockets, as their kernels' socket tables have them.
#[derive(Debug)]
pub(super) struct States {
    left: Option<SocketTable>,
    right: Option<SocketTable>,
    known: HashMap<(Flow, Side), Known>,
    /// The latest at the end.
    flows: VecDeque<Flow>,
    last_packet: Instant,
    afterwards: usize,
}

/// What was last seen of one side of a flow.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Tells the socket from its next incarnation; TIME-WAIT keeps it.
    cookie: Cookie,
    connection: u32,
    state: StateName,
}

/// A state that was not there when last looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) side: Side,
    pub(super) connection: u32,
    pub(super) state: StateName,
}

impl States {
    /// Of a side without a table, nothing is read.
    pub(super) fn new(left: Option<SocketTable>, right: Option<SocketTable>) -> Self {
        Self {
            left,
            right,
            known: HashMap::new(),
            flows: VecDeque::new(),
            last_packet: Instant::now(),
            afterwards: AFTERWARDS.len(),
        }
    }

    /// A packet of this flow was seen: its states are worth a look for a while.
    pub(super) fn stir(&mut self, flow: Flow) {
        self.last_packet = Instant::now();
        self.afterwards = 0;
        if self.flows.back() == Some(&flow) {
            return;
        }
        let before = self.flows.len();
        self.flows.retain(|known| *known != flow);
        if before < MOST || self.flows.len() < before {
            self.flows.push_back(flow);
        }
    }

    /// When to look again, if nothing comes before.
    pub(super) fn due(&self) -> Option<Instant> {
        AFTERWARDS.get(self.afterwards).map(|ms| self.last_packet + Duration::from_millis(*ms))
    }

    /// That look has been taken.
    pub(super) fn looked(&mut self) {
        self.afterwards = self.afterwards.saturating_add(1);
    }

    /// The flows that are looked after, the latest last.
    pub(super) fn flows(&self) -> Vec<Flow> {
        self.flows.iter().copied().collect()
    }

    /// What this side of a flow was when last looked; `Closed` where nothing was ever seen.
    pub(super) fn last_seen(&self, side: Side, flow: Flow) -> StateName {
        self.known.get(&(flow, side)).map_or(StateName::Closed, |known| known.state)
    }

    /// Reads one side of a flow. A socket that is new belongs to the connection `present`.
    pub(super) fn look(&mut self, side: Side, flow: Flow, present: u32) -> Result<Vec<Change>, ReadError> {
        let table = match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        };
        let Some(table) = table.as_mut().filter(|_| self.flows.contains(&flow)) else {
            return Ok(Vec::new());
        };
        let found = table.find(flow.end(side), flow.end(!side))?;
        Ok(self.compare(side, flow, present, found))
    }

    fn compare(&mut self, side: Side, flow: Flow, present: u32, found: Option<Socket>) -> Vec<Change> {
        let before = self.known.get(&(flow, side)).copied();
        let now = match (before, found) {
            (None, None) => return Vec::new(),
            (Some(before), None) => Known { state: StateName::Closed, ..before },
            (before, Some(socket)) => {
                let same = before.filter(|before| before.cookie == socket.cookie);
                let connection = same.map_or(present, |same| same.connection);
                Known { cookie: socket.cookie, connection, state: name(socket.state) }
            }
        };
        self.known.insert((flow, side), now);
        let change = |known: Known| Change { side, connection: known.connection, state: known.state };
        let gone = before
            .filter(|before| before.cookie != now.cookie && before.state != StateName::Closed)
            .map(|before| Change { state: StateName::Closed, ..change(before) });
        let is_new = before.is_none_or(|before| before.cookie != now.cookie || before.state != now.state);
        gone.into_iter().chain(is_new.then(|| change(now))).collect()
    }
}

fn name(state: State) -> StateName {
    match state {
        State::Established => StateName::Established,
        State::SynSent => StateName::SynSent,
        State::SynRecv => StateName::SynReceived,
        State::FinWait1 => StateName::FinWait1,
        State::FinWait2 => StateName::FinWait2,
        State::TimeWait => StateName::TimeWait,
        State::Closed | State::BoundInactive => StateName::Closed,
        State::CloseWait => StateName::CloseWait,
        State::LastAck => StateName::LastAck,
        State::Listen => StateName::Listen,
        State::Closing => StateName::Closing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow { left: "10.9.0.1:40000".parse().unwrap(), right: "10.9.0.2:80".parse().unwrap() }
    }

    fn socket(cookie: u64, state: State) -> Socket {
        let Flow { left, right } = flow();
        Socket { cookie: Cookie(cookie), ..Socket::bare(state, right, left) }
    }

    fn changes(
        states: &mut States,
        present: u32,
        found: impl Into<Option<Socket>>,
    ) -> Vec<(u32, &'static str)> {
        let changes = states.compare(Side::Right, flow(), present, found.into());
        changes.into_iter().map(|change| (change.connection, change.state.name())).collect()
    }

    #[test]
    fn a_state_is_told_once_and_a_row_that_is_gone_is_closed() {
        let mut states = States::new(None, None);
        assert_eq!(changes(&mut states, 1, None), [], "nothing yet");
        assert_eq!(changes(&mut states, 1, socket(7, State::SynRecv)), [(1, "syn-recv")]);
        assert_eq!(changes(&mut states, 1, socket(7, State::SynRecv)), []);
        assert_eq!(changes(&mut states, 1, None), [(1, "closed")]);
        assert_eq!(changes(&mut states, 1, None), []);
    }

    #[test]
    fn a_socket_that_lives_on_belongs_to_its_own_connection_until_another_takes_its_place() {
        let mut states = States::new(None, None);
        assert_eq!(changes(&mut states, 1, socket(7, State::TimeWait)), [(1, "time-wait")]);
        assert_eq!(
            changes(&mut states, 2, socket(7, State::TimeWait)),
            [],
            "a SYN has come and changed nothing"
        );
        assert_eq!(
            changes(&mut states, 2, socket(8, State::SynRecv)),
            [(1, "closed"), (2, "syn-recv")],
            "another SYN, and it has been taken"
        );
    }
}
