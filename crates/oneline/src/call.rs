use std::fmt;

/// A system call that an error is about, named as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// socket(2).
    Socket,
    /// setsockopt(2) of the option with this name (`SO_REUSEADDR`).
    SetOption(&'static str),
    /// bind(2).
    Bind,
    /// listen(2).
    Listen,
    /// getsockname(2).
    LocalName,
    /// connect(2), or the wait for its outcome.
    Connect,
    /// accept4(2).
    Accept,
    /// `epoll_create1(2)`, `epoll_ctl(2)`, `epoll_wait(2)`, by name.
    Epoll(&'static str),
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket => f.pad("socket"),
            Self::SetOption(option) => write!(f, "setsockopt {option}"),
            Self::Bind => f.pad("bind"),
            Self::Listen => f.pad("listen"),
            Self::LocalName => f.pad("getsockname"),
            Self::Connect => f.pad("connect"),
            Self::Accept => f.pad("accept4"),
            Self::Epoll(name) => f.pad(name),
        }
    }
}
