//! `timewait ls --by`, `--sort`, `--limit`.

use std::net::{Shutdown, TcpListener, TcpStream};

use serde_json::{Value, json};
use timewait_linux::hosts::Host;
use timewait_trial::in_own_host;

use crate::{assert_screen, run, seen, serve};

/// A connection from this address to a server at that one; who closes first waits.
fn leave_one_waiting(from: &str, to: &TcpListener, server_closes_first: bool) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&from.parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.connect(&to.local_addr().unwrap().into()).unwrap();
    let client = TcpStream::from(socket);
    let (server, _) = to.accept().unwrap();
    let (first, second) = if server_closes_first { (&server, &client) } else { (&client, &server) };
    first.shutdown(Shutdown::Write).unwrap();
    second.shutdown(Shutdown::Write).unwrap();
}

/// On port 9000 three of 127.0.0.2 and one of 127.0.0.3, where the server waits; one client waits that called 5432.
fn populate(host: &Host) {
    host.set("net.ipv4.tcp_tw_reuse", "0").unwrap();
    let server = TcpListener::bind("127.0.0.1:9000").unwrap();
    for from in ["127.0.0.2:0", "127.0.0.2:0", "127.0.0.2:0", "127.0.0.3:0"] {
        leave_one_waiting(from, &server, true);
    }
    let database = TcpListener::bind("127.0.0.5:5432").unwrap();
    leave_one_waiting("127.0.0.1:0", &database, false);
}

fn rows(arguments: &[&str]) -> Vec<Value> {
    let answer = run(&[&["ls", "--json"], arguments].concat());
    assert_eq!(answer.status.code(), Some(0), "{}", seen(&answer));
    answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn end(addr: &str, port: Option<u16>) -> Value {
    json!({"addr": addr, "port": port})
}

#[test]
fn groups_by_an_end_have_the_port_that_somebody_chose() {
    in_own_host(|host| {
        populate(host);
        let by = |what: &str| -> Vec<(Value, Value)> {
            rows(&["--by", what]).iter().map(|row| (row[what].clone(), row["count"].clone())).collect()
        };
        assert_eq!(
            by("local"),
            [(end("127.0.0.1", Some(9000)), 4.into()), (end("127.0.0.1", None), 1.into())]
        );
        assert_eq!(
            by("peer"),
            [
                (end("127.0.0.2", None), 3.into()),
                (end("127.0.0.3", None), 1.into()),
                (end("127.0.0.5", Some(5432)), 1.into())
            ]
        );
        assert_eq!(by("state"), [(json!("time-wait"), 5.into())]);
        let first = rows(&["--by", "peer", "--limit", "1"]);
        assert!(first.len() == 1 && first[0]["last_expires_in_ms"].as_u64().unwrap() <= 60_000, "{first:?}");
        assert_screen!("ls-by-peer", seen(&run(&["ls", "--by", "peer"])));
        assert_screen!(
            "ls-by-peer-first",
            seen(&run(&["ls", "--by", "peer", "--sort", "peer", "--limit", "2"]))
        );
        assert!(run(&["ls", "--by", "peer", ":9999"]).stdout.starts_with("no socket in time-wait at :9999"));
    });
}

#[test]
fn groups_by_process_say_where_there_is_none() {
    in_own_host(|host| {
        populate(host);
        let _server = serve(&["127.0.0.1:9100"]);
        let groups = rows(&["--by", "process", "--all"]);
        assert_eq!(
            groups[0],
            json!({"v": 1, "by": "process", "owner": null, "reason": "no-process", "count": 5,
                "last_expires_in_ms": groups[0]["last_expires_in_ms"]})
        );
        assert_eq!((&groups[1]["owner"]["command"], &groups[1]["count"]), (&json!("timewait"), &json!(1)));
        assert!(groups[1]["last_expires_in_ms"].is_null());
        let screen = seen(&run(&["ls", "--by", "process", "--all"]));
        assert_screen!("ls-by-process", without_filling(&screen, "timewait ("));
    });
}

/// The longer a process's number, the less fills its column.
fn without_filling(screen: &str, line_of: &str) -> String {
    let lines = screen.lines().map(|line| {
        if line.starts_with(line_of) {
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn rows_are_put_in_order_and_cut_off() {
    in_own_host(|host| {
        populate(host);
        let peers = |arguments: &[&str]| -> Vec<String> {
            rows(arguments).iter().map(|row| row["peer"]["addr"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(
            peers(&["--sort", "peer"]),
            ["127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.5"]
        );
        assert_eq!(peers(&["--sort", "peer", "--limit", "2"]), ["127.0.0.2", "127.0.0.2"]);
        let left: Vec<u64> =
            rows(&["--sort", "left"]).iter().map(|row| row["expires_in_ms"].as_u64().unwrap()).collect();
        assert!(left.len() == 5 && left.is_sorted_by(|one, next| one >= next), "{left:?}");
        assert_eq!(rows(&["--limit", "2"]).len(), 2);
        assert_eq!(rows(&["--limit", "9"]).len(), 5);

        let text = |arguments: &[&str]| run(&[&["ls"], arguments].concat()).stdout;
        let last = |text: String| text.lines().last().unwrap().to_owned();
        assert_eq!(last(text(&["--limit", "2"])), "the first 2 sockets in time-wait; there are more");
        assert!(last(text(&["--limit", "5"])).starts_with("5 sockets in time-wait; the last expires at "));
        assert!(last(text(&["--limit", "2", "--sort", "left"])).starts_with("2 of 5 sockets in time-wait; "));
    });
}
