use std::{io, net::SocketAddr, time::Duration};

use socket2::{Domain, SockAddr, Socket, Type};
use timewait_linux::options;

use super::{Flags, PATIENCE, Pair, Site};
use crate::{Answer, Trouble};

/// Connections that may wait for accept(2).
const BACKLOG: i32 = 512;

/// A socket that listens.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(super) socket: Socket,
    pub(super) address: SocketAddr,
}

/// What became of starting a server: bind(2), then listen(2).
#[derive(Debug)]
pub(crate) struct Started {
    /// What bind(2) answered.
    pub(crate) bind: Answer,
    /// What listen(2) answered, if it came to that.
    pub(crate) listen: Option<Answer>,
    /// The listener, if both went well.
    pub(crate) listener: Option<Listener>,
}

impl Started {
    /// What the first call that failed answered, or `OK`.
    pub(crate) fn answer(&self) -> Answer {
        self.listen.clone().unwrap_or_else(|| self.bind.clone())
    }
}

/// How to connect.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dial {
    /// bind(2) this first; port 0 leaves the port to bind(2).
    pub(crate) from: Option<SocketAddr>,
    /// SO_REUSEADDR before that.
    pub(crate) reuseaddr: bool,
    /// IP_BIND_ADDRESS_NO_PORT before that: port 0 is left to connect(2).
    pub(crate) no_port: bool,
    /// The initial sequence number, less one.
    pub(crate) iss: Option<u32>,
    /// How long connect(2) may take, if not as long as everything.
    pub(crate) patience: Option<Duration>,
}

impl Dial {
    /// From this address and port, SO_REUSEADDR set, so that a port in TIME-WAIT can be bound.
    pub(crate) const fn again_from(address: SocketAddr) -> Self {
        Self { from: Some(address), reuseaddr: true, no_port: false, iss: None, patience: None }
    }
}

impl Site {
    /// A TCP socket, which gives up waiting after a while.
    pub(crate) fn socket(&self, address: SocketAddr) -> io::Result<Socket> {
        self.inside(|| patient(address))?
    }

    /// bind(2): the socket, or what it answered.
    pub(crate) fn bound(&self, address: SocketAddr, flags: Flags) -> io::Result<Socket> {
        self.inside(|| bound_here(address, flags))?
    }

    /// Whether bind(2) would succeed: tries it, and gives the port back at once.
    pub(crate) fn bind(&self, address: SocketAddr, flags: Flags) -> Answer {
        let answer = Answer::of(&self.bound(address, flags));
        self.called(format!("bind {address} with {flags}"), &answer);
        answer
    }

    /// Starts a server: bind(2), then listen(2).
    pub(crate) fn start(&self, address: SocketAddr, flags: Flags) -> Started {
        let bound = self.bound(address, flags);
        let bind = Answer::of(&bound);
        self.called(format!("bind {address} with {flags}"), &bind);
        let Ok(socket) = bound else { return Started { bind, listen: None, listener: None } };
        let listens = socket.listen(BACKLOG);
        let answer = Answer::of(&listens);
        if listens.is_err() {
            self.called("listen", &answer);
        }
        let listener = listens.and_then(|()| Listener::of(socket)).ok();
        Started { bind, listen: Some(answer), listener }
    }

    /// A server that the experiment rests on.
    ///
    /// # Errors
    /// It could not be started.
    pub(crate) fn listen(&self, address: SocketAddr, flags: Flags) -> Result<Listener, Trouble> {
        let what = format!("bind and listen on {address}");
        let socket = self.bound(address, flags).and_then(|socket| {
            socket.listen(BACKLOG)?;
            Listener::of(socket)
        });
        let listener = socket.map_err(self.failed(&what))?;
        self.called(format!("listen on {address} with {flags}"), &Answer::ok());
        Ok(listener)
    }

    /// connect(2), from a port that the kernel chooses unless `dial` says otherwise.
    ///
    /// # Errors
    /// What a call answered.
    pub(crate) fn connect(&self, to: SocketAddr, dial: Dial) -> io::Result<Socket> {
        let socket = self.socket(to)?;
        if let Some(iss) = dial.iss {
            // Before SO_REUSEADDR, which this turns off.
            options::choose_initial_sequence_number(&socket, iss)?;
        }
        if dial.reuseaddr {
            socket.set_reuse_address(true)?;
        }
        if dial.no_port {
            options::set_bind_address_no_port(&socket, true)?;
        }
        if let Some(from) = dial.from {
            socket.bind(&from.into())?;
        }
        // Bounded by SO_SNDTIMEO, which also counts for connect(2) (socket(7)).
        if let Some(patience) = dial.patience {
            socket.set_write_timeout(Some(patience))?;
        }
        socket.connect(&to.into())?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(socket)
    }

    /// A connection to a listener, accepted there.
    ///
    /// # Errors
    /// A call failed.
    pub(crate) fn pair(&self, listener: &Listener) -> Result<Pair, Trouble> {
        self.pair_from(listener, Dial::default())
    }

    /// A connection to a listener, made in some way, and accepted there.
    ///
    /// # Errors
    /// A call failed.
    pub(crate) fn pair_from(&self, listener: &Listener, dial: Dial) -> Result<Pair, Trouble> {
        self.pair_with(self, listener, dial)
    }

    /// A connection from here to a listener on a host, accepted there.
    ///
    /// # Errors
    /// A call failed.
    pub(crate) fn pair_with(&self, server: &Self, listener: &Listener, dial: Dial) -> Result<Pair, Trouble> {
        let client = self.connect(server.reached_at(listener), dial).map_err(self.failed("connect"))?;
        let accepted = listener.accept().map_err(server.failed("accept"))?;
        Ok(Pair { client, server: accepted })
    }

    /// Where clients connect to: the listener's address, or this host's where it listens on all.
    pub(crate) fn reached_at(&self, listener: &Listener) -> SocketAddr {
        let port = listener.address.port();
        if listener.address.ip().is_unspecified() { self.at(port) } else { listener.address }
    }
}

impl Listener {
    pub(crate) fn of(socket: Socket) -> io::Result<Self> {
        let address = address_of(&socket.local_addr()?)?;
        Ok(Self { socket, address })
    }

    /// The next connection.
    ///
    /// # Errors
    /// What accept(2) answered; `WouldBlock` if none comes for some seconds.
    pub(crate) fn accept(&self) -> io::Result<Socket> {
        let (socket, _) = self.socket.accept()?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(socket)
    }

    /// The socket itself.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }
}

/// bind(2) in this process's own host: the socket, or what it answered.
fn bound_here(address: SocketAddr, flags: Flags) -> io::Result<Socket> {
    let socket = patient(address)?;
    flags.set(&socket)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A TCP socket for an address of this family, which gives up waiting after a while.
fn patient(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// The internet address that a socket's is.
pub(crate) fn address_of(address: &SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))
}
