use std::{
    fmt,
    io::{self, IoSlice},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    net::{AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt},
};

use super::{
    Neighbour,
    links::{self, End},
};
use crate::{calls, netlink::AnswerError};

const TUN: &str = "/dev/net/tun";
/// The two ends of a pair, told apart so that the kernel at our end passes over what is meant for us.
const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
/// Destination, source, type.
const ETHERNET_HEADER: usize = 14;
const ETHERTYPES: [(u8, [u8; 2]); 2] = [(4, [0x08, 0x00]), (6, [0x86, 0xdd])];
/// Room for what arrives while nobody reads: some hundred of the largest packets.
const RECEIVE_BUFFER: usize = 32 << 20;
/// How long a queue may be frozen. Reached only when something is broken.
const FROZEN: Duration = Duration::from_secs(1);
const TRY_AGAIN: Duration = Duration::from_micros(50);
/// `ETHTOOL_STXCSUM`, `ETHTOOL_SSG`, `ETHTOOL_STSO`, `ETHTOOL_SGSO` (linux v6.12 include/uapi/linux/ethtool.h): what a
/// host leaves to its network card, which here is nobody: checksums, and cutting text into segments.
const OFFLOADS: [u32; 4] = [0x17, 0x19, 0x1f, 0x24];
/// `PACKET_IGNORE_OUTGOING` (linux v6.12 include/uapi/linux/if_packet.h; since 4.20)
const IGNORE_OUTGOING: i32 = 23;
/// `PACKET_QDISC_BYPASS` (linux v6.12 include/uapi/linux/if_packet.h; since 3.14). The end of a pair that was taken up
/// first gets its queue from a work queue, some time after the second is up (linux v6.12 net/core/link_watch.c), and
/// until then what is sent by way of that queue is lost without a word.
const BYPASS_QUEUE: i32 = 20;

/// How packets get from a host to this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A TUN interface: needs `/dev/net/tun`, which an ordinary user may open where distributions leave it as it is.
    Tun,
    /// A veth pair with a packet socket at our end: needs nothing but the namespace.
    Veth,
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tun => "TUN",
            Self::Veth => "veth",
        })
    }
}

/// Our end of an interface of a [`Neighbour`]: what that host sends there is received here, and what is sent here
/// arrives at that host.
///
/// Packets are whole IP packets with correct checksums, no longer than the interface's MTU. The interface goes with
/// this value.
#[derive(Debug)]
pub struct Device {
    file: OwnedFd,
    medium: Medium,
}

/// Why there is no such interface.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// `/dev/net/tun` is not there, or not for this user.
    #[error("cannot open {TUN}")]
    OpenTun(#[source] io::Error),
    /// It opens, and gives no interface.
    #[error("cannot make a TUN interface")]
    AttachTun(#[source] io::Error),
    /// No packet socket (AF_PACKET).
    #[error("cannot open a packet socket")]
    PacketSocket(#[source] io::Error),
    /// The interface cannot be made, or not taken up.
    #[error("cannot make the interface {name}")]
    Link {
        /// What it would have been called.
        name: String,
        /// What the kernel answered.
        source: AnswerError,
    },
    /// The host goes on leaving work to a network card that is not there.
    #[error("cannot turn off what {name} leaves to its network card")]
    Offload {
        /// The interface.
        name: String,
        /// What the kernel answered.
        source: io::Error,
    },
    /// The host's namespace cannot be entered.
    #[error("cannot enter the host {name}")]
    Enter {
        /// The host.
        name: String,
        /// What the kernel answered.
        source: io::Error,
    },
}

impl Device {
    /// A TUN interface in `host`, up and without an address.
    ///
    /// # Errors
    /// This user may not open `/dev/net/tun`, or the kernel refuses a step after that.
    pub fn tun(host: &Neighbour, name: &str, mtu: u32) -> Result<Self, DeviceError> {
        within(host, || {
            let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let file = rustix::fs::open(TUN, flags, Mode::empty())
                .map_err(|errno| DeviceError::OpenTun(errno.into()))?;
            calls::attach_tun(file.as_fd(), name).map_err(DeviceError::AttachTun)?;
            links::take_up(name, mtu).map_err(|source| link_error(name, source))?;
            Ok(Self { file, medium: Medium::Tun })
        })
    }

    /// An interface in `host`, up and without an address, whose other end is in `room`: a host that does nothing
    /// but hold such ends, one for each name.
    ///
    /// # Errors
    /// The kernel makes no veth pair or no packet socket, or refuses a step after that.
    pub fn veth(host: &Neighbour, room: &Neighbour, name: &str, mtu: u32) -> Result<Self, DeviceError> {
        let end_in_room = format!("to-{}", host.name());
        let end_in_room = end_in_room.get(..end_in_room.len().min(15)).unwrap_or("to-host");
        let file = within(room, || {
            let [theirs, ours] = MACS;
            let here = End { name: end_in_room, mac: ours, mtu };
            let there = End { name, mac: theirs, mtu };
            links::add_pair(here, there, host.netns().as_fd())
                .and_then(|()| links::take_up(end_in_room, mtu))
                .map_err(|source| link_error(name, source))?;
            // The host's own end must be the second to be taken up, which has its queue at once.
            packet_socket(end_in_room).map_err(DeviceError::PacketSocket)
        })?;
        within(host, || {
            let failed = |source| DeviceError::Offload { name: name.to_owned(), source };
            let socket = links::any_socket().map_err(failed)?;
            OFFLOADS
                .into_iter()
                .try_for_each(|what| calls::turn_off(socket.as_fd(), name, what))
                .map_err(failed)?;
            links::take_up(name, mtu).map_err(|source| link_error(name, source))
        })?;
        Ok(Self { file, medium: Medium::Veth })
    }

    /// Which of the two it is.
    pub fn medium(&self) -> Medium {
        self.medium
    }

    /// The next packet that waits here, if one does. A longer one than `buffer` is cut.
    ///
    /// # Errors
    /// The interface is gone, or down.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        match self.medium {
            Medium::Tun => {
                Ok(taken(rustix::io::read(&self.file, &mut *buffer))?.and_then(|length| buffer.get(..length)))
            }
            Medium::Veth => receive_frame(self.file.as_fd(), buffer),
        }
    }

    /// Sends one IP packet to the host.
    ///
    /// # Errors
    /// It is no IP packet, longer than the MTU, or the interface is gone.
    pub fn send(&self, packet: &[u8]) -> io::Result<()> {
        let sent = match self.medium {
            Medium::Tun => rustix::io::retry_on_intr(|| rustix::io::write(&self.file, packet))?,
            Medium::Veth => {
                let header = frame_header(packet)?;
                let parts = [IoSlice::new(&header), IoSlice::new(packet)];
                send_frame(self.file.as_fd(), &parts)? - ETHERNET_HEADER
            }
        };
        if sent == packet.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// How many packets found no room here since this was last asked, because nobody read for long. For a TUN
    /// interface nobody counts them here; there, they wait in the host's queue.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn overflowed(&self) -> io::Result<u32> {
        match self.medium {
            Medium::Tun => Ok(0),
            Medium::Veth => calls::packets_dropped(self.file.as_fd()),
        }
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Passive ears on the loopback interface of a host: every packet that goes over it, once.
///
/// On loopback the kernel leaves out checksums, and puts several segments into one packet.
#[derive(Debug)]
pub struct LoopbackEars {
    socket: OwnedFd,
}

impl LoopbackEars {
    /// On the loopback interface of the calling thread's network namespace.
    ///
    /// # Errors
    /// No packet socket is to be had here.
    pub fn open() -> Result<Self, DeviceError> {
        packet_socket("lo").map(|socket| Self { socket }).map_err(DeviceError::PacketSocket)
    }

    /// The next packet that was heard, if there is one. A longer one than `buffer` is cut.
    ///
    /// # Errors
    /// The interface is down.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        receive_frame(self.socket.as_fd(), buffer)
    }

    /// How many packets were missed since this was last asked, because nobody listened for long.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn overflowed(&self) -> io::Result<u32> {
        calls::packets_dropped(self.socket.as_fd())
    }
}

