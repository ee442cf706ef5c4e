//! Checked where it cannot hurt: what holds a port is rebuilt with real sockets in a [host of our own](crate::hosts),
//! and bind(2) and listen(2) are tried there, on the kernel that runs.
//!
//! [`rehearse`] has a child do it: a copy of this process where it has one thread, and else this program, started anew,
//! which [`perform`]s; [`Trial`]s and [`Answer`]s cross as lines of text. A copy knows its trials already, and saves the
//! start of a program, which costs more than the rehearsal. Every trial has a port of its own, so that none disturbs another. What decides is rebuilt: role, address, flags,
//! IPV6_V6ONLY, one device, the users. What does not decide is not: the port's number, how many there are of a kind,
//! who the peers are.
//!
//! The flags are those that the sockets have *now*. What the port's bucket remembers is not rebuilt, since no table shows
//! it: flags that were changed after a bind(2), and the mark that the last bind(2) with SO_REUSEPORT leaves, which lets
//! in the next one with SO_REUSEPORT, the same user and address without a look at the other sockets. So where some
//! holders have SO_REUSEPORT and some have not, a request with it may succeed on the host and be refused here.
//!
//! ```no_run
//! use std::process::Command;
//! use timewait_linux::rehearsal::{self, Endpoint, Flags, Holder, Role, Trial};
//!
//! // In main(): `if args[1] == "rehearse-here" { rehearsal::perform(stdin, stdout) }`
//! let address = "0.0.0.0".parse()?;
//! let waiting = Holder { role: Role::TimeWait, at: Endpoint::new("127.0.0.1".parse()?, Flags::NONE) };
//! let restart = Trial { holders: vec![waiting], request: Endpoint::new(address, Flags::REUSEADDR) };
//! let answers = rehearsal::rehearse(Command::new("/proc/self/exe").arg("rehearse-here"), &[restart])?;
//! println!("{:?}", answers[0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
mod lines;
mod stage;

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    net::IpAddr,
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno as RawErrno,
    pipe::{PipeFlags, pipe_with},
};

pub use stage::{PerformError, perform};

use crate::{
    Errno,
    hosts::{self, Copied, Refusal},
};

/// The most trials of one rehearsal: each has a port of its own.
pub const MOST_TRIALS: usize = 20_000;
/// What a rehearsal may take; a trial takes about a millisecond. Reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// A situation, and what is tried in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The sockets that share the port: one of each kind is enough.
    pub holders: Vec<Holder>,
    /// The socket that is to be bound, and then to listen.
    pub request: Endpoint,
}

/// A socket that shares the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// What it is.
    pub role: Role,
    /// Where it is, with which flags. Of a connection, this side.
    pub at: Endpoint,
}

/// How a socket came to share a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It listens.
    Listener,
    /// It is bound, and nothing more.
    Bound,
    /// It is bound, and begins to listen between the request's bind(2) and its listen(2): two servers that start at the
    /// same moment.
    Rival,
    /// A connection that a listener on this port accepted, established.
    Accepted,
    /// Such a connection, closed by this side, without an answer yet: a minisocket in FIN-WAIT-2.
    OrphanedFinWait2,
    /// Such a connection in TIME-WAIT.
    TimeWait,
    /// A connection that this side opened from this port, established.
    Outgoing,
    /// Such a connection in TIME-WAIT.
    OutgoingTimeWait,
}

impl Role {
    const ALL: [Self; 8] = [
        Self::Listener,
        Self::Bound,
        Self::Rival,
        Self::Accepted,
        Self::OrphanedFinWait2,
        Self::TimeWait,
        Self::Outgoing,
        Self::OutgoingTimeWait,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Bound => "bound",
            Self::Rival => "rival",
            Self::Accepted => "accepted",
            Self::OrphanedFinWait2 => "orphaned-fin-wait-2",
            Self::TimeWait => "time-wait",
            Self::Outgoing => "outgoing",
            Self::OutgoingTimeWait => "outgoing-time-wait",
        }
    }
}

/// A local address and what else decides who may share its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address. An IPv4-mapped one (`::ffff:127.0.0.1`) means an IPv6 socket.
    pub address: IpAddr,
    /// The options.
    pub flags: Flags,
    /// SO_BINDTODEVICE. Only whether two of them are the same one is rebuilt; see [`NotRebuilt::Devices`].
    pub device: Option<String>,
    /// Whose socket it is, where that is known; it counts for SO_REUSEPORT. See [`NotRebuilt::Users`].
    pub uid: Option<u32>,
}

impl Endpoint {
    /// Without a device, of whichever user.
    pub fn new(address: IpAddr, flags: Flags) -> Self {
        Self { address, flags, device: None, uid: None }
    }
}

/// The options that decide who may share a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// SO_REUSEADDR
    pub reuseaddr: bool,
    /// SO_REUSEPORT
    pub reuseport: bool,
    /// IPV6_V6ONLY; without meaning for an IPv4 address.
    pub v6only: bool,
}

impl Flags {
    /// None of them.
    pub const NONE: Self = Self { reuseaddr: false, reuseport: false, v6only: false };
    /// SO_REUSEADDR alone.
    pub const REUSEADDR: Self = Self { reuseaddr: true, ..Self::NONE };
    /// SO_REUSEPORT alone.
    pub const REUSEPORT: Self = Self { reuseport: true, ..Self::NONE };
    /// SO_REUSEADDR and SO_REUSEPORT.
    pub const BOTH: Self = Self { reuseaddr: true, reuseport: true, v6only: false };
}

