//! The states in the trace are those of the kernels' sockets.

use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};
use timewait_lab::wire::{Cable, LEFT_V4, RIGHT_V4, from};
use timewait_tcp::{
    Fate, Seen, Side,
    Side::{Left, Right},
    StateName::{self, CloseWait, Closed, Closing, Established, FinWait2, LastAck, TimeWait},
    Trace,
};
use timewait_trial::in_own_host;

use crate::stage::{PORT, Stage, everywhere, fates, read_all};

/// The states of one side of one connection, in order.
fn states(trace: &Trace, of: Side, connection: u32) -> Vec<StateName> {
    let state = |seen: &Seen| match seen {
        Seen::State { side, connection: number, state } => {
            (*side == of && *number == connection).then_some(*state)
        }
        Seen::Segment { .. } | Seen::Note { .. } => None,
    };
    trace.rows.iter().filter_map(|row| state(&row.seen)).collect()
}

#[test]
fn a_close_that_is_waited_for_at_each_step_shows_every_state() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (client, server) = stage.pair();
            stage.wire.await_state(Left, Established).unwrap();
            stage.wire.await_state(Right, Established).unwrap();
            server.shutdown(std::net::Shutdown::Write).unwrap();
            stage.wire.await_state(Left, CloseWait).unwrap();
            stage.wire.await_state(Right, FinWait2).unwrap();
            stage.wire.rule(from(Right).last_ack_of_the_close().hold("the last ACK")).unwrap();
            drop(client);
            stage.wire.await_state(Left, LastAck).unwrap();
            stage.wire.await_state(Right, TimeWait).unwrap();
            stage.wire.release("the last ACK").unwrap();
            stage.wire.await_state(Left, Closed).unwrap();
            let trace = stage.wire.trace();
            let left = states(&trace, Left, 1);
            assert_eq!(left[left.len() - 4..], [Established, CloseWait, LastAck, Closed], "{left:?}");
            let right = states(&trace, Right, 1);
            assert_eq!(right.last(), Some(&TimeWait), "{right:?}");
            let fin_wait_2 = right.iter().position(|state| *state == FinWait2);
            assert!(right.iter().position(|state| *state == Established) < fin_wait_2, "{right:?}");
        });
    });
}

#[test]
fn without_room_for_time_wait_the_first_to_close_is_closed_at_once() {
    in_own_host(|host| {
        let stage = Stage::with(host, Cable::default(), RIGHT_V4);
        stage.server.set("net.ipv4.tcp_max_tw_buckets", "0").unwrap();
        let (client, server) = stage.pair();
        server.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(read_all(&client), "");
        drop(client);
        assert_eq!(read_all(&server), "");
        stage.wire.await_state(Right, Closed).unwrap();
        stage.wire.await_state(Left, Closed).unwrap();
        let right = states(&stage.wire.trace(), Right, 1);
        assert!(!right.contains(&TimeWait), "{right:?}");
    });
}

#[test]
fn two_fins_that_cross_lead_both_sides_through_closing_into_time_wait() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (client, server) = stage.pair();
            let wire = &stage.wire;
            wire.rule(from(Left).fin().hold("the client's FIN")).unwrap();
            wire.rule(from(Right).fin().hold("the server's FIN")).unwrap();
            client.shutdown(std::net::Shutdown::Write).unwrap();
            server.shutdown(std::net::Shutdown::Write).unwrap();
            wire.await_packet("the client's FIN", from(Left).fin()).unwrap();
            wire.await_packet("the server's FIN", from(Right).fin()).unwrap();
            wire.clear_rules().unwrap();
            wire.rule(from(Left).bare_ack().hold("the client's ACK")).unwrap();
            wire.rule(from(Right).bare_ack().hold("the server's ACK")).unwrap();
            wire.mark().unwrap();
            wire.release("the client's FIN").unwrap();
            wire.release("the server's FIN").unwrap();
            wire.await_packet("the client's ACK", from(Left).bare_ack()).unwrap();
            wire.await_packet("the server's ACK", from(Right).bare_ack()).unwrap();
            wire.await_state(Left, Closing).unwrap();
            wire.await_state(Right, Closing).unwrap();
            wire.clear_rules().unwrap();
            wire.release("the client's ACK").unwrap();
            wire.release("the server's ACK").unwrap();
            wire.await_state(Left, TimeWait).unwrap();
            wire.await_state(Right, TimeWait).unwrap();
            let trace = wire.trace();
            for side in [Left, Right] {
                let states = states(&trace, side, 1);
                assert_eq!(states[states.len() - 2..], [Closing, TimeWait], "{side:?}: {states:?}");
            }
            assert!(fates(&trace, Fate::Released).len() >= 4);
        });
    });
}

/// A connection from a port of the client's choice, which may be taken again at once.
fn connect_from(stage: &Stage, port: u16) -> TcpStream {
    let connect = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&SocketAddr::new(LEFT_V4, port).into()).unwrap();
        socket.connect(&stage.there().into()).unwrap();
        socket.into()
    };
    stage.client.inside(connect).unwrap()
}

#[test]
fn the_second_connection_of_the_same_ends_is_told_from_the_first() {
    in_own_host(|host| {
        let stage = Stage::with(host, Cable::default(), RIGHT_V4);
        let listener = stage.listen();
        for connection in [1, 2] {
            stage.wire.mark().unwrap();
            let client = connect_from(&stage, 40_000);
            let (server, _) = listener.accept().unwrap();
            let syn = stage.wire.await_packet("its SYN", from(Left).syn().in_connection(connection)).unwrap();
            assert_eq!((syn.flow.left.port(), syn.flow.right.port()), (40_000, PORT));
            drop(server);
            assert_eq!(read_all(&client), "");
            drop(client);
            let last_ack = from(Right).last_ack_of_the_close().in_connection(connection);
            stage.wire.await_packet("the last ACK", last_ack).unwrap();
            stage.wire.await_state(Right, TimeWait).unwrap();
            stage.wire.await_state(Left, Closed).unwrap();
        }
        let trace = stage.wire.trace();
        let [first, second] = [1, 2].map(|connection| states(&trace, Right, connection));
        assert_eq!(
            first[first.len() - 2..],
            [TimeWait, Closed],
            "its wait ended with the second SYN: {first:?}"
        );
        assert_eq!(second.last(), Some(&TimeWait));
    });
}

#[test]
fn a_wire_without_states_has_none_in_its_trace() {
    in_own_host(|host| {
        let stage = Stage::with(host, Cable::default().without_states(), RIGHT_V4);
        let (_client, _server) = stage.pair();
        stage.wire.look().unwrap();
        let is_state = |seen: &Seen| matches!(seen, Seen::State { .. });
        assert!(!stage.wire.trace().rows.iter().any(|row| is_state(&row.seen)));
    });
}
