//! `timewait connect`: a telnet that tells how it ended.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use timewait_trial::{Process, in_own_host};

use crate::{assert_screen, run, seen, serve, timewait};

#[test]
fn it_tells_who_closed_first_and_whose_the_wait_is() {
    in_own_host(|_host| {
        let _server = serve(&["127.0.0.1:9000"]);
        assert_screen!("connect-server-first", seen(&run(&["connect", ":9000"])));
        let _server = serve(&["127.0.0.1:9100", "--close-first", "client"]);
        assert_screen!("connect-client-first", seen(&run(&["connect", ":9100", "--close-first", "client"])));
    });
}

#[test]
fn a_reset_is_told_and_counts_as_bad_news() {
    in_own_host(|_host| {
        // Said before the RST comes, which would take it along.
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let server = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            client.write_all(b"hello\n").unwrap();
            client.read_exact(&mut [0; 2]).unwrap();
            // One byte stays unread: this close is an RST.
        });
        let mut client = Process::start(&mut timewait(&["connect", ":9000"]));
        client.until("hello");
        client.write(b"abc");
        server.join().unwrap();
        assert_screen!("connect-reset", seen(&client.finish()));
    });
}

#[test]
fn failures_of_the_network_are_one_line_and_status_1() {
    in_own_host(|host| {
        let mut screen = String::new();
        let _held = TcpListener::bind("127.0.0.1:9300").unwrap();
        host.set("net.ipv4.ip_local_port_range", "40000 40000").unwrap();
        let _server = serve(&["127.0.0.1:9000", "--close-first", "client"]);
        let mut only = Process::start(&mut timewait(&["connect", ":9000"]));
        only.until("I sent sth");
        for arguments in [
            &["connect", ":9001", "--from", "127.0.0.1:41000"][..],
            &["connect", ":9000"],
            &["connect", ":9000", "--from", "127.0.0.1:9300"],
            &["connect", ":9000", "--from", "192.0.2.1"],
            &["connect", "192.0.2.1:9000"],
        ] {
            let answer = run(arguments);
            assert_eq!(answer.status.code(), Some(1), "{arguments:?} {}", seen(&answer));
            assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
            screen += &format!("$ timewait {}\n{}", arguments.join(" "), answer.stderr);
        }
        // What a resolver answers differs from machine to machine.
        let unresolved = run(&["connect", "no-such-name.invalid:9000"]);
        assert_eq!(unresolved.status.code(), Some(1));
        assert!(
            unresolved.stderr.starts_with("timewait: cannot resolve 'no-such-name.invalid': "),
            "{}",
            unresolved.stderr
        );
        only.end_input();
        assert_screen!("connect-failures", screen);
    });
}

#[test]
fn input_is_sent_and_the_answer_of_a_server_that_closes_first_is_shown() {
    in_own_host(|_host| {
        let _server = serve(&["127.0.0.1:9000"]);
        let mut client = Process::start(&mut timewait(&["connect", "--quiet", ":9000"]));
        client.write(b"GET / HTTP/1.0\r\n\r\n");
        let finished = client.finish();
        assert_eq!(finished.stdout, "I sent sth to client!\n", "only what the peer says");
        assert_eq!(finished.status.code(), Some(0));
    });
}

#[test]
fn what_the_peer_says_does_not_act_on_the_terminal() {
    in_own_host(|_host| {
        let _server = serve(&["127.0.0.1:9000", "--message", "\x1b]0;owned\x07 caf\u{e9}"]);
        let shown = run(&["connect", "--quiet", ":9000"]).stdout;
        assert_eq!(shown, "\\e]0;owned\\x07 caf\u{e9}\n");
    });
}

#[test]
fn a_source_address_and_port_are_those_asked_for() {
    in_own_host(|_host| {
        let _server = serve(&["127.0.0.1:9000"]);
        let from = run(&["connect", ":9000", "--from", "127.0.0.2:40123"]).stdout;
        assert!(from.starts_with("connected 127.0.0.2:40123 to 127.0.0.1:9000"), "{from}");
        let _server = serve(&["[::1]:9000"]);
        let from = run(&["connect", "[::1]:9000", "--from", "40124"]).stdout;
        assert!(from.starts_with("connected [::1]:40124 to [::1]:9000"), "{from}");
    });
}

#[test]
fn silence_ends_with_the_timeout_and_interruption_in_order() {
    in_own_host(|_host| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let silent = run(&["connect", ":9000", "--timeout", "200ms"]);
        assert_eq!(silent.status.code(), Some(1));
        assert!(
            silent.stdout.contains("nobody said anything for so long that we closed"),
            "{}",
            seen(&silent)
        );

        let interrupted = Process::start(&mut timewait(&["connect", ":9000"]));
        interrupted.until("connected");
        interrupted.signal("INT");
        let interrupted = interrupted.finish();
        assert!(interrupted.stdout.contains("interrupted, so we closed"), "{}", seen(&interrupted));
        assert_eq!(interrupted.status.code(), Some(0));
        drop(listener);
    });
}
