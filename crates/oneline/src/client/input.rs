use std::os::fd::BorrowedFd;

use rustix::io::{self, Errno};

/// What is to be sent: a file, a pipe, a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Read from when it has something, a piece at a time; not before the last piece was sent.
    pub from: BorrowedFd<'a>,
    /// Whether its end closes our side of the connection, as Ctrl-D in a terminal should. The end of a file or of a
    /// pipe should not: `printf hello | timewait connect` wants the answer, whoever closes first.
    pub end_closes: bool,
}

impl Input<'_> {
    /// What there is now. Empty at its end; an input that can no longer be read has ended.
    pub(super) fn read(self, buffer: &mut [u8]) -> io::Result<usize> {
        match io::read(self.from, buffer) {
            Ok(bytes) => Ok(bytes),
            Err(errno @ (Errno::INTR | Errno::AGAIN)) => Err(errno),
            Err(_) => Ok(0),
        }
    }
}
