//! Who is held against whom: a kernel's sockets, and the machine's.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr},
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use timewait_linux::{Errno, hosts::Neighbour, settings::SettingError, sockets::SocketTable};
use timewait_tcp::{
    CallError, Profile, Seq,
    endpoint::{Handle, Pair, Read, UserError},
};

use super::Setting;
use crate::{
    Family, Trouble,
    wire::{self, Station, StationError},
};

/// Where the subject listens, and where it connects from.
pub(super) const SERVER_PORT: u16 = 9000;
pub(super) const CLIENT_PORT: u16 = 40_001;
/// Where the script connects from, and where the subject connects to.
pub(super) const SCRIPT_CLIENT_PORT: u16 = 40_000;
pub(super) const SCRIPT_SERVER_PORT: u16 = 80;

/// One address for the subject, one for the script.
pub(super) const fn addresses(family: Family) -> (std::net::IpAddr, std::net::IpAddr) {
    match family {
        Family::Ipv4 => (wire::LEFT_V4, wire::RIGHT_V4),
        Family::Ipv6 => (wire::LEFT_V6, wire::RIGHT_V6),
    }
}

/// The machine's initial sequence numbers: any will do.
pub(super) fn isn(_: &Pair) -> Seq {
    Seq::new(0xffff_fff0)
}

/// The longest that text of a user's is read at once.
const AT_MOST: usize = 1 << 20;

