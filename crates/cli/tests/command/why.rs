//! `timewait why`: the answer, and whether the kernel agrees.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
};

use serde_json::Value;
use timewait_linux::hosts;
use timewait_trial::{Process, eventually, forbid, have_tool, in_own_host, send_again_soon};

use crate::{assert_screen, program, run, run_without, seen, serve};

/// Serves some clients, closing first, and ends: what is left is in time-wait.
fn leave_waiting(options: &[&str], clients: usize) {
    let server = serve(&[options, &["--connections", &clients.to_string(), "127.0.0.1:9000"]].concat());
    for _ in 0..clients {
        TcpStream::connect("127.0.0.1:9000").unwrap().read_to_end(&mut Vec::new()).unwrap();
    }
    assert!(server.finish().status.success());
    eventually("every connection in time-wait", || {
        (run(&["ls", "-c"]).stdout == format!("{clients}\n")).then_some(())
    });
}

fn json(arguments: &[&str]) -> Value {
    let answer = run(&[&["why", "--json"], arguments].concat());
    serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {}", seen(&answer)))
}

#[test]
fn a_port_held_by_time_wait_without_the_flag_is_a_no_until_the_last_expires() {
    in_own_host(|_host| {
        leave_waiting(&["--no-reuseaddr"], 2);
        assert_screen!("why-waiting-without-the-flag", seen(&run(&["why", ":9000"])));
        assert_eq!(run(&["serve"]).status.code(), Some(1), "and so it is");
    });
}

#[test]
fn a_port_held_by_time_wait_with_the_flag_is_a_yes() {
    in_own_host(|_host| {
        leave_waiting(&[], 1);
        assert_screen!("why-waiting-with-the-flag", seen(&run(&["why", ":9000"])));
        assert_screen!("why-a-plain-socket-over-it", seen(&run(&["why", ":9000", "--flags", "none"])));
        let _server = serve(&["127.0.0.1:9000"]);
    });
}

#[test]
fn without_a_trial_it_depends_on_what_no_table_shows() {
    in_own_host(|_host| {
        leave_waiting(&[], 1);
        assert_screen!("why-depends", seen(&run(&["why", "127.0.0.1:9000", "--no-try"])));
    });
}

#[test]
fn a_listener_is_named_and_a_free_port_is_a_yes() {
    in_own_host(|_host| {
        let _server = serve(&[":9000"]);
        assert_screen!("why-a-listener", seen(&run(&["why", ":9000"])));
        assert_screen!("why-free", seen(&run(&["why", ":9001"])));
    });
}

#[test]
fn an_outgoing_connection_that_took_the_port_is_found_out() {
    in_own_host(|host| {
        let _server = serve(&["--close-first", "client", "127.0.0.1:9000"]);
        host.set("net.ipv4.ip_local_port_range", "40000 40000").unwrap();
        let _took = TcpStream::connect("127.0.0.1:9000").unwrap();
        assert_screen!("why-an-outgoing-connection", seen(&run(&["why", ":40000"])));
        assert_eq!(run(&["serve", ":40000"]).status.code(), Some(1), "and so it is");
    });
}

#[test]
fn what_no_socket_holds_is_told_apart() {
    if !have_tool("setpriv") {
        return;
    }
    in_own_host(|host| {
        host.set("net.ipv4.ip_unprivileged_port_start", "1024").unwrap();
        assert_screen!("why-address-not-here", seen(&run(&["why", "192.0.2.1:9000"])));
        let answer = run_without("net_bind_service", &["why", "127.0.0.1:80"]);
        assert!(
            answer.stdout.starts_with("No: bind(2) on 127.0.0.1:80 fails with EACCES (reuseaddr)."),
            "{answer:?}"
        );
        assert_eq!(answer.status.code(), Some(1));
    });
}

#[test]
fn where_namespaces_are_refused_it_predicts_and_says_so() {
    in_own_host(|_host| {
        let _server = serve(&["127.0.0.1:9000"]);
        let forbidden = || {
            forbid(libc::SYS_unshare, None);
            run(&["why", "127.0.0.1:9000"])
        };
        let answer = thread::scope(|scope| scope.spawn(forbidden).join().unwrap());
        assert_eq!(answer.status.code(), Some(1));
        assert!(answer.stdout.contains("EADDRINUSE  -       predicted\n"), "{}", seen(&answer));
        assert!(answer.stdout.contains("not checked on this kernel: unshare(2)"), "{}", seen(&answer));
    });
}

