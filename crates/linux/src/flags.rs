//! The options of other processes' listening sockets, which no table shows.
//!
//! The kernel gives us a second descriptor of the socket (`pidfd_getfd(2)`, since 5.6); three options are read from it,
//! and it is closed at once. While it is open the socket cannot go away: its port stays taken if its owner closes it in
//! that moment. So this is done to listeners alone, never to a connection, which our descriptor would keep from
//! closing in time.
//!
//! It is what a debugger may do and no more (`PTRACE_MODE_ATTACH_REALCREDS`): one's own processes, if they are dumpable
//! and Yama does not restrict it, or all of them with `CAP_SYS_PTRACE`. It leaves traces where an administrator looks for
//! debuggers: audit rules on `pidfd_getfd` record it, and SELinux and AppArmor log the denial of `ptrace` when they
//! refuse.

mod refusal;

use std::{
    io,
    num::NonZeroU32,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    io::Errno,
    net::{AddressFamily, sockopt},
    process::{Pid, PidfdFlags, PidfdGetfdFlags},
};
use timewait_facts::{Socket, State};

use refusal::{Call, Surroundings};
pub use refusal::{PeekError, Refuser};

use crate::owners;

/// The options by which a listener shares its port, as they are now.
///
/// What they are *not*: those that counted at its bind(2), or those that its connections were given when it accepted
/// them. They can be changed at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerFlags {
    /// SO_REUSEADDR
    pub reuseaddr: bool,
    /// SO_REUSEPORT
    pub reuseport: bool,
    /// IPV6_V6ONLY; `None` for an IPv4 socket.
    pub v6only: Option<bool>,
}

/// Reads the options of a listening socket that this process holds (its id as `/proc` numbers it, as in
/// [`Owner::pid`](timewait_facts::Owner)).
///
/// # Errors
/// It does not listen, in which case nobody is asked; it is gone; or [something](Refuser) refuses.
pub fn of_listener(socket: &Socket, pid: u32) -> Result<ListenerFlags, PeekError> {
    let (State::Listen, Some(inode)) = (socket.state, socket.inode) else {
        return Err(PeekError::NotListening(socket.state));
    };
    let descriptor = match owners::descriptor(pid, inode).map_err(PeekError::Failed)? {
        owners::Descriptor::Is(number) => number,
        owners::Descriptor::Gone => return Err(PeekError::Gone),
        owners::Descriptor::Hidden(error) => {
            return Err(refusal::of(Call::List, error, Surroundings::of(pid)));
        }
    };
    let ours = duplicate(pid, descriptor)?;
    read(&ours, inode)
}

/// A second descriptor of what another process has under this number.
fn duplicate(pid: u32, descriptor: i32) -> Result<OwnedFd, PeekError> {
    let refused = |call, errno: Errno| refusal::of(call, errno.into(), Surroundings::of(pid));
    let here = owners::id_here(pid).and_then(Pid::from_raw).ok_or(PeekError::Gone)?;
    let process =
        rustix::process::pidfd_open(here, PidfdFlags::empty()).map_err(|errno| refused(Call::Open, errno))?;
    rustix::process::pidfd_getfd(&process, descriptor, PidfdGetfdFlags::empty())
        .map_err(|errno| refused(Call::Duplicate, errno))
}

/// The options, if this is the socket that was meant: the number may mean another file by now.
fn read(ours: &OwnedFd, inode: NonZeroU32) -> Result<ListenerFlags, PeekError> {
    let failed = |errno: Errno| PeekError::Failed(io::Error::from(errno));
    let same = rustix::fs::fstat(ours).map_err(failed)?.st_ino == u64::from(inode.get());
    if !same || !sockopt::socket_acceptconn(ours).map_err(failed)? {
        return Err(PeekError::Gone);
    }
    options(ours.as_fd()).map_err(failed)
}

fn options(socket: impl AsFd) -> rustix::io::Result<ListenerFlags> {
    let is_v6 = sockopt::socket_domain(&socket)? == AddressFamily::INET6;
    Ok(ListenerFlags {
        reuseaddr: sockopt::socket_reuseaddr(&socket)?,
        reuseport: sockopt::socket_reuseport(&socket)?,
        v6only: if is_v6 { Some(sockopt::ipv6_v6only(&socket)?) } else { None },
    })
}
