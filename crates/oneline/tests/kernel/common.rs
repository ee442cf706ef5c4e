//! A server that runs while a test goes on, and what the kernel shows of it.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, PipeReader, PipeWriter, Write as _},
    net::SocketAddr,
    os::fd::{AsFd as _, BorrowedFd},
    sync::mpsc::{Receiver, channel},
    thread::JoinHandle,
};

use timewait_linux::settings::tcp_counters;
use timewait_oneline::{Connection, Dial, Ending, Event, RunError, Server, Setup, Totals};
use timewait_trial::eventually;

/// What the article's server says.
pub(crate) const LINE: &[u8] = b"I sent sth to client!\n";

/// How a server is run.
type Run = fn(Server, BorrowedFd<'_>, &mut dyn FnMut(Event)) -> Result<Totals, RunError>;

/// A server on a thread of its own.
pub(crate) struct Running {
    /// Where to connect to: loopback, if it listens on every address.
    pub(crate) address: SocketAddr,
    /// What it told, as it happened.
    pub(crate) events: Receiver<Event>,
    wish: Option<PipeWriter>,
    thread: JoinHandle<Totals>,
}

impl Running {
    pub(crate) fn start(setup: &Setup) -> Self {
        Self::run(Server::listen(setup).expect("the server listens"))
    }

    pub(crate) fn run(server: Server) -> Self {
        Self::run_with_wishes(server, 0)
    }

    /// A server at the kernel's speed, which tells nothing of single clients.
    pub(crate) fn start_quietly(setup: &Setup) -> Self {
        Self::run_quietly(Server::listen(setup).expect("the server listens"))
    }

    pub(crate) fn run_quietly(server: Server) -> Self {
        Self::spawn(server, 0, |server, stop, tell| server.run_quietly(stop, &mut |event| tell(event)))
    }

    /// So many wishes to stop are there before the run begins.
    pub(crate) fn run_with_wishes(server: Server, wishes: usize) -> Self {
        Self::spawn(server, wishes, |server, stop, tell| server.run(stop, &mut |event| tell(event)))
    }

    fn spawn(server: Server, wishes: usize, run: Run) -> Self {
        let address = reachable(server.local_address());
        let (stop, mut wish) = io::pipe().unwrap();
        wish.write_all(&vec![b's'; wishes]).unwrap();
        let (tell, events) = channel();
        let thread = std::thread::spawn(move || {
            // A test that listens no longer does not mind.
            let mut observer = |event| {
                let _ = tell.send(event);
            };
            run(server, stop.as_fd(), &mut observer).expect("nothing ends the run but a wish")
        });
        Self { address, events, wish: Some(wish), thread }
    }

    /// One wish to stop.
    pub(crate) fn wish_to_stop(&mut self) {
        self.wish.as_mut().unwrap().write_all(b"s").unwrap();
    }

    /// Ends the descriptor that wishes come by.
    pub(crate) fn hang_up(&mut self) {
        self.wish = None;
    }

    pub(crate) fn stop(mut self) -> Totals {
        self.wish_to_stop();
        self.totals()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn totals(self) -> Totals {
        let totals = self.thread.join().expect("the run does not panic");
        let ends =
            totals.orderly + totals.settled + totals.lost + totals.reset_by_us + totals.left + totals.cut;
        assert_eq!(totals.accepted, ends, "every connection ended in one way: {totals:?}");
        totals
    }
}

fn reachable(local: SocketAddr) -> SocketAddr {
    match local {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => ([127, 0, 0, 1], v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => SocketAddr::new("::1".parse().unwrap(), v6.port()),
        other => other,
    }
}

/// A stop descriptor in which nobody will write.
pub(crate) fn no_stop() -> (PipeReader, PipeWriter) {
    io::pipe().unwrap()
}

/// A whole talk without input: what came, and how it ended.
pub(crate) fn talk(dial: &Dial) -> (Vec<u8>, Ending) {
    let (stop, _wish) = no_stop();
    let mut received = Vec::new();
    let connection = Connection::open(dial, stop.as_fd()).expect("the server is there");
    let ending = connection.talk(None, stop.as_fd(), &mut |bytes| received.extend_from_slice(bytes));
    (received, ending)
}

/// A row of `/proc/net/tcp` or `/proc/net/tcp6`: local port, peer's port, state as the kernel numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) local_port: u16,
    pub(crate) peer_port: u16,
    pub(crate) state: u8,
}

pub(crate) const ESTABLISHED: u8 = 1;
pub(crate) const FIN_WAIT_1: u8 = 4;
pub(crate) const FIN_WAIT_2: u8 = 5;
pub(crate) const TIME_WAIT: u8 = 6;

pub(crate) fn rows() -> Vec<Row> {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    let text = read("/proc/thread-self/net/tcp") + &read("/proc/thread-self/net/tcp6");
    text.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let port = |field: &str| u16::from_str_radix(field.rsplit_once(':')?.1, 16).ok();
    let fields: Vec<&str> = line.split_whitespace().collect();
    let state = u8::from_str_radix(fields.get(3)?, 16).ok()?;
    Some(Row { local_port: port(fields.get(1)?)?, peer_port: port(fields.get(2)?)?, state })
}

/// How many sockets with this local port are in TIME-WAIT.
pub(crate) fn waiting_at(local_port: u16) -> usize {
    rows().iter().filter(|row| row.local_port == local_port && row.state == TIME_WAIT).count()
}

/// Waits until the socket between these two ports is in a state.
pub(crate) fn until_state(local_port: u16, peer_port: u16, state: u8) {
    eventually(&format!("state {state} at {local_port} -> {peer_port}"), || {
        rows().contains(&Row { local_port, peer_port, state }).then_some(())
    });
}

/// How much these counters of the kernel's grew while something was done.
pub(crate) struct Counted(BTreeMap<String, u64>);

impl Counted {
    pub(crate) fn from_now() -> Self {
        Self(tcp_counters().unwrap())
    }

    pub(crate) fn since<const N: usize>(&self, names: [&str; N]) -> [u64; N] {
        let now = tcp_counters().unwrap();
        names.map(|name| now[name] - self.0[name])
    }
}