/// What came of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// bind(2) was refused.
    BindRefused(Errno),
    /// bind(2) succeeded and listen(2) was refused.
    ListenRefused(Errno),
    /// Both succeeded.
    Listens,
    /// The situation could not be rebuilt, so nothing was tried.
    NotRebuilt(NotRebuilt),
}

/// Why a situation was not rebuilt. A prediction is all there is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRebuilt {
    /// It has several users' sockets, and this user may be no other.
    Users,
    /// It has sockets on two devices or more; the host of our own has one.
    Devices,
    /// The kernel refused a call on the way to this holder, by its place in the list (or on the way to the request, whose
    /// place is behind the last).
    Refused {
        /// The place.
        holder: usize,
        /// The errno.
        errno: Errno,
    },
    /// A holder did not get into the state of its role in time.
    NotReached {
        /// Its place in the list.
        holder: usize,
    },
}

/// Why there is no rehearsal at all.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// Namespaces are not permitted here, or the child cannot be started: see [`Refusal`].
    #[error(transparent)]
    NoHost(#[from] Refusal),
    /// More than [`MOST_TRIALS`].
    #[error("{0} trials are more than a rehearsal takes ({MOST_TRIALS})")]
    TooMany(usize),
    /// The child was still at it when the time was up, and was ended.
    #[error("the rehearsal took too long")]
    Late,
    /// The conversation with the child broke down.
    #[error("cannot talk to the child that rehearses")]
    Conversation(#[source] io::Error),
    /// The child ended without all answers; what it said of it went to standard error.
    #[error("the child that rehearses answered {answered} of {asked} trials")]
    Unfinished {
        /// How many were asked.
        asked: usize,
        /// How many answers came.
        answered: usize,
    },
}

/// Has a child of this program try each trial in a host of its own, and gives an answer to each, in order.
///
/// `program` must be this program in such a way that it calls [`perform`] with its standard input and output. What it
/// writes besides is ignored. It is started only by a process with several threads.
///
/// # Errors
/// See [`RehearsalError`]. Where namespaces are not permitted, [`RehearsalError::NoHost`] says by whom.
pub fn rehearse(program: &mut Command, trials: &[Trial]) -> Result<Vec<Answer>, RehearsalError> {
    if trials.len() > MOST_TRIALS {
        return Err(RehearsalError::TooMany(trials.len()));
    }
    let until = Instant::now() + PATIENCE;
    let said = match by_a_copy(trials, until)? {
        Some(said) => said,
        None => by_another(program, trials, until)?,
    };
    let answers = lines::read_answers(&said);
    if answers.len() == trials.len() {
        Ok(answers)
    } else {
        Err(RehearsalError::Unfinished { asked: trials.len(), answered: answers.len() })
    }
}

/// What a copy of this process said; `None` where there is none, since this process has several threads.
fn by_a_copy(trials: &[Trial], until: Instant) -> Result<Option<String>, RehearsalError> {
    let (ours, its) =
        pipe_with(PipeFlags::CLOEXEC).map_err(|errno| RehearsalError::Conversation(errno.into()))?;
    let work = move |host: &hosts::Host| {
        // What fails leaves answers missing, and that is told.
        let _ = stage::play(host, trials, File::from(its));
    };
    let Some(copy) = Copied::start(work)? else { return Ok(None) };
    let said = hear(ours, until)?;
    match copy.refused().filter(|_| said.is_empty()) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(Some(said)),
    }
}

/// What this program said, started anew.
fn by_another(program: &mut Command, trials: &[Trial], until: Instant) -> Result<String, RehearsalError> {
    let mut child = Performer(hosts::isolate(program.stdin(Stdio::piped()).stdout(Stdio::piped()))?);
    child.ask(trials).map_err(RehearsalError::Conversation)?;
    child.0.stdout.take().map_or(Ok(String::new()), |output| hear(output.into(), until))
}

/// The child; it ends with this value.
struct Performer(Child);

impl Performer {
    /// The child reads all before it writes anything, so neither side waits for the other.
    fn ask(&mut self, trials: &[Trial]) -> io::Result<()> {
        let Some(mut input) = self.0.stdin.take() else { return Ok(()) };
        let text: String = trials.iter().map(lines::write_trial).collect();
        input.write_all(text.as_bytes())
    }
}

/// All that a child writes until it closes its output.
fn hear(output: OwnedFd, until: Instant) -> Result<String, RehearsalError> {
    let mut output = File::from(output);
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        wait_for(&output, until)?;
        match output.read(&mut buffer) {
            Ok(0) => return Ok(String::from_utf8_lossy(&said).into_owned()),
            Ok(length) => said.extend(buffer.iter().take(length)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(RehearsalError::Conversation(error)),
        }
    }
}

fn wait_for(output: &File, until: Instant) -> Result<(), RehearsalError> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left)
            .map_err(|error| RehearsalError::Conversation(io::Error::other(error)))?;
        match poll(&mut [PollFd::new(output, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(RehearsalError::Late),
            Ok(_) => return Ok(()),
            Err(RawErrno::INTR) => {}
            Err(errno) => return Err(RehearsalError::Conversation(errno.into())),
        }
    }
}

impl Drop for Performer {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