/// A rehearsal by another program would take a pid namespace as well, which is forbidden here. Without the capability, no
/// other network namespace is looked into, and so no thread is started, which might still be counted.
#[test]
fn a_copy_of_the_process_rehearses_and_nothing_is_executed() {
    in_own_host(|_host| {
        let forbidden = || {
            for user in [0, libc::CLONE_NEWUSER] {
                let namespaces = user | libc::CLONE_NEWNET | libc::CLONE_NEWPID;
                forbid(libc::SYS_unshare, Some(namespaces.cast_unsigned()));
            }
            run_without("sys_ptrace", &["why", "127.0.0.1:9000"])
        };
        let answer = thread::scope(|scope| scope.spawn(forbidden).join().unwrap());
        assert_eq!(answer.stdout.matches("checked on this kernel\n").count(), 4, "{}", seen(&answer));
    });
}

#[test]
fn the_json_keeps_to_the_contract() {
    in_own_host(|_host| {
        leave_waiting(&["--no-reuseaddr"], 3);
        let answer = json(&["127.0.0.1:9000"]);
        assert_eq!(
            (&answer["v"], &answer["addr"], &answer["port"]),
            (&1.into(), &"127.0.0.1".into(), &9000.into())
        );
        assert_eq!((&answer["verdict"], &answer["judged"]), (&"EADDRINUSE".into(), &"reuseaddr".into()));
        assert!(answer["netns"].is_null());
        assert!((1..=60_000).contains(&answer["free_in_ms"].as_u64().unwrap()));
        assert_eq!(answer["holders"][0]["role"], "server-time-wait");
        assert_eq!(
            (&answer["holders"][0]["count"], answer["holders"][0]["rows"].as_array().unwrap().len()),
            (&3.into(), 3)
        );
        let answers = answer["answers"].as_array().unwrap();
        assert_eq!(answers.len(), 4);
        let asked = &answers[1];
        assert_eq!(asked["flags"], serde_json::json!(["reuseaddr"]));
        assert_eq!(
            (&asked["bind"]["tried"], &asked["bind"]["checked"]),
            (&"EADDRINUSE".into(), &"EADDRINUSE".into())
        );
        assert!(asked["listen"]["predicted"].is_null(), "not reached");
        assert_eq!(answer["remedies"][0]["code"], "wait");
        assert_eq!(json(&[":9000"])["dual_stack"]["addr"], "::");
    });
}

#[test]
fn waiting_ends_when_the_bind_would_succeed() {
    in_own_host(|host| {
        // An orphan's wait can be shortened, unlike a time-wait's.
        send_again_soon(host);
        host.set("net.ipv4.tcp_fin_timeout", "2").unwrap();
        let server = serve(&["--no-reuseaddr", "127.0.0.1:9000"]);
        // Its FIN is sent and acknowledged, and the client's does not come: killed now, it leaves a minisocket.
        let _client = TcpStream::connect("127.0.0.1:9000").unwrap();
        eventually("its FIN", || (run(&["ls", "-c", "-s", "fin-wait-2"]).stdout == "1\n").then_some(()));
        server.signal("KILL");
        assert_eq!(server.finish().status.code(), None, "killed");
        assert_eq!(run(&["why", "127.0.0.1:9000", "--flags", "none"]).status.code(), Some(1));

        let waited = run(&["why", "127.0.0.1:9000", "--flags", "none", "--wait"]);
        assert_eq!(waited.status.code(), Some(0), "{}", seen(&waited));
        let _server = serve(&["--no-reuseaddr", "127.0.0.1:9000"]);
    });
}

#[test]
fn waiting_for_what_cannot_be_or_takes_too_long_is_given_up() {
    in_own_host(|_host| {
        leave_waiting(&["--no-reuseaddr"], 1);
        let late = run(&["why", "127.0.0.1:9000", "--wait", "--timeout", "1s"]);
        assert_eq!(late.status.code(), Some(1));
        assert!(late.stderr.contains("not within 1.0 s"), "{}", seen(&late));
        let _server = serve(&["127.0.0.1:9100"]);
        let never = run(&["why", "127.0.0.1:9100", "--wait"]);
        assert_eq!(never.status.code(), Some(1));
        assert!(never.stderr.contains("nobody can know when this ends"), "{}", seen(&never));
    });
}

