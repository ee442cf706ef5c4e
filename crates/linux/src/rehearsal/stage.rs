//! The child's side: builds, waits until all is settled, tries, answers.

use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use timewait_facts::{Socket, State, States};

use super::{
    Answer, Endpoint, Flags, MOST_TRIALS, NotRebuilt, Role, Trial,
    build::{self, SINK_PORTS, Situation},
    lines,
};
use crate::{
    Errno,
    addresses::{self, AddressesError},
    hosts::{AddressError, Host},
    settings::SettingError,
    sockets::{OpenError, Query, ReadError, SocketTable, lists_bound},
};

/// The first trial's port. Those of the kernel's own choice are far from it.
const FIRST_PORT: u16 = 10_000;
const EPHEMERAL_RANGE: &str = "40000 60999";
/// So many trials at a time: their sockets are open together.
const AT_A_TIME: usize = 32;
/// How long a connection over loopback may take to close. Reached only when something is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
pub(super) const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// Why a child cannot perform.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    /// It runs in no host of its own: nothing was touched.
    #[error("a rehearsal takes place in a host of its own only")]
    Outside,
    /// A line that is no trial.
    #[error("line {0} is no trial")]
    Line(usize),
    /// Standard input or output.
    #[error("cannot talk to the parent")]
    Conversation(#[from] io::Error),
    /// The host cannot be set up: a setting.
    #[error("cannot set up the host")]
    Setting(#[from] SettingError),
    /// The host cannot be set up: an address.
    #[error("cannot set up the host")]
    Address(#[from] AddressError),
    /// The host's addresses cannot be read.
    #[error("cannot set up the host")]
    Addresses(#[from] AddressesError),
    /// The host's socket table cannot be opened.
    #[error("cannot look at the host's sockets")]
    Open(#[from] OpenError),
    /// The host's socket table cannot be read.
    #[error("cannot look at the host's sockets")]
    Read(#[from] ReadError),
}

/// Reads trials to the end of `input`, tries each in this host, and writes the answers: the child's part of
/// [`rehearse`](super::rehearse).
///
/// # Errors
/// This process is in no [host of its own](Host::entered), or the host or the conversation fails. A situation that cannot
/// be rebuilt is an answer.
pub fn perform(mut input: impl Read, mut output: impl Write) -> Result<(), PerformError> {
    let host = Host::entered().ok_or(PerformError::Outside)?;
    let mut text = String::new();
    input.read_to_string(&mut text)?;
    let read = |(number, line)| lines::read_trial(line).ok_or(PerformError::Line(number + 1));
    let trials = text.lines().take(MOST_TRIALS).enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    // Whatever the program wrote before ends here.
    output.write_all(b"\n")?;
    play(&host, &trials, output)
}

/// Tries each trial in this host, and writes the answers.
pub(super) fn play(host: &Host, trials: &[Trial], mut output: impl Write) -> Result<(), PerformError> {
    let mut stage = Stage::set(host, trials)?;
    for some in trials.chunks(AT_A_TIME) {
        let answers: String = stage.play(some)?.into_iter().map(lines::write_answer).collect();
        output.write_all(answers.as_bytes())?;
    }
    output.flush()?;
    Ok(())
}

struct Stage {
    /// Take the connections of outgoing holders.
    sinks: Vec<OwnedFd>,
    next_port: u16,
}

/// A trial that is being played.
struct Play {
    trial: Trial,
    port: u16,
    situation: Result<Situation, NotRebuilt>,
}

impl Stage {
    /// Sets up what the trials need, and no more: most have no connection.
    fn set(host: &Host, trials: &[Trial]) -> Result<Self, PerformError> {
        let counted = |is: fn(Role) -> bool| {
            let of = |trial: &Trial| trial.holders.iter().filter(|holder| is(holder.role)).count();
            trials.iter().map(of).max().unwrap_or(0)
        };
        let connects = counted(build::is_connection) > 0;
        if connects {
            host.set("net.ipv4.ip_local_port_range", EPHEMERAL_RANGE)?;
        }
        add_addresses(host, trials, connects)?;
        let sinks = SINK_PORTS.into_iter().take(counted(build::is_outgoing)).map(sink);
        Ok(Self { sinks: sinks.collect::<io::Result<_>>()?, next_port: FIRST_PORT })
    }

    fn play(&mut self, trials: &[Trial]) -> Result<Vec<Answer>, PerformError> {
        let mut plays: Vec<Play> = trials.iter().map(|trial| self.build(plain(trial))).collect();
        if trials.iter().any(|trial| !trial.holders.is_empty()) {
            settle(&mut plays)?;
        }
        Ok(plays.iter().map(Play::answer).collect())
    }

    fn build(&mut self, trial: Trial) -> Play {
        let port = self.next_port;
        self.next_port += 1;
        let situation = rebuildable(&trial).and_then(|()| {
            Situation::build(&trial.holders, port, &self.sinks)
                .map_err(|failed| refused(&trial, failed.holder, failed.errno))
        });
        Play { trial, port, situation }
    }
}

/// Waits until every holder is in the state of its role, or gives those up that are not.
fn settle(plays: &mut [Play]) -> Result<(), PerformError> {
    let (mut table, start) = (SocketTable::open()?, Instant::now());
    loop {
        let rows = table.collect(&Query::in_states(States::all()))?;
        let late = start.elapsed() > PATIENCE;
        let settled = plays.iter_mut().all(|play| play.is_settled(&rows, late));
        if settled {
            return Ok(());
        }
        thread::sleep(LOOK_AGAIN);
    }
}

impl Play {
    /// Whether there is nothing to wait for; there is not when it is too late.
    fn is_settled(&mut self, rows: &[Socket], late: bool) -> bool {
        let missing = if self.situation.is_ok() { self.missing(rows) } else { None };
        if let (Some(holder), true) = (missing, late) {
            self.situation = Err(NotRebuilt::NotReached { holder });
        }
        late || missing.is_none()
    }

    /// The first holder that is not in its state yet, by its place.
    fn missing(&self, rows: &[Socket]) -> Option<usize> {
        let is_there = |role: Role, at: &Endpoint| {
            let (state, mini) = build::state_of(role);
            // Older kernels do not list what is only bound; there is nothing to wait for in that case either.
            state == State::BoundInactive && !lists_bound(&crate::kernel_version())
                || rows.iter().any(|row| {
                    row.local.port() == self.port
                        && (row.state, row.is_minisocket()) == (state, mini)
                        && row.local.is_ipv4() == at.address.is_ipv4()
                })
        };
        self.trial.holders.iter().position(|holder| !is_there(holder.role, &holder.at))
    }

    fn answer(&self) -> Answer {
        match &self.situation {
            Ok(situation) => try_it(&self.trial.request, self.port, situation).unwrap_or_else(|errno| {
                Answer::NotRebuilt(refused(&self.trial, self.trial.holders.len(), errno))
            }),
            Err(reason) => Answer::NotRebuilt(*reason),
        }
    }
}

/// What is tried: bind(2), then listen(2). An error is one of a call that only prepares them.
fn try_it(request: &Endpoint, port: u16, situation: &Situation) -> rustix::io::Result<Answer> {
    let socket = build::open(request)?;
    build::give_to(&socket, request.uid)?;
    if let Err(errno) = rustix::net::bind(&socket, &build::on(request.address, port)) {
        return Ok(Answer::BindRefused(errno.into()));
    }
    situation.let_rivals_listen()?;
    let listened = rustix::net::listen(&socket, 1);
    Ok(listened.map_or_else(|errno| Answer::ListenRefused(errno.into()), |()| Answer::Listens))
}

/// Without users where there is one only, who may then as well be ourselves.
fn plain(trial: &Trial) -> Trial {
    let users: BTreeSet<u32> = endpoints(trial).filter_map(|at| at.uid).collect();
    let mut trial = trial.clone();
    if users.len() < 2 {
        trial.request.uid = None;
        trial.holders.iter_mut().for_each(|holder| holder.at.uid = None);
    }
    trial
}

/// Whether the host of our own has what the situation needs: one device at most.
fn rebuildable(trial: &Trial) -> Result<(), NotRebuilt> {
    let devices: BTreeSet<&str> = endpoints(trial).filter_map(|at| at.device.as_deref()).collect();
    if devices.len() > 1 { Err(NotRebuilt::Devices) } else { Ok(()) }
}

/// Giving a socket to another user is refused to who is root of a user namespace with one user only.
fn refused(trial: &Trial, holder: usize, errno: rustix::io::Errno) -> NotRebuilt {
    let several = endpoints(trial).any(|at| at.uid.is_some());
    match errno {
        rustix::io::Errno::INVAL | rustix::io::Errno::PERM if several => NotRebuilt::Users,
        errno => NotRebuilt::Refused { holder, errno: Errno::from(errno) },
    }
}

fn endpoints(trial: &Trial) -> impl Iterator<Item = &Endpoint> {
    trial.holders.iter().map(|holder| &holder.at).chain([&trial.request])
}

/// Gives the host the addresses that the trials need and it lacks. An address that a request asks for is one that it
/// would have: whether an address is local is another question.
fn add_addresses(host: &Host, trials: &[Trial], connects: bool) -> Result<(), PerformError> {
    let addresses = trials.iter().flat_map(endpoints).map(|at| at.address.to_canonical());
    let wanted: BTreeSet<IpAddr> =
        addresses.filter(|address| !address.is_unspecified() && !address.is_multicast()).collect();
    if wanted.is_empty() && !connects {
        return Ok(());
    }
    let local = addresses::read()?;
    let loopback = IpAddr::from(Ipv6Addr::LOCALHOST);
    if local.is_local(loopback) {
        host.await_address(loopback)?;
    }
    for address in wanted.into_iter().filter(|address| !local.is_local(*address)) {
        host.add_address(IpNet::from(address))?;
    }
    Ok(())
}

/// A listener for both families, or for IPv4 alone where there is no IPv6.
fn sink(port: u16) -> io::Result<OwnedFd> {
    let both = Endpoint::new(Ipv6Addr::UNSPECIFIED.into(), Flags::NONE);
    let only = Endpoint::new(Ipv4Addr::UNSPECIFIED.into(), Flags::NONE);
    let listening = |at: &Endpoint| -> rustix::io::Result<OwnedFd> {
        let socket = build::open(at)?;
        rustix::net::bind(&socket, &build::on(at.address, port))?;
        rustix::net::listen(&socket, 128)?;
        Ok(socket)
    };
    Ok(listening(&both).or_else(|_no_ipv6| listening(&only))?)
}
