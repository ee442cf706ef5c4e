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
    /// send(2).
    Send,
    /// recv(2), or the wait for the peer's FIN.
    Recv,
    /// shutdown(2).
    Shutdown,
    /// timerfd_create(2), timerfd_settime(2).
    Timerfd,
    /// eventfd(2).
    Eventfd,
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
            Self::Send => f.pad("send"),
            Self::Recv => f.pad("recv"),
            Self::Shutdown => f.pad("shutdown"),
            Self::Timerfd => f.pad("timerfd"),
            Self::Eventfd => f.pad("eventfd2"),
            Self::Epoll(name) => f.pad(name),
        }
    }
}
