//! Network namespaces of others: named, opened, entered for a moment.

mod everywhere;
mod mounts;

use std::{
    io,
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

pub use everywhere::{Everywhere, Found, everywhere};
use rustix::{
    fs::{AtFlags, Mode, OFlags, RawDir},
    io::Errno,
    thread::LinkNameSpaceType,
};
use timewait_facts::Untrusted;

use crate::calls;

/// Where `ip netns add` mounts the namespaces that it names; the second was the only one on old systems.
const NAMED: [&str; 2] = ["/run/netns", "/var/run/netns"];
/// `NSFS_MAGIC` (linux v6.12 include/uapi/linux/magic.h)
const NSFS: u64 = 0x6e73_6673;

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// A network namespace, held open.
#[derive(Debug)]
pub struct Netns {
    file: OwnedFd,
    inode: u64,
}

/// Why there is no such network namespace.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// Nothing has this name in `/run/netns`.
    #[error("no network namespace is named '{}' (`ip netns` lists the names)", Untrusted::show(.0.as_bytes()))]
    NoName(String),
    /// There is no such file.
    #[error("no file {}", Untrusted::show(.0.as_bytes()))]
    NoFile(String),
    /// No process has this id.
    #[error("no process {0} runs here")]
    NoProcess(String),
    /// It is something, and no network namespace.
    #[error("{} is not a network namespace", Untrusted::show(.0.as_bytes()))]
    NotNetwork(String),
    /// It may not be opened: a process of another user needs `CAP_SYS_PTRACE`.
    #[error("may not open {}", Untrusted::show(path.as_bytes()))]
    Refused {
        /// The file.
        path: String,
        /// What the kernel answered.
        source: io::Error,
    },
    /// It cannot be opened for another reason.
    #[error("cannot open {}", Untrusted::show(path.as_bytes()))]
    Open {
        /// The file.
        path: String,
        /// What the kernel answered.
        source: io::Error,
    },
}

/// Why no work could be done there.
pub(crate) enum NotInside {
    /// The namespace cannot be entered.
    Enter(io::Error),
    /// There is no thread to be had.
    Thread(io::Error),
}

impl Netns {
    /// Opens a namespace by the id of a process in it (`1234`), by the path of its file (any text with a `/`), or by
    /// the name that `ip netns` gave it.
    ///
    /// # Errors
    /// There is none, it is something else, or it may not be opened.
    pub fn open(given: &str) -> Result<Self, NetnsError> {
        if given.contains('/') {
            return Self::at(Path::new(given), NetnsError::NoFile(given.to_owned()));
        }
        if is_number(given) {
            let path = format!("/proc/{given}/ns/net");
            return Self::at(Path::new(&path), NetnsError::NoProcess(given.to_owned()));
        }
        Self::named(given)
    }

    fn named(name: &str) -> Result<Self, NetnsError> {
        let absent = || NetnsError::NoName(name.to_owned());
        if ["", ".", ".."].contains(&name) {
            return Err(absent());
        }
        let paths = NAMED.map(|folder| PathBuf::from(folder).join(name));
        let found = paths.iter().find(|path| path.exists()).ok_or_else(absent)?;
        Self::at(found, absent())
    }

    fn at(path: &Path, absent: NetnsError) -> Result<Self, NetnsError> {
        let shown = || path.to_string_lossy().into_owned();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::SRCH | Errno::INVAL => absent,
            Errno::ACCESS | Errno::PERM => NetnsError::Refused { path: shown(), source: errno.into() },
            _ => NetnsError::Open { path: shown(), source: errno.into() },
        })?;
        Self::from_file(file, &shown())
    }

    fn from_file(file: OwnedFd, path: &str) -> Result<Self, NetnsError> {
        let failed = |errno: Errno| NetnsError::Open { path: path.to_owned(), source: errno.into() };
        let magic = rustix::fs::fstatfs(&file).map_err(failed)?.f_type;
        // The question for its kind means something else to other files, so it is asked of these only.
        let is_namespace = u64::try_from(magic).is_ok_and(|magic| magic == NSFS);
        if !is_namespace || calls::namespace_kind(file.as_fd()).ok() != Some(libc::CLONE_NEWNET) {
            return Err(NetnsError::NotNetwork(path.to_owned()));
        }
        let inode = rustix::fs::fstat(&file).map_err(failed)?.st_ino;
        Ok(Self { file, inode })
    }

    /// Its identity: the number in `net:[4026531840]`.
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// Whether the calling thread is in it.
    pub fn is_own(&self) -> bool {
        std::fs::metadata("/proc/thread-self/ns/net").is_ok_and(|own| own.ino() == self.inode)
    }

    /// Other network namespaces that processes are in, as far as this process may see them, at most so many.
    ///
    /// # Errors
    /// `/proc` cannot be listed.
    pub fn others(most: usize) -> io::Result<Vec<Self>> {
        let own = std::fs::metadata("/proc/thread-self/ns/net")?.ino();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let processes = rustix::fs::open("/proc", flags, Mode::empty())?;
        // There may be thousands, of which hardly any is in another one: nothing is allocated for those that are not.
        let mut room = [const { MaybeUninit::uninit() }; 8 * 1024];
        let mut entries = RawDir::new(&processes, &mut room);
        let (mut found, mut path) = (Vec::new(), String::new());
        while let Some(entry) = entries.next().filter(|_| found.len() < most) {
            let entry = entry?;
            let Some(pid) = entry.file_name().to_str().ok().filter(|name| is_number(name)) else { continue };
            path.clear();
            path.extend([pid, "/ns/net"]);
            let is_new = |inode| inode != own && found.iter().all(|other: &Self| other.inode != inode);
            if rustix::fs::statat(&processes, &*path, AtFlags::empty()).is_ok_and(|it| is_new(it.st_ino))
                && let Ok(other) = Self::open(pid)
            {
                found.push(other);
            }
        }
        Ok(found)
    }

    /// Does some work in a thread that has moved there. The calling thread stays where it is.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NotInside> {
        thread::scope(|scope| {
            let entrant = thread::Builder::new().name("enter-netns".into()).spawn_scoped(scope, || {
                self.enter().map_err(NotInside::Enter)?;
                Ok(work())
            });
            entrant.map_err(NotInside::Thread)?.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Moves the calling thread, for good.
    fn enter(&self) -> io::Result<()> {
        rustix::thread::move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(())
    }
}
