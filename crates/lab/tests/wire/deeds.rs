//! Each deed, by every medium and in both families, as the kernels at both ends answer it.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    time::Duration,
};

use timewait_lab::wire::{WireError, both_ways, build, from};
use timewait_linux::settings::tcp_counters;
use timewait_tcp::{
    Fate, Flags, Segment,
    Side::{Left, Right},
    StateName,
};
use timewait_trial::{eventually, in_own_host};

use crate::stage::{everywhere, fates, fins, in_short, read_all, segments};

#[test]
fn what_no_rule_names_arrives_and_stands_in_the_trace() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (client, mut server) = stage.pair();
            server.write_all(b"hello").unwrap();
            drop(server);
            assert_eq!(read_all(&client), "hello");
            drop(client);
            stage.wire.await_packet("the last ACK", from(Right).last_ack_of_the_close()).unwrap();
            let trace = stage.wire.trace();
            let segments = segments(&trace);
            assert_eq!(segments.first().map(String::as_str), Some(">1 SYN 0"), "{segments:#?}");
            assert_eq!(fins(&trace), ["<1", ">1"], "{segments:#?}");
            assert_eq!((&trace.left[..], &trace.right[..]), ("client", "server"));
            assert!(trace.rows.is_sorted_by_key(|row| row.at));
        });
    });
}

#[test]
fn a_dropped_last_ack_makes_the_other_side_send_its_fin_again_and_time_wait_answer_it() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (client, server) = stage.pair();
            stage.wire.rule(from(Right).last_ack_of_the_close().first().drop("the last ACK")).unwrap();
            drop(server);
            assert_eq!(read_all(&client), "");
            drop(client);
            stage.wire.await_packet("the FIN, again", from(Left).fin().nth(2)).unwrap();
            stage.wire.await_packet("its ACK", from(Right).last_ack_of_the_close().nth(2)).unwrap();
            stage.wire.await_state(Left, StateName::Closed).unwrap();
            stage.wire.await_state(Right, StateName::TimeWait).unwrap();
            let trace = stage.wire.trace();
            assert_eq!(fates(&trace, Fate::Lost), ["<1 ACK 0 Lost (the last ACK)"]);
            assert_eq!(fins(&trace), ["<1", ">1"]);
        });
    });
}

#[test]
fn held_text_is_not_read_until_it_is_released() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (mut client, server) = stage.pair();
            stage.wire.rule(from(Left).with_text().hold("the order")).unwrap();
            client.write_all(b"pay").unwrap();
            let held = stage.wire.await_packet("the order", from(Left).with_text()).unwrap();
            assert_eq!(held.segment.text, b"pay");
            assert_eq!(stage.wire.held("the order").unwrap()[0], held);
            server.set_nonblocking(true).unwrap();
            assert_eq!((&server).read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);

            // If this took so long that the client's kernel sent it again, that is held as well.
            stage.wire.clear_rules().unwrap();
            let released = stage.wire.release("the order").unwrap();
            assert!(released >= 1);
            server.set_nonblocking(false).unwrap();
            let mut read = [0; 3];
            (&server).read_exact(&mut read).unwrap();
            assert_eq!(&read, b"pay");
            assert!(matches!(stage.wire.release("the order"), Err(WireError::NothingHeld(_))));
            let fates = fates(&stage.wire.trace(), Fate::Released);
            assert_eq!(fates, vec![">1 ACK 3 Released (the order)"; released]);
        });
    });
}

#[test]
fn what_is_forgotten_never_arrives() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (mut client, server) = stage.pair();
            stage.wire.rule(from(Left).with_text().first().hold("the order")).unwrap();
            client.write_all(b"pay").unwrap();
            stage.wire.await_packet("the order", from(Left).with_text()).unwrap();
            assert_eq!(stage.wire.forget("the order").unwrap(), 1);
            assert!(matches!(stage.wire.forget("the order"), Err(WireError::NothingHeld(_))));
            // The client's kernel sends it again.
            let mut read = [0; 3];
            (&server).read_exact(&mut read).unwrap();
            let trace = stage.wire.trace();
            assert_eq!(fates(&trace, Fate::Released), [""; 0]);
            let again = segments(&trace).iter().filter(|row| *row == ">1 ACK 3").count();
            assert!(again >= 1, "{:#?}", segments(&trace));
        });
    });
}