impl Setting {
    /// As the kernel has it.
    pub(super) fn of_kernel(self, host: &Neighbour, family: Family) -> Result<(), Trouble> {
        host.acknowledge_at_once(wire::INTERFACE, addresses(family).1)?;
        let mut settings = vec![];
        let wait = self.wait().as_micros();
        match host.set("net.ipv4.tcp_rto_min_us", &wait.to_string()) {
            // Before 6.11. Then a script that comes to a halt for 200 ms sees a segment twice.
            Ok(()) | Err(SettingError::Absent(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if self != Self::Limited {
            settings.push(("net.ipv4.tcp_invalid_ratelimit", "0"));
        }
        settings.extend(match self {
            Self::Usual | Self::Retransmits => None,
            Self::Limited => Some(("net.ipv4.tcp_invalid_ratelimit", "60000")),
            Self::Rfc1337 => Some(("net.ipv4.tcp_rfc1337", "1")),
            Self::NoTimestamps => Some(("net.ipv4.tcp_timestamps", "0")),
            Self::SmallBuffer => Some(("net.ipv4.tcp_rmem", "4096 8192 8192")),
        });
        settings.into_iter().try_for_each(|(name, value)| Ok(host.set(name, value)?))
    }

    /// How long it takes at least until something is sent again.
    const fn wait(self) -> Duration {
        match self {
            // Twice what the kernel would take: how the waits grow is told from how long they are, and that is blurred where
            // many things run.
            Self::Retransmits => Duration::from_millis(400),
            Self::Usual | Self::Limited | Self::Rfc1337 | Self::NoTimestamps | Self::SmallBuffer => MINUTE,
        }
    }

    /// As a profile has it.
    pub(super) fn of_machine(self, mss: u16) -> Profile {
        let usual = Profile {
            delayed_ack: None,
            challenge_ack_every: None,
            retransmission_timeout: self.wait(),
            mss,
            ..Profile::LINUX
        };
        match self {
            Self::Usual | Self::Retransmits => usual,
            Self::Limited => Profile { challenge_ack_every: Some(MINUTE), ..usual },
            Self::Rfc1337 => Profile { rst_ends_time_wait: false, ..usual },
            Self::NoTimestamps => Profile { timestamps: false, ..usual },
            Self::SmallBuffer => Profile { window: 4096, ..usual },
        }
    }
}

/// Longer than any script takes.
const MINUTE: Duration = Duration::from_secs(60);

/// Who performs a script.
pub(super) enum Subject {
    Kernel(KernelSide),
    Machine(MachineSide),
}

/// A kernel's sockets, in a host of their own. No call waits.
pub(super) struct KernelSide {
    host: Neighbour,
    table: SocketTable,
    family: Family,
    listener: Option<Socket>,
    socket: Option<Socket>,
}

/// The same of the machine.
pub(super) struct MachineSide {
    station: Station,
    family: Family,
    listener: Option<Handle>,
    socket: Option<Handle>,
}

/// What a user can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call<'a> {
    Listen,
    Unlisten,
    Accept,
    Connect,
    Read,
    Write(&'a [u8]),
    Shutdown,
    Close,
    Reset,
    Error,
}

impl Subject {
    /// What a call answers, in a word.
    pub(super) fn call(&mut self, call: Call<'_>) -> Result<String, Trouble> {
        match self {
            Self::Kernel(it) => Ok(it.call(call).unwrap_or_else(|error| named(&error))),
            Self::Machine(it) => match it.call(call) {
                Ok(answer) => Ok(answer),
                Err(StationError::User(error)) => Ok(errno(call, error).to_owned()),
                Err(StationError::InVain(_)) => Ok("EAGAIN".to_owned()),
                Err(StationError::Wire(error)) => Err(error.into()),
            },
        }
    }

    /// The state of its connection with the script.
    pub(super) fn state(&mut self, (local, remote): (SocketAddr, SocketAddr)) -> Result<String, Trouble> {
        match self {
            Self::Kernel(it) => {
                let found = it.table.find(local, remote)?;
                Ok(found.map_or("closed", |socket| socket.state.name()).to_owned())
            }
            Self::Machine(it) => match it.station.state(local, remote) {
                Ok(state) => Ok(state.name().to_owned()),
                Err(StationError::Wire(error)) => Err(error.into()),
                Err(error) => Err(Trouble::Otherwise(error.to_string())),
            },
        }
    }
}

fn named(error: &io::Error) -> String {
    Errno::of(error).map_or_else(|| error.to_string(), Errno::name)
}

/// What a kernel would call it. Of a connection that there is no more, each call has its own word.
const fn errno(call: Call<'_>, error: UserError) -> &'static str {
    use CallError::{AlreadyExists, Closing, DoesNotExist, InsufficientResources, RemoteUnspecified};
    match (error, call) {
        (UserError::Refused, _) => "ECONNREFUSED",
        (UserError::Reset, _) => "ECONNRESET",
        (UserError::TimedOut, _) => "ETIMEDOUT",
        (UserError::Call(DoesNotExist | Closing), Call::Write(_)) => "EPIPE",
        (UserError::Call(DoesNotExist | Closing), _) => "ENOTCONN",
        (UserError::Call(AlreadyExists), _) => "EADDRINUSE",
        (UserError::Call(InsufficientResources), _) => "EAGAIN",
        (UserError::Call(RemoteUnspecified), _) => "EINVAL",
    }
}

fn told(text: &[u8]) -> String {
    if text.len() > 16 {
        format!("{} octets", text.len())
    } else {
        String::from_utf8_lossy(text).into_owned()
    }
}

/// What a call answers that has nothing else to say.
fn done() -> String {
    "ok".to_owned()
}

const NO_SOCKET: &str = "no socket";

fn no_socket() -> io::Error {
    io::Error::other(NO_SOCKET)
}

impl KernelSide {
    pub(super) fn new(host: Neighbour, family: Family) -> Result<Self, Trouble> {
        let table = SocketTable::open_in(host.netns())?;
        Ok(Self { host, table, family, listener: None, socket: None })
    }

    fn fresh(&self, port: u16) -> io::Result<Socket> {
        let local = SocketAddr::new(addresses(self.family).0, port);
        self.host.inside(|| {
            let socket = Socket::new(Domain::for_address(local), Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.set_tcp_nodelay(true)?;
            socket.bind(&local.into())?;
            Ok(socket)
        })?
    }

    fn socket(&self) -> io::Result<&Socket> {
        self.socket.as_ref().ok_or_else(no_socket)
    }

    fn call(&mut self, call: Call<'_>) -> io::Result<String> {
        match call {
            Call::Listen => {
                let socket = self.fresh(SERVER_PORT)?;
                socket.listen(8)?;
                self.listener = Some(socket);
                Ok(done())
            }
            Call::Unlisten => {
                self.listener = None;
                Ok(done())
            }
            Call::Accept => {
                let (socket, _) = self.listener.as_ref().ok_or_else(no_socket)?.accept()?;
                socket.set_nonblocking(true)?;
                self.socket = Some(socket);
                Ok(done())
            }
            Call::Connect => {
                let socket = self.fresh(CLIENT_PORT)?;
                let remote = SocketAddr::new(addresses(self.family).1, SCRIPT_SERVER_PORT);
                let outcome = socket.connect(&remote.into());
                self.socket = Some(socket);
                match outcome {
                    Err(error) if Errno::of(&error).is_some_and(|errno| errno.name() == "EINPROGRESS") => {
                        Ok(done())
                    }
                    outcome => outcome.map(|()| done()),
                }
            }
            Call::Read => {
                let mut text = vec![0; AT_MOST];
                let count = self.socket()?.read(&mut text)?;
                text.truncate(count);
                Ok(if count == 0 { "end".to_owned() } else { told(&text) })
            }
            Call::Write(text) => self.socket()?.write(text).map(|count| format!("{count} taken")),
            Call::Shutdown => self.socket()?.shutdown(Shutdown::Write).map(|()| done()),
            Call::Close => {
                self.socket = None;
                Ok(done())
            }
            Call::Reset => {
                self.socket()?.set_linger(Some(Duration::ZERO))?;
                self.socket = None;
                Ok(done())
            }
            Call::Error => Ok(self.socket()?.take_error()?.map_or("none".to_owned(), |error| named(&error))),
        }
    }
}

impl MachineSide {
    pub(super) fn new(station: Station, family: Family) -> Self {
        Self { station, family, listener: None, socket: None }
    }

    fn socket(&self) -> Result<Handle, StationError> {
        self.socket.ok_or_else(|| CallError::DoesNotExist.into())
    }

    fn call(&mut self, call: Call<'_>) -> Result<String, StationError> {
        let (here, there) = addresses(self.family);
        match call {
            Call::Listen => {
                self.listener = Some(self.station.listen(SocketAddr::new(here, SERVER_PORT), 8)?);
                Ok(done())
            }
            Call::Unlisten => {
                self.listener.take().map_or(Ok(()), |it| self.station.close(it)).map(|()| done())
            }
            Call::Accept => {
                let listener = self.listener.ok_or(CallError::DoesNotExist)?;
                self.socket = Some(self.station.accept(listener, Duration::ZERO)?.handle);
                Ok(done())
            }
            Call::Connect => {
                let ends = (SocketAddr::new(here, CLIENT_PORT), SocketAddr::new(there, SCRIPT_SERVER_PORT));
                self.socket = Some(self.station.open(ends.0, ends.1)?);
                Ok(done())
            }
            Call::Read => Ok(match self.station.read(self.socket()?, AT_MOST, Duration::ZERO)? {
                Read::Text(text) => told(&text),
                Read::Nothing => "EAGAIN".to_owned(),
                Read::End => "end".to_owned(),
            }),
            Call::Write(text) => {
                self.station.write(self.socket()?, text, Duration::ZERO)?;
                Ok(format!("{} taken", text.len()))
            }
            Call::Shutdown => self.station.shut_down(self.socket()?).map(|()| done()),
            Call::Close => {
                self.station.close(self.socket.take().unwrap_or(Handle::from_number(0))).map(|()| done())
            }
            Call::Reset => {
                self.station.abort(self.socket.take().unwrap_or(Handle::from_number(0))).map(|()| done())
            }
            Call::Error => {
                let error = self.station.take_error(self.socket()?)?;
                Ok(error.map_or("none", |error| errno(call, error)).to_owned())
            }
        }
    }
}