#[test]
fn it_looks_into_another_network_namespace() {
    in_own_host(|_host| {
        let mut elsewhere = crate::timewait(&["serve", "127.0.0.1:9000"]);
        let elsewhere = Process::start_by(&mut elsewhere, hosts::isolate).unwrap();
        elsewhere.until("listening on");
        let inside = crate::ls::inner_pid_of(9000, &elsewhere);
        assert_eq!(
            run(&["why", "127.0.0.1:9000"]).status.code(),
            Some(0),
            "another namespace does not matter"
        );
        let answer = run(&["why", "127.0.0.1:9000", "--netns", &inside]);
        assert_eq!(answer.status.code(), Some(1), "{}", seen(&answer));
        assert!(answer.stdout.contains("a listening socket of timewait (pid "), "{}", seen(&answer));
    });
}

#[test]
fn every_listener_is_judged_for_its_next_restart() {
    in_own_host(|_host| {
        let _good = serve(&["127.0.0.1:9000"]);
        let bad = serve(&["--no-reuseaddr", "127.0.0.1:9100"]);
        let _unused = serve(&["--no-reuseaddr", "127.0.0.1:9200"]);
        for port in [9000, 9100] {
            TcpStream::connect(("127.0.0.1", port)).unwrap().read_to_end(&mut Vec::new()).unwrap();
        }
        eventually("both in time-wait", || (run(&["ls", "-c"]).stdout == "2\n").then_some(()));
        assert_screen!("why-listening", seen(&run(&["why", "--listening"])));
        let answer: Value = serde_json::from_str(&run(&["why", "--listening", "--json"]).stdout).unwrap();
        let restarts: Vec<&str> = answer["listeners"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["restart"].as_str().unwrap())
            .collect();
        assert_eq!(restarts, ["OK", "EADDRINUSE", "OK"]);
        let pid = answer["listeners"][1]["pid"].to_string();
        assert_eq!(run(&["why", "--pid", &pid]).status.code(), Some(1));

        bad.signal("TERM");
        assert!(bad.finish().status.success());
        assert_eq!(
            run(&["serve", "--no-reuseaddr", "127.0.0.1:9100"]).status.code(),
            Some(1),
            "and so it is"
        );
    });
}

/// Starts a server that is none of ours, speaks to it so that it closes first, asks about its restart, ends it, asks
/// about its port, and restarts it: whether that worked must be what was said.
fn restart_of(start: impl Fn() -> Process, port: u16, flags: &str) {
    let address = format!("127.0.0.1:{port}");
    let server = start();
    let mut client = eventually("a server", || TcpStream::connect(&address).ok());
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    drop(client);
    eventually("its time-wait", || (run(&["ls", "-c", "--local", &address]).stdout != "0\n").then_some(()));
    let foreseen = run(&["why", "--listening"]);
    server.signal("TERM");
    drop(server.finish());
    let told = run(&["why", &address, "--flags", flags]);

    let again = start();
    let listens = eventually("a server or its failure", || {
        let complained = again.stderr().contains("ddress already in use");
        let listens = run(&["ls", "-c", "--listening", "--local", &format!(":{port}")]).stdout != "0\n";
        (complained || listens).then_some(listens)
    });
    assert_eq!(told.status.success(), listens, "{}\n{}", seen(&told), again.stderr());
    assert_eq!(foreseen.status.success(), listens, "{}", seen(&foreseen));
}

const PYTHON: &str = "
import http.server, socketserver, sys
class Server(socketserver.TCPServer):
    allow_reuse_address = sys.argv[1] == 'reuseaddr'
Server(('127.0.0.1', 9000), http.server.BaseHTTPRequestHandler).serve_forever()
";

#[test]
fn a_python_server_s_restart_is_foretold_with_and_without_the_flag() {
    if !have_tool("python3") {
        return;
    }
    in_own_host(|_host| {
        let python = |flags| Process::start(Command::new("python3").args(["-c", PYTHON, flags]));
        restart_of(|| python("reuseaddr"), 9000, "reuseaddr");
    });
}

#[test]
fn a_python_server_without_the_flag_is_foretold_to_fail() {
    if !have_tool("python3") {
        return;
    }
    in_own_host(|_host| {
        restart_of(|| Process::start(Command::new("python3").args(["-c", PYTHON, "none"])), 9000, "none");
    });
}

