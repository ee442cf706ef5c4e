//! System calls that no safe crate offers, one a function. Each block says who guarantees what.
#![allow(unsafe_code, reason = "this is the fence: the calls are here so that they are nowhere else")]

pub(crate) mod bpf;

use std::{
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd},
        unix::process::CommandExt as _,
    },
    process::Command,
};

use rustix::{process::Pid, thread::UnshareFlags};

/// Runs `prepare` in the child between fork and exec.
///
/// `prepare` must make system calls only: the child is a copy of one thread of a process that may have had many,
/// so a lock that another thread held (the allocator's, the environment's) stays locked for ever in it. All
/// callers are in this crate: `hosts::namespaces::enter` and `processes::tether`.
pub(crate) fn before_exec(
    command: &mut Command,
    prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the closures that are given here (see above) neither allocate nor take locks; they only make
    // system calls on values that were made before the fork.
    unsafe { command.pre_exec(prepare) };
}

/// unshare(2): moves this thread into new namespaces.
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: what makes it unsafe is CLONE_FILES, after which other threads would see other descriptors; the
    // only caller passes namespaces, in a child that has a single thread.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// fork(2), in a child that was itself just forked and has a single thread. `None` in the new child.
pub(crate) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: no memory is shared with the new child, and both sides go on with system calls only.
    let pid = unsafe { libc::fork() };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(Pid::from_raw(pid)) }
}

/// _exit(2): ends the process without running what the parent registered for its own end.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: takes a number and does not return.
    unsafe { libc::_exit(code) }
}

/// Ignores a signal from here on.
pub(crate) fn ignore(signal: i32) {
    // SAFETY: SIG_IGN runs no code of ours; an unknown signal makes the call fail and changes nothing.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// `close_range(2)`: closes every descriptor from `first` on.
///
/// The caller must be about to do nothing but wait and exit: any owner of a closed descriptor is left with a
/// number that means nothing. The only caller never returns.
pub(crate) fn close_from(first: u32) {
    // SAFETY: the only caller, `hosts::namespaces::stand_guard`, uses no descriptor from `first` on afterwards and
    // runs no destructor (it leaves by `exit_now`).
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}

/// SIOCGIFFLAGS and SIOCSIFFLAGS: takes the interface `lo` up, then reads back that it is.
pub(crate) fn loopback_up(socket: BorrowedFd<'_>) -> io::Result<()> {
    let mut request = loopback_flags(socket)?;
    // SAFETY: the kernel just wrote the flags; every bit pattern of the union is a valid c_short.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | interface_up();
    // SAFETY: `request` is a valid ifreq with its name and flags set; the kernel only reads it.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    let now = unsafe { loopback_flags(socket)?.ifr_ifru.ifru_flags };
    if now & interface_up() == 0 { Err(io::Error::from_raw_os_error(libc::ENETDOWN)) } else { Ok(()) }
}

fn loopback_flags(socket: BorrowedFd<'_>) -> io::Result<libc::ifreq> {
    // SAFETY: an ifreq is integers, arrays of them and a pointer, for all of which zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *to = from.cast_signed();
    }
    // SAFETY: `request` is a valid ifreq with a terminated name; the kernel writes its flags, within it.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &raw mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(request)
}

#[allow(clippy::cast_possible_truncation, reason = "IFF_UP is 1")]
const fn interface_up() -> libc::c_short {
    libc::IFF_UP as libc::c_short
}

/// `NS_GET_NSTYPE`: which kind of namespace a file of nsfs is, as the `CLONE_NEW`* flag that makes such.
pub(crate) fn namespace_kind(file: BorrowedFd<'_>) -> io::Result<i32> {
    // SAFETY: this request takes no argument; on a file that is no namespace it is unknown and fails. The only
    // caller asks files of nsfs alone, where the number cannot mean another request.
    let kind = unsafe { libc::ioctl(file.as_raw_fd(), libc::NS_GET_NSTYPE) };
    if kind < 0 { Err(io::Error::last_os_error()) } else { Ok(kind) }
}

/// setsockopt(2) of an option that is an int.
pub(crate) fn set_int_option(socket: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of::<i32>()).map_err(io::Error::other)?;
    // SAFETY: the kernel reads `size` bytes from `value`, which lives through the call.
    let outcome = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast::<libc::c_void>(), size)
    };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// getsockopt(2) `TCP_INFO`, of which the first byte alone is asked for: `tcpi_state`.
pub(crate) fn tcp_info_state(socket: BorrowedFd<'_>) -> io::Result<u8> {
    const { assert!(std::mem::offset_of!(libc::tcp_info, tcpi_state) == 0) };
    let mut state = 0_u8;
    let mut size: libc::socklen_t = 1;
    // SAFETY: the kernel writes at most `size` bytes, which is the one of `state`, and then `size` itself.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut state).cast::<libc::c_void>(),
            &raw mut size,
        )
    };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(state) }
}
