//! The client: a telnet that tells how it ended.
//!
//! [`Connection::open`] connects, [`Connection::talk`] sends what it is given, hands over what comes, and says in an
//! [`Ending`] who closed first, as observed on the socket: whether the peer's FIN was there before ours was sent.
//! What becomes of the connection afterwards is the kernel's socket table to say.

mod dial;
mod ending;
mod input;
mod talk;
mod wait;

use std::{
    net::SocketAddr,
    os::fd::{BorrowedFd, OwnedFd},
    time::Duration,
};

pub use dial::{Dial, DialError};
pub use ending::{End, Ending};
pub use input::Input;

use rustix::io::Errno;

use crate::Side;

/// A connection that is open, and nothing said yet.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    local: SocketAddr,
    peer: SocketAddr,
    timeout: Duration,
    close_first: Side,
    /// The connection had come about and was reset before we looked; what came in between can still be read.
    reset: Option<Errno>,
}

impl Connection {
    /// Connects. `stop` is watched meanwhile: a byte in it, or its end, gives the attempt up.
    ///
    /// # Errors
    /// The call that failed. A connect(2) that was given up has `EINTR`; one without an answer within
    /// [`Dial::timeout`] has `ETIMEDOUT`, as if the kernel's own patience had ended.
    pub fn open(dial: &Dial, stop: BorrowedFd<'_>) -> Result<Self, DialError> {
        dial::open(dial, stop)
    }

    /// Our end: the port is the kernel's choice, unless [`Dial::from`] had one.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The other end. The same as ours if the connection is to itself, which happens when the port of a server that
    /// is gone is in the range of local ports and the kernel chooses just that.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Talks until the connection ends, then closes the descriptor.
    ///
    /// `input` is sent as it comes. Its end sends no FIN unless [`Input::end_closes`]; so a server that closes first
    /// does so also when there is no input at all, or when all of it was sent long ago. Every byte that comes goes to
    /// `on_bytes`.
    ///
    /// With [`Side::Client`] to close first, our FIN is sent once the input has ended, all of it was sent and the
    /// peer has said something; if it says nothing, after [`Dial::timeout`] of silence. Whatever the peer still says
    /// is received until its own FIN.
    ///
    /// Silence of both sides for [`Dial::timeout`], a byte in `stop`, or its end, close the connection as well, and
    /// give the peer half a second to close in its turn. A second byte does not wait even for that.
    pub fn talk(
        self,
        input: Option<Input<'_>>,
        stop: BorrowedFd<'_>,
        on_bytes: &mut impl FnMut(&[u8]),
    ) -> Ending {
        talk::Talk::new(self, input, stop).run(on_bytes)
    }
}