#[test]
fn an_nginx_s_restart_is_foretold() {
    if !have_tool("nginx") {
        return;
    }
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let configuration = format!(
            "user root root; daemon off; master_process off; pid {at}/pid; error_log stderr; events {{}} http {{ access_log off; \
             client_body_temp_path {at}/a; proxy_temp_path {at}/b; fastcgi_temp_path {at}/c; uwsgi_temp_path {at}/d; \
             scgi_temp_path {at}/e; server {{ listen 127.0.0.1:9000; return 200 hello; }} }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let nginx =
            || Process::start(Command::new("/usr/sbin/nginx").arg("-e").arg("stderr").arg("-c").arg(&file));
        restart_of(nginx, 9000, "reuseaddr");
    });
}

#[test]
fn a_server_killed_under_open_connections_is_told_to_come_back_with_the_flag() {
    in_own_host(|_host| {
        let server = serve(&["--close-first", "client", "127.0.0.1:9000"]);
        let clients: Vec<TcpStream> =
            (0..50).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();
        eventually("all of them", || {
            (run(&["ls", "-c", "-s", "established"]).stdout == "100\n").then_some(())
        });
        server.signal("KILL");
        eventually("orphans", || (run(&["ls", "-c", "-s", "fin-wait-2"]).stdout == "50\n").then_some(()));
        assert_eq!(run(&["why", "127.0.0.1:9000", "--flags", "none"]).status.code(), Some(1));
        assert_eq!(run(&["serve", "--no-reuseaddr", "127.0.0.1:9000"]).status.code(), Some(1));
        assert_eq!(run(&["why", "127.0.0.1:9000"]).status.code(), Some(0));
        let _server = serve(&["127.0.0.1:9000"]);
        drop(clients);
    });
}

#[test]
fn a_listener_held_by_a_bound_socket_and_a_specific_address_are_told_apart() {
    in_own_host(|_host| {
        let _listener = TcpListener::bind("127.0.0.2:9000").unwrap();
        assert_eq!(run(&["why", "127.0.0.1:9000"]).status.code(), Some(0), "another address");
        assert_eq!(run(&["why", "0.0.0.0:9000"]).status.code(), Some(1), "every address");
    });
}

#[test]
fn the_ports_that_are_left_for_a_destination_are_counted() {
    in_own_host(|host| {
        host.set("net.ipv4.ip_local_port_range", "40000 40009").unwrap();
        host.set("net.ipv4.tcp_tw_reuse", "0").unwrap();
        let _server = serve(&["--close-first", "client", "127.0.0.1:9000"]);
        assert_screen!("why-to-all-free", seen(&run(&["why", "--to", "127.0.0.1:9000"])));

        let foretold = json(&["--to", "127.0.0.1:9000"])["left"].as_u64().unwrap();
        let open: Vec<TcpStream> =
            std::iter::from_fn(|| TcpStream::connect("127.0.0.1:9000").ok()).take(100).collect();
        assert_eq!(open.len() as u64, foretold);
        let none = run(&["why", "--to", "127.0.0.1:9000"]);
        assert_screen!("why-to-none-left", seen(&none));
        assert_eq!(json(&["--to", "127.0.0.1:9000"])["connect"], "EADDRNOTAVAIL");
        assert_eq!(run(&["why", "--to", "127.0.0.1:9001"]).status.code(), Some(0), "another destination");
        assert_eq!(
            run(&["why", "--to", "127.0.0.1:9000", "--from", "127.0.0.2"]).status.code(),
            Some(0),
            "and source"
        );
    });
}

#[test]
fn a_holder_s_hostile_name_is_shown_and_does_not_act() {
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let evil = folder.path().join("\x1b[2Jx");
        std::fs::copy(program(), &evil).unwrap();
        let server = Process::start(Command::new(&evil).args(["serve", "127.0.0.1:9000"]));
        server.until("listening on");
        let answer = run(&["why", "127.0.0.1:9000"]);
        assert!(answer.stdout.contains(r"a listening socket of \e[2Jx (pid "), "{}", seen(&answer));
        assert!(!answer.stdout.contains('\x1b'));
    });
}

