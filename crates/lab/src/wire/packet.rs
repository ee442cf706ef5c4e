use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use etherparse::{
    NetSlice, PacketBuilder, SlicedPacket, TcpHeader, TcpOptionElement, TcpSlice, TransportSlice,
};
use timewait_tcp::{Flags, Options, Segment, Seq, Side, Timestamps};

/// Hops that a packet of ours may make.
const HOPS: u8 = 64;

/// Which connection, but for its incarnation: the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The left side's end.
    pub left: SocketAddr,
    /// The right side's end.
    pub right: SocketAddr,
}

impl Flow {
    /// The flow of a packet that this side sent.
    pub fn sent(from: Side, source: SocketAddr, destination: SocketAddr) -> Self {
        match from {
            Side::Left => Self { left: source, right: destination },
            Side::Right => Self { left: destination, right: source },
        }
    }

    /// The end on this side.
    pub fn end(&self, side: Side) -> SocketAddr {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }
}

/// A packet with a TCP segment in it, as it was taken off a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When, from the wire's beginning.
    pub at: Duration,
    /// Who sent it.
    pub from: Side,
    /// Between which two ends.
    pub flow: Flow,
    /// In which connection between these: 1 for the first, 2 for the next incarnation.
    pub connection: u32,
    /// What it carries.
    pub segment: Segment,
    /// The whole IP packet.
    pub raw: Arc<[u8]>,
    /// Whether it acknowledges the second of the two FINs, and does nothing else.
    pub last_ack: bool,
}

/// A segment that no packet can carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// An IPv4 and an IPv6 address do not meet in a packet.
    #[error("no packet goes from {0} to {1}: one is IPv4, the other IPv6")]
    Families(SocketAddr, SocketAddr),
    /// A packet is at most so long.
    #[error("no packet holds {0} bytes of text")]
    TooLong(usize),
}

/// Reads a packet's ends and its segment. `None`: it is not TCP, a fragment, or no packet at all.
pub fn parse(raw: &[u8]) -> Option<(SocketAddr, SocketAddr, Segment)> {
    let packet = SlicedPacket::from_ip(raw).ok()?;
    let (source, destination) = match packet.net.as_ref()? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()))
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()))
        }
        NetSlice::Arp(_) => return None,
    };
    if packet.is_ip_payload_fragmented() {
        return None;
    }
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else { return None };
    let from = SocketAddr::new(source, tcp.source_port());
    let to = SocketAddr::new(destination, tcp.destination_port());
    Some((from, to, segment(&tcp)))
}

fn segment(tcp: &TcpSlice<'_>) -> Segment {
    // The control bits stand in the fourteenth octet of the header.
    let octet = tcp.header_slice().get(13).copied().unwrap_or(0);
    Segment {
        seq: Seq::new(tcp.sequence_number()),
        ack: tcp.ack().then(|| Seq::new(tcp.acknowledgment_number())),
        flags: Flags::from_octet(octet),
        window: tcp.window_size(),
        options: options(tcp),
        text: tcp.payload().to_vec(),
    }
}

/// Those that are understood, up to the first that cannot be read.
fn options(tcp: &TcpSlice<'_>) -> Options {
    let mut options = Options::default();
    for option in tcp.options_iterator().map_while(Result::ok) {
        match option {
            TcpOptionElement::MaximumSegmentSize(mss) => options.mss = Some(mss),
            TcpOptionElement::WindowScale(shift) => options.window_scale = Some(shift),
            TcpOptionElement::SelectiveAcknowledgementPermitted => options.sack_permitted = true,
            TcpOptionElement::Timestamp(value, echo) => {
                options.timestamps = Some(Timestamps { value, echo });
            }
            TcpOptionElement::Noop | TcpOptionElement::SelectiveAcknowledgement(..) => {}
        }
    }
    options
}

/// The packet that carries a segment between two ends, its checksums as they should be.
///
/// # Errors
/// The ends are of different families, or the text is longer than a packet.
pub fn build(from: SocketAddr, to: SocketAddr, segment: &Segment) -> Result<Vec<u8>, BuildError> {
    let builder = match (from.ip(), to.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            PacketBuilder::ipv4(source.octets(), destination.octets(), HOPS)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            PacketBuilder::ipv6(source.octets(), destination.octets(), HOPS)
        }
        _ => return Err(BuildError::Families(from, to)),
    };
    let packet = builder.tcp_header(header(from, to, segment));
    let mut raw = Vec::with_capacity(packet.size(segment.text.len()));
    let too_long = |_| BuildError::TooLong(segment.text.len());
    packet.write(&mut raw, &segment.text).map_err(too_long)?;
    Ok(raw)
}

fn header(from: SocketAddr, to: SocketAddr, segment: &Segment) -> TcpHeader {
    let has = |flag| segment.has(flag);
    let mut header = TcpHeader::new(from.port(), to.port(), segment.seq.get(), segment.window);
    header.ack = segment.ack.is_some();
    header.acknowledgment_number = segment.ack.map_or(0, Seq::get);
    header.fin = has(Flags::FIN);
    header.syn = has(Flags::SYN);
    header.rst = has(Flags::RST);
    header.psh = has(Flags::PSH);
    header.urg = has(Flags::URG);
    header.ece = has(Flags::ECE);
    header.cwr = has(Flags::CWR);
    // All that we know take 20 octets of the 40 that there are.
    let _ = header.set_options(&elements(&segment.options));
    header
}

fn elements(options: &Options) -> Vec<TcpOptionElement> {
    let mut elements = Vec::new();
    elements.extend(options.mss.map(TcpOptionElement::MaximumSegmentSize));
    if options.sack_permitted {
        elements.push(TcpOptionElement::SelectiveAcknowledgementPermitted);
    }
    if let Some(Timestamps { value, echo }) = options.timestamps {
        elements.extend([TcpOptionElement::Noop, TcpOptionElement::Noop]);
        elements.push(TcpOptionElement::Timestamp(value, echo));
    }
    elements.extend(options.window_scale.map(TcpOptionElement::WindowScale));
    elements
}

/// The same packet with the TCP checksum that it should have; as it is, where it has none.
pub(super) fn with_checksum(raw: &[u8]) -> Vec<u8> {
    let mut fixed = raw.to_vec();
    if let Some((place, checksum)) = checksum(raw)
        && let Some(field) = fixed.get_mut(place..place + 2)
    {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
    fixed
}

/// Where in the packet it stands, and what it should be.
fn checksum(raw: &[u8]) -> Option<(usize, u16)> {
    /// Where in the header (RFC 9293 §3.1).
    const PLACE: usize = 16;
    let packet = SlicedPacket::from_ip(raw).ok()?;
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { return None };
    let checksum = match packet.net.as_ref()? {
        NetSlice::Ipv4(ip) => tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()),
        NetSlice::Ipv6(ip) => tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination()),
        NetSlice::Arp(_) => return None,
    };
    // The segment is the packet's end.
    let begin = raw.len().checked_sub(tcp.slice().len())?;
    Some((begin + PLACE, checksum.ok()?))
}
