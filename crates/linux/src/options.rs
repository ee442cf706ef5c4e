//! Options of our own sockets that the socket crates do not offer.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    os::fd::AsFd,
};

use timewait_facts::State;

use crate::calls;

/// `IP_BIND_ADDRESS_NO_PORT`: bind(2) to an address with port 0 leaves the choice of the port to connect(2).
///
/// Then the port must be free for the connection's four numbers only; without the option it must be free for the
/// whole address, so that all destinations share one pool (ip(7); since Linux 4.2). The option is IPv4's by name
/// and works on IPv6 sockets alike.
///
/// # Errors
/// The kernel does not know the option, or this is no internet socket.
pub fn set_bind_address_no_port(socket: impl AsFd, on: bool) -> io::Result<()> {
    calls::set_int_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, i32::from(on))
}

/// The state of a TCP socket that we hold (`tcpi_state` of `TCP_INFO`).
///
/// It is *not* what the socket table says once the connection is in TIME-WAIT: the wait is then another, smaller
/// socket's, and the one that a descriptor still holds is [`State::Closed`].
///
/// # Errors
/// This is no TCP socket, or the kernel names a state that this program does not know (`InvalidData`).
pub fn tcp_state(socket: impl AsFd) -> io::Result<State> {
    let [number] = calls::option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_INFO)?;
    State::from_kernel(number)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("TCP state {number} has no name")))
}

/// The other end of a connection, also of one that has ended since: getpeername(2) would fail (`SO_PEERNAME`, linux v6.12
/// net/core/sock.c `sk_getsockopt`).
///
/// # Errors
/// This never was a connection (`ENOTCONN`), or is none of the internet (`InvalidData`).
pub fn peer_name(socket: impl AsFd) -> io::Result<SocketAddr> {
    // More than the address has would be refused.
    let short: [u8; 16] = calls::option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_PEERNAME)?;
    let [family0, family1, port0, port1, first, second, third, fourth, ..] = short;
    let port = u16::from_be_bytes([port0, port1]);
    match i32::from(u16::from_ne_bytes([family0, family1])) {
        libc::AF_INET => Ok((IpAddr::from(Ipv4Addr::new(first, second, third, fourth)), port).into()),
        libc::AF_INET6 => {
            let long: [u8; 28] = calls::option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_PEERNAME)?;
            let [_, _, _, _, _, _, _, _, ip @ .., scope0, scope1, scope2, scope3] = long;
            let scope = u32::from_ne_bytes([scope0, scope1, scope2, scope3]);
            Ok(SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, scope).into())
        }
        family => Err(io::Error::new(io::ErrorKind::InvalidData, format!("address family {family}"))),
    }
}

/// How much of what was sent the peer has not acknowledged: octets of text, and a FIN counts as one (`SIOCOUTQ`,
/// tcp(7)).
///
/// # Errors
/// This is no socket, or it listens.
pub fn unacknowledged(socket: impl AsFd) -> io::Result<u32> {
    u32::try_from(calls::unacknowledged(socket.as_fd())?).map_err(io::Error::other)
}

/// Chooses the initial sequence number of a connection that is yet to be opened by this socket, less one: the SYN has the
/// next (`TCP_REPAIR`, `TCP_QUEUE_SEQ`).
///
/// Afterwards SO_REUSEADDR is off, whatever it was (linux v6.12 net/ipv4/tcp.c `do_tcp_setsockopt`).
///
/// # Errors
/// It takes `CAP_NET_ADMIN` in the user namespace that owns the network namespace, a kernel with checkpoint and restore,
/// and a socket that is closed.
pub fn choose_initial_sequence_number(socket: impl AsFd, number: u32) -> io::Result<()> {
    /// `TCP_SEND_QUEUE` (linux v6.12 include/uapi/linux/tcp.h)
    const SEND_QUEUE: i32 = 2;
    /// Leaves repair mode without a window probe (`TCP_REPAIR_OFF_NO_WP`).
    const OFF: i32 = -1;
    let set = |option, value| calls::set_int_option(socket.as_fd(), libc::IPPROTO_TCP, option, value);
    set(libc::TCP_REPAIR, 1)?;
    let chosen =
        set(libc::TCP_REPAIR_QUEUE, SEND_QUEUE).and_then(|()| set(libc::TCP_QUEUE_SEQ, number.cast_signed()));
    set(libc::TCP_REPAIR, OFF)?;
    chosen
}

/// How many connections wait for accept(2) at this listener (linux v6.12 net/ipv4/tcp.c `tcp_get_info`: a listener's
/// `tcpi_unacked` is its `sk_ack_backlog`).
///
/// # Errors
/// This is no TCP socket.
pub fn accept_queue(listener: impl AsFd) -> io::Result<u32> {
    /// Where `tcpi_unacked` ends (linux v6.12 include/uapi/linux/tcp.h `struct tcp_info`).
    const END: usize = 28;
    let info: [u8; END] = calls::option(listener.as_fd(), libc::IPPROTO_TCP, libc::TCP_INFO)?;
    Ok(u32::from_ne_bytes(info.last_chunk().copied().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn a_listener_says_that_it_listens() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert_eq!(tcp_state(&listener).unwrap(), State::Listen);
    }

    #[test]
    fn a_listener_knows_how_many_wait_to_be_accepted() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert_eq!(accept_queue(&listener).unwrap(), 0);
        let address = listener.local_addr().unwrap();
        let waiting = [(); 3].map(|()| std::net::TcpStream::connect(address).unwrap());
        assert_eq!(accept_queue(&listener).unwrap(), 3);
        drop(waiting);
    }

    #[test]
    fn the_other_end_of_what_has_ended_has_a_name() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (ours, name) = listener.accept().unwrap();
            drop(peer);
            assert_eq!(tcp_state(&ours).unwrap(), State::CloseWait);
            ours.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(peer_name(&ours).unwrap(), name);
        }
    }

    #[test]
    fn a_socket_that_is_not_tcp_has_no_tcp_state() {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert_eq!(tcp_state(&udp).unwrap_err().raw_os_error(), Some(libc::EOPNOTSUPP));
    }

    #[test]
    fn both_families_leave_the_port_to_connect() {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
        for (family, address) in [(AddressFamily::INET, "127.0.0.1:0"), (AddressFamily::INET6, "[::1]:0")] {
            let address: SocketAddr = address.parse().unwrap();
            let socket = socket(family, SocketType::STREAM, None).unwrap();
            set_bind_address_no_port(&socket, true).unwrap();
            bind(&socket, &address).unwrap();
            assert_eq!(SocketAddr::try_from(getsockname(&socket).unwrap()), Ok(address), "no port yet");
        }
    }
}
