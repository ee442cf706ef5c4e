use std::io::{Read as _, Write as _};

use timewait_lab::wire::from;
use timewait_tcp::{
    Side::{Left, Right},
    StateName,
};
use timewait_trial::in_own_host;

use crate::stage::{everywhere, short};

#[test]
fn a_connection_that_the_server_closes_first_is_seen_whole() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (mut client, mut server) = stage.pair();
            server.write_all(b"hello").unwrap();
            drop(server);
            let mut read = String::new();
            client.read_to_string(&mut read).unwrap();
            drop(client);
            stage.wire.await_packet("the last ACK", from(Right).last_ack_of_the_close()).unwrap();
            stage.wire.await_state(Right, StateName::TimeWait).unwrap();
            stage.wire.await_state(Left, StateName::Closed).unwrap();
            let trace = stage.wire.trace();
            let segments: Vec<_> =
                short(&trace).into_iter().filter(|row| row.starts_with(['<', '>'])).collect();
            let fins = segments.iter().filter(|row| row.contains("FIN")).count();
            assert_eq!((&segments[0][..], fins), (">1 SYN 0", 2), "{segments:#?}");
            assert_eq!(segments.last().unwrap(), "<1 ACK 0", "{segments:#?}");
            assert_eq!(read, "hello");
        });
    });
}
