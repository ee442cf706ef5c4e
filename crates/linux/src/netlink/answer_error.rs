use std::io;

use super::Malformed;

/// Why the kernel's answer is not to be had whole. What was handed out before is true; it is not all.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The kernel answered with an error.
    #[error("the kernel answers with an error")]
    Errno(#[source] io::Error),
    /// The question could not be sent.
    #[error("cannot send the question to the kernel")]
    Send(#[source] io::Error),
    /// The answer could not be received.
    #[error("cannot receive the kernel's answer")]
    Receive(#[source] io::Error),
    /// The kernel dropped a part of its answer because it was not read fast enough (ENOBUFS). Asking again may help.
    #[error("the kernel dropped a part of its answer (ENOBUFS)")]
    Overrun,
    /// A datagram was longer than the buffer, so its end is lost.
    #[error("the kernel's answer was cut: {length} bytes at once, where at most {limit} were agreed")]
    Cut {
        /// The datagram's length.
        length: usize,
        /// The buffer's.
        limit: usize,
    },
    /// Bytes that are no answer to what was asked.
    #[error("the kernel's answer cannot be read")]
    Malformed(#[from] Malformed),
    /// What was listed changed while it was listed, and the kernel says so (`NLM_F_DUMP_INTR`). Asking again may help.
    #[error("the kernel's answer is inconsistent, since the listed things changed meanwhile")]
    Interrupted,
    /// Nothing came for half a minute.
    #[error("the kernel does not answer")]
    Silent,
    /// The answer ended without the mark of its end (`NLMSG_DONE`).
    #[error("the kernel's answer ends without its end mark")]
    Unfinished,
}

impl AnswerError {
    /// The error that the kernel answered with, if it answered with one.
    pub(crate) fn errno(&self) -> Option<i32> {
        match self {
            Self::Errno(error) => error.raw_os_error(),
            _ => None,
        }
    }
}
