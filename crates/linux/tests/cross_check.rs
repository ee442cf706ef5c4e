//! Our encoding and decoding against an independent implementation's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod wire;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use netlink_packet_core::{NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::{
    SockDiagMessage,
    inet::{
        ExtensionFlags, InetRequest, InetResponse, InetResponseHeader, SocketId, StateFlags, Timer, nlas::Nla,
    },
};
use proptest::prelude::*;
use timewait_facts::{Pattern, State, States, TimerKind};
use timewait_linux::sockets::{Query, SocketTable};
use wire::{FakeKernel, done, error};

const TCP: u8 = 6;

/// `NLM_F_REQUEST`, and `NLM_F_DUMP` with it
const REQUEST: u16 = 0x1;
const DUMP: u16 = 0x301;

/// The other implementation's bytes for a question.
fn theirs(flags: u16, sequence: u32, states: StateFlags, socket_id: SocketId) -> Vec<u8> {
    let family = if socket_id.source_address.is_ipv4() { 2 } else { 10 };
    let request =
        InetRequest { family, protocol: TCP, extensions: ExtensionFlags::empty(), states, socket_id };
    bytes(flags, sequence, SockDiagMessage::InetRequest(request))
}

fn bytes(flags: u16, sequence: u32, message: SockDiagMessage) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    (header.sequence_number, header.flags) = (sequence, flags);
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

#[test]
fn our_question_for_one_connection_is_theirs_byte_for_byte() {
    for (local, peer) in [("127.0.0.1:9000", "10.0.0.1:51234"), ("[2001:db8::1]:443", "[::1]:1")] {
        let (local, peer): (SocketAddr, SocketAddr) = (local.parse().unwrap(), peer.parse().unwrap());
        let (kernel, mut table) = FakeKernel::new(Duration::from_millis(1));
        table.find(local, peer).unwrap_err();
        let id = SocketId {
            source_port: local.port(),
            destination_port: peer.port(),
            source_address: local.ip(),
            destination_address: peer.ip(),
            interface_id: 0,
            cookie: [0xff; 8],
        };
        assert_eq!(kernel.question(), theirs(REQUEST, 1, StateFlags::from_bits_retain(u32::MAX), id));
    }
}

#[test]
fn our_question_for_a_family_is_theirs_byte_for_byte() {
    let (kernel, mut table) = FakeKernel::new(Duration::from_millis(1));
    kernel.say(&error(1, libc::EOPNOTSUPP));
    let ports = |local: Pattern, peer: Pattern| Query::in_states(States::TIME_WAIT).local(local).peer(peer);
    table.collect(&ports("9000".parse().unwrap(), "443".parse().unwrap())).unwrap_err();
    let _both_families = kernel.question();
    let id = SocketId { source_port: 9000, destination_port: 443, cookie: [0xff; 8], ..SocketId::new_v4() };
    assert_eq!(kernel.question(), theirs(DUMP, 2, StateFlags::TIME_WAIT, id));
}

fn families() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    let v4 = any::<[[u8; 4]; 2]>().prop_map(|[a, b]| (a.into(), b.into()));
    let v6 = any::<[[u8; 16]; 2]>().prop_map(|[a, b]| (a.into(), b.into()));
    prop_oneof![v4, v6]
}

fn timers() -> impl Strategy<Value = Option<Timer>> {
    let time = |ms: u32| Duration::from_millis(u64::from(ms));
    prop_oneof![
        Just(None),
        Just(Some(Timer::TimeWait)),
        any::<(u32, u8)>().prop_map(move |(ms, retries)| Some(Timer::Retransmit(time(ms), retries))),
        any::<u32>().prop_map(move |ms| Some(Timer::KeepAlive(time(ms)))),
        any::<u32>().prop_map(move |ms| Some(Timer::Probe(time(ms)))),
    ]
}

prop_compose! {
    fn headers()(
        (local, peer) in families(),
        ports: [u16; 2],
        cookie: [u8; 8],
        timer in timers(),
        state in prop::sample::select(State::ALL.as_slice()),
        [interface_id, recv_queue, send_queue, uid, inode]: [u32; 5],
    ) -> InetResponseHeader {
        let socket_id = SocketId {
            source_port: ports[0],
            destination_port: ports[1],
            source_address: local,
            destination_address: peer,
            interface_id,
            cookie,
        };
        let family = if local.is_ipv4() { 2 } else { 10 };
        InetResponseHeader { family, state: state as u8, timer, socket_id, recv_queue, send_queue, uid, inode }
    }
}

/// A table that is given the other implementation's message as the first family's only row.
fn table_of(header: &InetResponseHeader, mark: u32) -> (FakeKernel, SocketTable) {
    let nlas = [Nla::Shutdown(3), Nla::Mark(mark), Nla::SkV6Only(true)].into_iter().collect();
    let response = SockDiagMessage::InetResponse(Box::new(InetResponse { header: header.clone(), nlas }));
    FakeKernel::that_says(&[error(1, libc::EOPNOTSUPP), bytes(wire::MULTI, 2, response), done(2), done(3)])
}

proptest! {
    #[test]
    fn a_row_of_theirs_reads_as_what_they_meant(header in headers(), mark: u32) {
        let (_kernel, mut table) = table_of(&header, mark);
        let rows = table.collect(&Query::in_states(States::all())).unwrap();
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        let id = &header.socket_id;
        prop_assert_eq!((row.local.ip(), row.local.port()), (id.source_address, id.source_port));
        prop_assert_eq!((row.peer.ip(), row.peer.port()), (id.destination_address, id.destination_port));
        prop_assert_eq!(row.cookie.0, u64::from_le_bytes(id.cookie));
        prop_assert_eq!(row.interface.map_or(0, Into::into), id.interface_id);
        prop_assert_eq!((row.receive_queue, row.send_queue), (header.recv_queue, header.send_queue));
        prop_assert_eq!(row.inode.map_or(0, Into::into), header.inode);
        prop_assert_eq!((row.mark, row.shutdown, row.v6only), (Some(mark), Some(3), Some(true)));
        let timer = (row.timer.kind, row.timer.expires_ms, row.timer.retries);
        prop_assert_eq!(timer, expected_timer(header.timer.as_ref()));
    }
}

fn expected_timer(timer: Option<&Timer>) -> (TimerKind, u32, u8) {
    let ms = |time: &Duration| u32::try_from(time.as_millis()).unwrap();
    match timer {
        None => (TimerKind::Off, 0, 0),
        Some(Timer::TimeWait) => (TimerKind::TimeWait, 0, 0),
        Some(Timer::Retransmit(time, retries)) => (TimerKind::Retransmit, ms(time), *retries),
        Some(Timer::KeepAlive(time)) => (TimerKind::KeepAlive, ms(time), 0),
        Some(Timer::Probe(time)) => (TimerKind::ZeroWindowProbe, ms(time), 0),
    }
}
