use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr},
};

use socket2::Socket;
use timewait_tcp::Side;

use super::calls::address_of;

/// What the article's server writes to each client.
const LINE: &[u8] = b"I sent sth to client!\n";

/// Both sockets of a connection.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The one that connected.
    pub(crate) client: Socket,
    /// The one that was accepted.
    pub(crate) server: Socket,
}

/// How a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// One side closes; the other reads to the end, and closes then.
    First(Side),
    /// The server closes its sending half only (`SHUT_WR`), reads to the end, and closes then; the client closes when it
    /// has read to the end.
    ServerShutsWriting,
    /// The server closes with SO_LINGER on and 0: by an RST.
    ServerResets,
}

impl Close {
    /// The client closes first.
    pub(crate) const CLIENT_FIRST: Self = Self::First(Side::Left);
    /// The server closes first: the article's way.
    pub(crate) const SERVER_FIRST: Self = Self::First(Side::Right);
}

impl Pair {
    /// The client's address and port.
    ///
    /// # Errors
    /// What the call answered.
    pub(crate) fn client_address(&self) -> io::Result<SocketAddr> {
        address_of(&self.client.local_addr()?)
    }

    /// The article's conversation: the server writes its line, then the connection is closed so.
    ///
    /// # Errors
    /// A call failed, or the line did not arrive whole. After an RST it need not.
    pub(crate) fn close(self, how: Close) -> io::Result<()> {
        let Self { client, server } = self;
        (&server).write_all(LINE)?;
        match how {
            Close::First(Side::Right) => {
                drop(server);
                read_to_end(&client)
            }
            Close::First(Side::Left) => {
                let mut line = vec![0; LINE.len()];
                (&client).read_exact(&mut line)?;
                drop(client);
                read_to_end(&server)
            }
            Close::ServerShutsWriting => {
                server.shutdown(Shutdown::Write)?;
                read_to_end(&client)?;
                drop(client);
                read_to_end(&server)
            }
            Close::ServerResets => {
                let mut line = vec![0; LINE.len()];
                (&client).read_exact(&mut line)?;
                server.set_linger(Some(std::time::Duration::ZERO))?;
                drop(server);
                match read_to_end(&client) {
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
                    other => other,
                }
            }
        }
    }
}

/// Reads until the peer's FIN.
pub(crate) fn read_to_end(mut socket: &Socket) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while socket.read(&mut buffer)? > 0 {}
    Ok(())
}
