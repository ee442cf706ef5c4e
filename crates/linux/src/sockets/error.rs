use std::io;

use crate::netlink::AnswerError;

/// Why the socket table cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The kernel was built without `sock_diag`, or its module cannot be loaded.
    #[error("this kernel has no socket diagnosis (CONFIG_INET_DIAG, module inet_diag)")]
    Absent(#[source] io::Error),
    /// Something forbids netlink sockets to this process: a seccomp filter, an LSM (SELinux, AppArmor), a sandbox.
    #[error("this process may not open a netlink socket (a seccomp filter, SELinux or AppArmor forbids it)")]
    Refused(#[source] io::Error),
    /// The namespace cannot be entered, which takes `CAP_SYS_ADMIN` in it and here.
    #[error("cannot enter the network namespace, which takes CAP_SYS_ADMIN")]
    Enter(#[source] io::Error),
    /// Descriptors, memory or threads ran out.
    #[error("cannot open a netlink socket")]
    Resources(#[source] io::Error),
}

impl OpenError {
    pub(super) fn from_socket(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT | libc::ESOCKTNOSUPPORT) => Self::Absent(error),
            _ if is_refusal(&error) => Self::Refused(error),
            _ => Self::Resources(error),
        }
    }
}

/// Why the socket table cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The kernel was built without TCP's part of `sock_diag`, or its module cannot be loaded.
    #[error("this kernel has no diagnosis of TCP sockets (CONFIG_INET_TCP_DIAG, module tcp_diag)")]
    Absent(#[source] io::Error),
    /// Something forbids the question: a seccomp filter, an LSM (SELinux, AppArmor), a sandbox.
    #[error("this process may not read the socket table (a seccomp filter, SELinux or AppArmor forbids it)")]
    Refused(#[source] io::Error),
    /// The answer is none, or not whole.
    #[error("cannot read the socket table")]
    Answer(#[source] AnswerError),
}

impl From<AnswerError> for ReadError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Errno(errno) if is_absence(&errno) => Self::Absent(errno),
            AnswerError::Errno(errno) | AnswerError::Send(errno) | AnswerError::Receive(errno)
                if is_refusal(&errno) =>
            {
                Self::Refused(errno)
            }
            other => Self::Answer(other),
        }
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EPROTONOSUPPORT | libc::EOPNOTSUPP))
}

/// What a filter answers: that it is not permitted, or that there is no such call.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES | libc::ENOSYS))
}

impl ReadError {
    /// Whether the kernel understood the question and has no such thing, or did not understand it: then another
    /// form of the question may be answered.
    pub(super) fn is_about_the_request(&self) -> bool {
        match self {
            Self::Absent(_) => true,
            Self::Answer(AnswerError::Errno(error)) => error.raw_os_error() == Some(libc::EINVAL),
            Self::Refused(_) | Self::Answer(_) => false,
        }
    }
}