#[test]
fn a_holder_that_may_not_be_seen_is_said_to_be_that() {
    if !have_tool("setpriv") {
        return;
    }
    in_own_host(|_host| {
        let _server = serve(&["127.0.0.1:9000"]);
        // With fewer capabilities than the server has, one may not look into it.
        let answer = run_without("sys_ptrace", &["why", "127.0.0.1:9000"]);
        assert_screen!("why-an-unseen-owner", seen(&answer));
    });
}

#[test]
fn a_second_socket_with_the_flag_is_told_that_the_first_to_listen_wins() {
    in_own_host(|_host| {
        let rival = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        rival.set_reuse_address(true).unwrap();
        rival.bind(&"127.0.0.1:9000".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        assert_screen!("why-a-rival", seen(&run(&["why", "127.0.0.1:9000"])));
        assert_eq!(json(&["127.0.0.1:9000"])["rivals"], 1);

        let _server = serve(&["127.0.0.1:9000"]);
        assert_eq!(rival.listen(1).unwrap_err().kind(), std::io::ErrorKind::AddrInUse, "and so it is");
    });
}

#[test]
fn another_user_and_another_device_are_asked_about_by_name() {
    in_own_host(|_host| {
        let _server = serve(&["--reuseport", "127.0.0.1:9000"]);
        let ask = |extra: &[&str]| {
            run(&[&["why", "127.0.0.1:9000", "--flags", "reuseaddr,reuseport"], extra].concat())
        };
        assert_eq!(ask(&[]).status.code(), Some(0), "the same user shares");
        let other = ask(&["--uid", "12345"]);
        assert_eq!(other.status.code(), Some(1));
        assert!(other.stdout.contains("the old socket is of another user"), "{}", seen(&other));
        assert!(!other.stdout.contains("tried here"), "it would not be that user's bind: {}", seen(&other));
        let rehearsed = other.stdout.contains("checked on this kernel\n");
        let and_why_not = other.stdout.contains("it has several users' sockets");
        assert!(rehearsed != and_why_not, "{}", seen(&other));
        assert_eq!(ask(&["--device", "lo"]).status.code(), Some(0), "still the same user");
    });
}

#[test]
fn a_range_with_an_odd_number_of_ports_promises_its_last_with_a_word_of_warning() {
    in_own_host(|host| {
        host.set("net.ipv4.ip_local_port_range", "40000 40010").unwrap();
        let answer = run(&["why", "--to", "127.0.0.1:9000"]);
        assert!(answer.stdout.contains("the last may be"), "{}", seen(&answer));
        assert_eq!(json(&["--to", "127.0.0.1:9000"])["uneven"], true);
        host.set("net.ipv4.ip_local_port_range", "40000 40009").unwrap();
        assert_eq!(json(&["--to", "127.0.0.1:9000"])["uneven"], false);
    });
}

/// A server in a network namespace of its own: it serves one client and ends; then, for each line that it is given, it
/// is started again, and says with which status that ended.
const ELSEWHERE: &str = "
$0 serve -q --no-reuseaddr --connections 1 127.0.0.1:9000 &
until $0 connect -q 127.0.0.1:9000; do :; done
wait
echo it waits
while read line; do
    $0 serve -q --no-reuseaddr --connections 1 127.0.0.1:9000 & server=$!
    until $0 connect -q 127.0.0.1:9000 >/dev/null 2>&1 || ! kill -0 $server; do :; done
    wait $server
    echo restart ended with $?
done
";

#[test]
fn the_restart_of_a_server_in_another_namespace_is_foretold() {
    in_own_host(|_host| {
        let mut elsewhere = Command::new("sh");
        elsewhere.args(["-c", ELSEWHERE, program()]);
        let mut elsewhere = Process::start_by(&mut elsewhere, hosts::isolate).unwrap();
        elsewhere.until("it waits");
        let inside = crate::ls::inner_pid_of(9000, &elsewhere);
        let ask = || run(&["why", "127.0.0.1:9000", "--flags", "none", "--netns", &inside]);

        let refused = ask();
        assert_eq!(refused.status.code(), Some(1), "{}", seen(&refused));
        elsewhere.write(b"again\n");
        elsewhere.until("restart ended with 1");

        assert_eq!(run(&["free", "127.0.0.1:9000", "--yes", "--netns", &inside]).status.code(), Some(0));
        let free = ask();
        assert_eq!(free.status.code(), Some(0), "{}", seen(&free));
        elsewhere.write(b"again\n");
        elsewhere.until("restart ended with 0");
    });
}
