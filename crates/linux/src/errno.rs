use std::{fmt, io};

/// An error number of the kernel, with its name and text.
///
/// Its `Display` is what a person reads beside a failing call: `errno 98 EADDRINUSE: Address already in use`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(nix::errno::Errno);

impl Errno {
    /// EADDRINUSE
    pub const ADDRESS_IN_USE: Self = Self(nix::errno::Errno::EADDRINUSE);
    /// EADDRNOTAVAIL
    pub const ADDRESS_NOT_AVAILABLE: Self = Self(nix::errno::Errno::EADDRNOTAVAIL);
    /// EINVAL
    pub const INVALID: Self = Self(nix::errno::Errno::EINVAL);
    /// EACCES
    pub const PERMISSION_DENIED: Self = Self(nix::errno::Errno::EACCES);

    /// The errno with this number on this machine.
    pub fn from_raw(number: i32) -> Self {
        Self(nix::errno::Errno::from_raw(number))
    }

    /// The errno that an I/O error carries; `None` for one that no system call made.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.raw_os_error().map(Self::from_raw)
    }

    /// Its number, which differs between architectures.
    pub fn number(self) -> i32 {
        self.0 as i32
    }

    /// Its name: `EADDRINUSE`.
    pub fn name(self) -> String {
        format!("{:?}", self.0)
    }

    /// Its text: `Address already in use`.
    pub fn text(self) -> &'static str {
        self.0.desc()
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "errno {} {:?}: {}", self.number(), self.0, self.0.desc())
    }
}

impl std::error::Error for Errno {}

impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::from_raw(errno.raw_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_bind_reads_as_the_article_prints_it() {
        let error = io::Error::from(rustix::io::Errno::ADDRINUSE);
        let errno = Errno::of(&error).unwrap();
        assert_eq!(errno, Errno::ADDRESS_IN_USE);
        let number = rustix::io::Errno::ADDRINUSE.raw_os_error();
        assert_eq!(errno.to_string(), format!("errno {number} EADDRINUSE: Address already in use"));
    }
}
