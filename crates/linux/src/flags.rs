//! The options of other processes' listening sockets, which no table shows: read, and one of them set.
//!
//! The kernel gives us a second descriptor of the socket (`pidfd_getfd(2)`, since 5.6); three options are read from it,
//! or one is set, and it is closed at once. While it is open the socket cannot go away: its port stays taken if its owner closes it in
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
pub use refusal::{GiveError, PeekError, Refuser};

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
    options(&reach(socket, pid)?).map_err(failed)
}

/// Sets SO_REUSEADDR on a listening socket that this process (its id as in [`of_listener`]) holds.
///
/// It counts for connections that the listener accepts from then on, and for their TIME-WAIT. Those that were accepted
/// before keep what they have.
///
/// # Errors
/// The listener cannot be reached, for a reason that [`of_listener`] has too, or the kernel does not take the option.
pub fn give_reuseaddr(socket: &Socket, pid: u32) -> Result<(), GiveError> {
    let ours = reach(socket, pid)?;
    sockopt::set_socket_reuseaddr(&ours, true).map_err(|errno| GiveError::Set(errno.into()))?;
    match sockopt::socket_reuseaddr(&ours) {
        Ok(true) => Ok(()),
        Ok(false) => Err(GiveError::NotTaken),
        Err(errno) => Err(GiveError::Set(errno.into())),
    }
}

/// A second descriptor of the listening socket itself.
fn reach(socket: &Socket, pid: u32) -> Result<OwnedFd, PeekError> {
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
    if is_listener(&ours, inode).map_err(failed)? { Ok(ours) } else { Err(PeekError::Gone) }
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

/// Whether this is the socket that was meant: the number may mean another file by now.
fn is_listener(ours: &OwnedFd, inode: NonZeroU32) -> rustix::io::Result<bool> {
    let same = rustix::fs::fstat(ours)?.st_ino == u64::from(inode.get());
    Ok(same && sockopt::socket_acceptconn(ours)?)
}

fn failed(errno: Errno) -> PeekError {
    PeekError::Failed(io::Error::from(errno))
}

fn options(socket: &impl AsFd) -> rustix::io::Result<ListenerFlags> {
    let is_v6 = sockopt::socket_domain(socket)? == AddressFamily::INET6;
    Ok(ListenerFlags {
        reuseaddr: sockopt::socket_reuseaddr(socket)?,
        reuseport: sockopt::socket_reuseport(socket)?,
        v6only: if is_v6 { Some(sockopt::ipv6_v6only(socket)?) } else { None },
    })
}
