use core::fmt;

use serde::Serialize;
use socket2::Socket;

/// The options by which a socket shares its port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Flags {
    /// SO_REUSEADDR
    pub(crate) reuseaddr: bool,
    /// SO_REUSEPORT
    pub(crate) reuseport: bool,
    /// IPV6_V6ONLY; `None` leaves it as the system has it.
    pub(crate) v6only: Option<bool>,
}

impl Flags {
    /// None of them: the article's first program.
    pub(crate) const NONE: Self = Self { reuseaddr: false, reuseport: false, v6only: None };
    /// SO_REUSEADDR: the article's second program.
    pub(crate) const REUSEADDR: Self = Self { reuseaddr: true, ..Self::NONE };
    /// SO_REUSEPORT
    pub(crate) const REUSEPORT: Self = Self { reuseport: true, ..Self::NONE };
    /// Both.
    pub(crate) const BOTH: Self = Self { reuseaddr: true, reuseport: true, v6only: None };

    /// Sets them on a socket.
    pub(super) fn set(self, socket: &Socket) -> std::io::Result<()> {
        if self.reuseaddr {
            socket.set_reuse_address(true)?;
        }
        if self.reuseport {
            socket.set_reuse_port(true)?;
        }
        self.v6only.map_or(Ok(()), |only| socket.set_only_v6(only))
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.reuseaddr, "SO_REUSEADDR"),
            (self.reuseport, "SO_REUSEPORT"),
            (self.v6only == Some(true), "IPV6_V6ONLY"),
            (self.v6only == Some(false), "IPV6_V6ONLY off"),
        ];
        let mut set = names.into_iter().filter(|&(on, _)| on).map(|(_, name)| name).peekable();
        if set.peek().is_none() {
            return f.write_str("no option");
        }
        for (position, name) in set.enumerate() {
            if position > 0 {
                f.write_str(" and ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}
