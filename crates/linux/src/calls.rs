//! System calls that no safe crate offers, one a function. Each block says who guarantees what.
#![allow(unsafe_code, reason = "this is the fence: the calls are here so that they are nowhere else")]

pub(crate) mod bpf;

use std::{
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd},
        unix::process::CommandExt as _,
    },
    panic::{self, AssertUnwindSafe},
    process::Command,
};

use rustix::{process::Pid, thread::UnshareFlags};

use crate::processes;

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
    // callers (`hosts::namespaces`, `hosts::neighbour`) pass namespaces alone.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// fork(2), in a child that was itself just forked and has a single thread. `None` in the new child.
pub(crate) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: no memory is shared with the new child, and both sides go on with system calls only.
    let pid = unsafe { libc::fork() };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(Pid::from_raw(pid)) }
}

/// fork(2) of a process that has a single thread: the child, a whole copy of it, does `work` and nothing else, and ends with
/// the status that this gives (101, as every Rust program, if it panics).
///
/// `None`, and nothing done, where there are other threads: what they hold would stay locked in the child for ever.
pub(crate) fn fork_to(work: impl FnOnce() -> i32) -> io::Result<Option<Pid>> {
    if !processes::is_alone() {
        return Ok(None);
    }
    // SAFETY: this thread is the only one, as was just seen, and no other can begin meanwhile. So the child is whole: no
    // lock in it is held by who is not there, and it may allocate. It shares no memory with its parent, and never
    // returns from here, so no frame above this one is left twice.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let status = panic::catch_unwind(AssertUnwindSafe(work));
        exit_now(status.unwrap_or(101));
    }
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
    let mut request = request_for("lo");
    // SAFETY: `request` is a valid ifreq with a terminated name; the kernel writes its flags, within it.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &raw mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(request)
}

/// A request about the interface of this name, all else zero. A longer name than fits is cut.
fn request_for(name: &str) -> libc::ifreq {
    // SAFETY: an ifreq is integers, arrays of them and a pointer, for all of which zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero: the name's end.
    let places = request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1);
    for (to, from) in places.zip(name.bytes()) {
        *to = from.cast_signed();
    }
    request
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

/// getsockopt(2) of the first `SIZE` bytes of an option. What the kernel does not write stays 0.
pub(crate) fn option<const SIZE: usize>(
    socket: BorrowedFd<'_>,
    level: i32,
    option: i32,
) -> io::Result<[u8; SIZE]> {
    let mut bytes = [0_u8; SIZE];
    let mut size = libc::socklen_t::try_from(SIZE).map_err(io::Error::other)?;
    // SAFETY: the kernel writes at most `size` bytes, which are those of `bytes`, and then `size` itself.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            bytes.as_mut_ptr().cast::<libc::c_void>(),
            &raw mut size,
        )
    };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(bytes) }
}

/// SIOCOUTQ: bytes in the send queue that the peer has not acknowledged (tcp(7)).
pub(crate) fn unacknowledged(socket: BorrowedFd<'_>) -> io::Result<i32> {
    let mut bytes = 0_i32;
    // SAFETY: on a TCP socket the kernel writes one int, within `bytes`; on anything else TIOCOUTQ, which is the same
    // number, either writes one int too or fails.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(bytes)
}

/// TUNSETIFF: makes an open `/dev/net/tun` one end of a new interface whose packets come and go without a header
/// before them. The interface goes with the file.
pub(crate) fn attach_tun(file: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    #[allow(clippy::cast_possible_truncation, reason = "both are below 2^13")]
    const FLAGS: libc::c_short = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    let mut request = request_for(name);
    request.ifr_ifru.ifru_flags = FLAGS;
    // SAFETY: `request` is a valid ifreq with a terminated name and its flags; the kernel writes the name back.
    let outcome = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// SIOCETHTOOL with one of the `ETHTOOL_S*` commands that turn a feature of an interface off.
pub(crate) fn turn_off(socket: BorrowedFd<'_>, name: &str, command: u32) -> io::Result<()> {
    /// `struct ethtool_value` (linux v6.12 include/uapi/linux/ethtool.h)
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    const { assert!(size_of::<Value>() == 8 && std::mem::offset_of!(Value, data) == 4) };
    let mut value = Value { command, data: 0 };
    let mut request = request_for(name);
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: `request` is a valid ifreq whose pointer leads to `value`, which lives through the call. A command
    // that sets a feature reads an ethtool_value there and writes nothing.
    let outcome = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw const request) };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// bind(2) of a packet socket: from here on it hears every packet of this interface, and sends there.
pub(crate) fn bind_packet(socket: BorrowedFd<'_>, interface: u32) -> io::Result<()> {
    #[allow(clippy::cast_possible_truncation, reason = "both are below 2^16")]
    const FAMILY_AND_PROTOCOL: (u16, u16) = (libc::AF_PACKET as u16, libc::ETH_P_ALL as u16);
    let size = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
    let address = libc::sockaddr_ll {
        sll_family: FAMILY_AND_PROTOCOL.0,
        sll_protocol: FAMILY_AND_PROTOCOL.1.to_be(),
        sll_ifindex: interface.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the kernel reads `size` bytes from `address`, which has as many and lives through the call.
    let outcome = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// getsockopt(2) `PACKET_STATISTICS`: how many packets found no room in a packet socket since this was last asked.
pub(crate) fn packets_dropped(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut statistics = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut size = libc::socklen_t::try_from(size_of_val(&statistics)).map_err(io::Error::other)?;
    // SAFETY: the kernel writes at most `size` bytes to `statistics`, which has as many, and then `size` itself.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut statistics).cast(),
            &raw mut size,
        )
    };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(statistics.tp_drops) }
}
