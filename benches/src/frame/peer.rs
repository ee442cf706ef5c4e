use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

/// A program of others that we compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Ss,
    Netstat,
    Nginx,
    Wrk,
    Ab,
    Strace,
    Valgrind,
}

impl Peer {
    pub(crate) const fn program(self) -> &'static str {
        match self {
            Self::Ss => "ss",
            Self::Netstat => "netstat",
            Self::Nginx => "nginx",
            Self::Wrk => "wrk",
            Self::Ab => "ab",
            Self::Strace => "strace",
            Self::Valgrind => "valgrind",
        }
    }

    /// The package of Debian's that has it.
    pub(crate) const fn package(self) -> &'static str {
        match self {
            Self::Ss => "iproute2",
            Self::Netstat => "net-tools",
            Self::Nginx => "nginx-light",
            Self::Wrk => "wrk",
            Self::Ab => "apache2-utils",
            Self::Strace => "strace",
            Self::Valgrind => "valgrind",
        }
    }

    /// Where it is; `None` if it is not installed.
    pub(crate) fn find(self) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let also = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        env::split_paths(&path)
            .chain(also)
            .map(|folder| folder.join(self.program()))
            .find(|file| file.is_file())
    }

    /// The line in which it says its version; some say it on standard error.
    pub(crate) fn version(self) -> Option<String> {
        let flag = match self {
            Self::Ss | Self::Ab | Self::Netstat | Self::Strace => "-V",
            Self::Nginx | Self::Wrk => "-v",
            Self::Valgrind => "--version",
        };
        let output = Command::new(self.find()?).arg(flag).stdin(Stdio::null()).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        said.lines()
            .find(|line| line.contains(|c: char| c.is_ascii_digit()))
            .map(|line| line.trim().to_owned())
    }
}