#[test]
fn a_repeated_fin_is_acknowledged_as_often_as_it_comes() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (client, server) = stage.pair();
            stage.wire.rule(from(Left).fin().first().repeat(2, "the FIN, again")).unwrap();
            drop(server);
            assert_eq!(read_all(&client), "");
            drop(client);
            stage.wire.await_packet("a second last ACK", from(Right).last_ack_of_the_close().nth(2)).unwrap();
            let trace = stage.wire.trace();
            assert_eq!(fates(&trace, Fate::Repeated), [">1 FINACK 0 Repeated (the FIN, again)"; 2]);
        });
    });
}

#[test]
fn a_delayed_syn_arrives_so_much_later() {
    const DELAY: Duration = Duration::from_millis(60);
    in_own_host(|host| {
        everywhere(host, |stage| {
            stage.wire.rule(from(Left).syn().first().delay(DELAY, "late")).unwrap();
            let (_client, _server) = stage.pair();
            let trace = stage.wire.trace();
            let row = |wanted| trace.rows.iter().find(|row| in_short(&row.seen) == wanted).unwrap();
            let (held, late) = (row(">1 SYN 0 Held (late)"), row(">1 SYN 0 Released (late)"));
            assert!(late.at >= held.at + DELAY, "{:?} to {:?}", held.at, late.at);
        });
    });
}

#[test]
fn what_is_sent_after_delayed_text_overtakes_it() {
    const DELAY: Duration = Duration::from_millis(40);
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (mut client, server) = stage.pair();
            client.set_nodelay(true).unwrap();
            stage.wire.rule(from(Left).with_text().first().delay(DELAY, "late")).unwrap();
            client.write_all(b"one").unwrap();
            client.write_all(b"two").unwrap();
            let mut read = [0; 6];
            (&server).read_exact(&mut read).unwrap();
            assert_eq!(&read, b"onetwo");
            // "one" may have been sent again and read long before it comes.
            let order = eventually("the delayed segment", || {
                let trace = stage.wire.trace();
                let place = |wanted: &str| trace.rows.iter().position(|row| in_short(&row.seen) == wanted);
                Some((place(">1 ACK 3")?, place(">1 ACK 3 Released (late)")?))
            });
            assert!(order.0 < order.1, "{:#?}", segments(&stage.wire.trace()));
        });
    });
}

#[test]
fn altered_text_is_read_as_altered() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (mut client, server) = stage.pair();
            let alteration = |segment: &mut Segment| segment.text = b"PAY".to_vec();
            stage.wire.rule(from(Left).with_text().first().alter("louder", alteration)).unwrap();
            client.write_all(b"pay").unwrap();
            let mut read = [0; 3];
            (&server).read_exact(&mut read).unwrap();
            assert_eq!(&read, b"PAY");
            assert_eq!(fates(&stage.wire.trace(), Fate::Altered), [">1 ACK 3 Altered (louder)"]);
        });
    });
}

#[test]
fn text_made_up_in_the_client_s_name_is_read_by_the_server() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (client, server) = stage.pair();
            let ack = stage.wire.await_packet("the handshake's ACK", from(Left).bare_ack()).unwrap();
            let forged = Segment { flags: Flags::PSH, text: b"forged".to_vec(), ..ack.segment };
            stage.wire.inject(Left, ack.flow, &forged, "nobody sent it").unwrap();
            let mut read = [0; 6];
            (&server).read_exact(&mut read).unwrap();
            assert_eq!(&read, b"forged");
            assert_eq!(fates(&stage.wire.trace(), Fate::Injected), [">1 ACK 6 Injected (nobody sent it)"]);
            drop(client);
        });
    });
}

