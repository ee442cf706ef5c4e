//! `timewait connect` talks to the article's server on a TCP that is not the kernel's.

use std::{net::SocketAddr, thread, time::Duration};

use timewait_lab::wire::{Cable, RIGHT_V4, RIGHT_V6, Station, Wire, from};
use timewait_linux::hosts::Host;
use timewait_tcp::{
    Profile, Seq,
    Side::{Left, Right},
    StateName,
};
use timewait_trial::in_own_host;

use crate::timewait;

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn connect_hears_the_line_of_a_server_whose_tcp_is_ours_and_sees_it_close_first() {
    in_own_host(|host| {
        for address in [RIGHT_V4, RIGHT_V6] {
            scene(host, SocketAddr::new(address, 9000));
        }
    });
}

fn scene(host: &Host, here: SocketAddr) {
    let client = host.neighbour("client").unwrap();
    let (wire, plug) = Wire::to_program(Cable::default(), &client, "machine").unwrap();
    wire.rule(from(Right).last_ack_of_the_close().first().drop("the last ACK")).unwrap();
    let server = Station::start(plug, Profile::LINUX, |_pair| Seq::new(1)).unwrap();
    let listener = server.listen(here, 32).unwrap();
    let connect = || timewait(&["connect", &here.to_string()]).output().unwrap();
    thread::scope(|scope| {
        let running = scope.spawn(|| client.inside(connect).unwrap());
        let accepted = server.accept(listener, PATIENCE).unwrap();
        server.write(accepted.handle, b"I sent sth to client!\n", PATIENCE).unwrap();
        server.close(accepted.handle).unwrap();
        let output = running.join().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{output:?}");
        assert!(said.contains("I sent sth to client!"), "{said}");
        server.await_state((here, accepted.remote), StateName::TimeWait, PATIENCE).unwrap();
    });
    wire.await_state(Left, StateName::Closed).unwrap();
}
