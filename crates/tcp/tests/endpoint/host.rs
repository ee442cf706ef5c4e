//! Hosts to test, and the peer that a test is.

use std::{net::SocketAddr, time::Duration};

use timewait_tcp::{
    Flags, Instant, Profile, Segment, Seq, StateName,
    endpoint::{Endpoint, Handle, Pair, Read},
};

/// The number that the host starts with.
pub(crate) const ISS: Seq = Seq::new(9000);
/// The number that its peer starts with.
pub(crate) const IRS: Seq = Seq::new(100);

pub(crate) type Host = Endpoint<fn(&Pair) -> Seq>;

pub(crate) fn host(profile: Profile) -> Host {
    Endpoint::new(profile, |_| ISS)
}

/// Linux with every ACK at once.
pub(crate) fn prompt() -> Profile {
    Profile { delayed_ack: None, challenge_ack_every: None, ..Profile::LINUX }
}

pub(crate) fn at_s(seconds: u64) -> Instant {
    Instant::after_start(Duration::from_secs(seconds))
}

pub(crate) fn server() -> SocketAddr {
    "10.0.0.1:80".parse().unwrap()
}

pub(crate) fn client() -> SocketAddr {
    "10.0.0.2:4711".parse().unwrap()
}

pub(crate) fn ack(seq: Seq, ack: Seq) -> Segment {
    Segment { window: 8000, ..Segment::ack(seq, ack) }
}

pub(crate) fn text(seq: Seq, number: Seq, text: &[u8]) -> Segment {
    Segment { text: text.to_vec(), ..ack(seq, number) }
}

pub(crate) fn fin(seq: Seq, number: Seq) -> Segment {
    Segment { flags: Flags::FIN, ..ack(seq, number) }
}

pub(crate) fn syn() -> Segment {
    Segment { window: 8000, ..Segment::syn(IRS) }
}

/// What the host has sent since it was last asked.
pub(crate) fn sent(host: &mut Host) -> Vec<Segment> {
    std::iter::from_fn(|| host.poll_transmit()).map(|packet| packet.segment).collect()
}

/// A segment of the client's arrives at the server; what the server sends then.
pub(crate) fn hear(host: &mut Host, segment: Segment) -> Vec<Segment> {
    hear_at(host, at_s(0), segment)
}

pub(crate) fn hear_at(host: &mut Host, now: Instant, segment: Segment) -> Vec<Segment> {
    host.segment(now, client(), server(), segment);
    sent(host)
}

/// Every block's state, listeners first.
pub(crate) fn states(host: &Host) -> Vec<StateName> {
    host.blocks().map(|block| block.state).collect()
}

/// A server with a connection accepted: the host, its listener, the connection.
pub(crate) fn serving(profile: Profile) -> (Host, Handle, Handle) {
    let mut host = host(profile);
    let listener = host.listen(server(), 2).unwrap();
    hear(&mut host, syn());
    hear(&mut host, ack(IRS + 1, ISS + 1));
    let accepted = host.accept(listener).unwrap().unwrap();
    assert_eq!(accepted.remote, client());
    (host, listener, accepted.handle)
}

pub(crate) fn read(host: &mut Host, handle: Handle) -> Read {
    host.read(at_s(0), handle, 1000).unwrap()
}