#[test]
fn bytes_made_up_with_a_wrong_checksum_are_not_read_and_with_the_right_one_they_are() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (_client, server) = stage.pair();
            let ack = stage.wire.await_packet("the handshake's ACK", from(Left).bare_ack()).unwrap();
            let forged = Segment { flags: Flags::PSH, text: b"forged".to_vec(), ..ack.segment };
            let right = build(ack.flow.left, ack.flow.right, &forged).unwrap();
            let mut wrong = right.clone();
            *wrong.last_mut().unwrap() ^= 1;
            stage.wire.inject_bytes(Left, &wrong, "wrong").unwrap();
            stage.wire.inject_bytes(Left, &right, "right").unwrap();
            let mut read = [0; 6];
            (&server).read_exact(&mut read).unwrap();
            assert_eq!(&read, b"forged", "the one whose checksum is right");
            let counters = stage.server.inside(tcp_counters).unwrap().unwrap();
            assert_eq!(counters["InCsumErrors"], 1);
            let injected = fates(&stage.wire.trace(), Fate::Injected);
            assert_eq!(injected, [">1 ACK 6 Injected (wrong)", ">1 ACK 6 Injected (right)"]);
        });
    });
}

#[test]
fn a_reset_made_up_in_the_server_s_name_ends_the_client_s_connection() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (client, _server) = stage.pair();
            let syn_ack = stage.wire.await_packet("the SYN-ACK", from(Right).syn()).unwrap();
            stage.wire.inject(Right, syn_ack.flow, &Segment::rst(syn_ack.segment.end()), "forged").unwrap();
            assert_eq!((&client).read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
            stage.wire.await_state(Left, StateName::Closed).unwrap();
        });
    });
}

#[test]
fn a_replayed_syn_of_a_live_connection_draws_an_ack_and_harms_nothing() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (mut client, server) = stage.pair();
            let syn = stage.wire.await_packet("the SYN", from(Left).syn()).unwrap();
            stage.wire.await_packet("the handshake's ACK", from(Left).bare_ack()).unwrap();
            stage.wire.mark().unwrap();
            stage.wire.replay(&syn, "again").unwrap();
            stage.wire.await_packet("a challenge ACK", from(Right).bare_ack()).unwrap();
            client.write_all(b"on").unwrap();
            let mut read = [0; 2];
            (&server).read_exact(&mut read).unwrap();
            assert_eq!(fates(&stage.wire.trace(), Fate::Repeated), [">1 SYN 0 Repeated (again)"]);
        });
    });
}

#[test]
fn the_first_rule_that_matches_decides_and_a_rule_that_is_used_up_lets_the_next_one() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let (mut client, server) = stage.pair();
            client.set_nodelay(true).unwrap();
            let wire = &stage.wire;
            let is_two = || from(Left).when(|packet| packet.segment.text == b"two");
            wire.rule(from(Left).with_text().times(1).pass("passed by the first rule")).unwrap();
            wire.rule(both_ways().with_text().in_connection(2).drop("of no such connection")).unwrap();
            wire.rule(is_two().of_port(9000).first().hold("held by the third")).unwrap();
            client.write_all(b"one").unwrap();
            wire.await_packet("one", from(Left).with_text()).unwrap();
            client.write_all(b"two").unwrap();
            wire.await_packet("two", is_two()).unwrap();
            assert_eq!(wire.held("held by the third").unwrap()[0].segment.text, b"two");
            wire.clear_rules().unwrap();
            wire.release("held by the third").unwrap();
            let mut read = [0; 6];
            (&server).read_exact(&mut read).unwrap();
            assert_eq!(&read, b"onetwo");
            let notes = fates(&wire.trace(), Fate::Delivered);
            assert!(notes.contains(&">1 ACK 3 (passed by the first rule)".to_owned()), "{notes:#?}");
        });
    });
}