impl AsFd for LoopbackEars {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn within<T: Send>(
    host: &Neighbour,
    work: impl FnOnce() -> Result<T, DeviceError> + Send,
) -> Result<T, DeviceError> {
    host.inside(work).map_err(|source| DeviceError::Enter { name: host.name().to_owned(), source })?
}

fn link_error(name: &str, source: AnswerError) -> DeviceError {
    DeviceError::Link { name: name.to_owned(), source }
}

/// Hears what comes in by an interface, and not what this process sends out by it.
fn packet_socket(interface: &str) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    // Without a protocol it hears nothing until it is bound.
    let socket = rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)?;
    for option in [IGNORE_OUTGOING, BYPASS_QUEUE] {
        calls::set_int_option(socket.as_fd(), libc::SOL_PACKET, option, 1)?;
    }
    // Beyond the machine's limit where that is permitted, else up to it.
    if sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER).is_err() {
        sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER)?;
    }
    calls::bind_packet(socket.as_fd(), links::index(interface)?)?;
    Ok(socket)
}

fn receive_frame<'b>(socket: BorrowedFd<'_>, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
    loop {
        let received = rustix::net::recv(socket, &mut *buffer, RecvFlags::DONTWAIT);
        let Some(length) = taken(received.map(|(length, _)| length))? else { return Ok(None) };
        let ethertype =
            buffer.get(..length).and_then(|frame| frame.get(ETHERNET_HEADER - 2..ETHERNET_HEADER));
        if ETHERTYPES.iter().any(|(_, number)| ethertype == Some(number)) {
            return Ok(buffer.get(ETHERNET_HEADER..length));
        }
    }
}

/// While something about the interface changes, its queue is frozen, and what is sent past it is refused (linux v6.12
/// net/core/dev.c `__dev_direct_xmit`).
fn send_frame(socket: BorrowedFd<'_>, parts: &[IoSlice<'_>]) -> rustix::io::Result<usize> {
    let start = Instant::now();
    loop {
        match rustix::io::retry_on_intr(|| rustix::io::writev(socket, parts)) {
            Err(Errno::NOBUFS) if start.elapsed() < FROZEN => thread::sleep(TRY_AGAIN),
            outcome => return outcome,
        }
    }
}

fn taken(read: Result<usize, Errno>) -> io::Result<Option<usize>> {
    match read {
        Ok(length) => Ok(Some(length)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn frame_header(packet: &[u8]) -> io::Result<[u8; ETHERNET_HEADER]> {
    let version = packet.first().map(|first| first >> 4);
    let ethertype = ETHERTYPES.iter().find(|(number, _)| Some(*number) == version);
    let (_, ethertype) = ethertype.ok_or(io::ErrorKind::InvalidInput)?;
    let [theirs, ours] = MACS;
    let mut header = [0; ETHERNET_HEADER];
    for (to, from) in header.iter_mut().zip(theirs.iter().chain(&ours).chain(ethertype)) {
        *to = *from;
    }
    Ok(header)
}
