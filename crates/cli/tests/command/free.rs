//! `timewait free`: ends what waits, and nothing else.

use std::{io::Read as _, net::TcpStream, process::Command};

use timewait_trial::{Process, eventually, have_tool, in_own_host};

use crate::{assert_screen, program, run, run_without, seen, serve};

/// A client that stays, one that is orphaned on the server's side, and one that waits.
fn leave_waiting(clients: usize) {
    let server = serve(&["--no-reuseaddr", "--connections", &clients.to_string(), "127.0.0.1:9000"]);
    for _ in 0..clients {
        TcpStream::connect("127.0.0.1:9000").unwrap().read_to_end(&mut Vec::new()).unwrap();
    }
    assert!(server.finish().status.success());
    eventually("every connection in time-wait", || {
        (run(&["ls", "-c"]).stdout == format!("{clients}\n")).then_some(())
    });
}

#[test]
fn what_waits_is_ended_and_a_plain_bind_succeeds() {
    in_own_host(|_host| {
        leave_waiting(2);
        assert_eq!(run(&["serve", "--no-reuseaddr"]).status.code(), Some(1), "they hold the port");
        assert_screen!("free-dry-run", seen(&run(&["free", ":9000", "--dry-run"])));
        assert_eq!(run(&["ls", "--count"]).stdout, "2\n", "a dry run ends nothing");

        let freed = run(&["free", ":9000", "--yes"]);
        assert!(freed.stdout.ends_with("2 sockets ended\n"), "{}", seen(&freed));
        assert_eq!(freed.status.code(), Some(0));
        assert_eq!(run(&["ls", "--count"]).stdout, "0\n");
        let _server = serve(&["--no-reuseaddr"]);
    });
}

#[test]
fn an_open_connection_is_never_ended() {
    in_own_host(|_host| {
        let _server = serve(&["--close-first", "client", "127.0.0.1:9000"]);
        let mut open = TcpStream::connect("127.0.0.1:9000").unwrap();
        let mut line = [0; 22];
        open.read_exact(&mut line).unwrap();
        let answer = run(&["free", ":9000", "--yes"]);
        assert_screen!("free-nothing-to-end", seen(&answer));
        assert_eq!(run(&["ls", "--count", "--state", "established"]).stdout, "2\n");
    });
}

#[test]
fn without_a_terminal_it_wants_a_yes_and_without_a_port_it_does_nothing() {
    in_own_host(|_host| {
        leave_waiting(1);
        let unasked = run(&["free", ":9000"]);
        assert_eq!(unasked.status.code(), Some(2));
        assert!(unasked.stderr.contains("--yes ends them, --dry-run does not"), "{}", seen(&unasked));
        let everything = run(&["free", "127.0.0.1", "--yes"]);
        assert_eq!(everything.status.code(), Some(2));
        assert!(everything.stderr.contains("127.0.0.1 names no port"), "{}", seen(&everything));
        assert_eq!(run(&["ls", "--count"]).stdout, "1\n");
    });
}

#[test]
fn on_a_terminal_it_asks_and_no_is_the_default() {
    if !have_tool("script") {
        return;
    }
    in_own_host(|_host| {
        leave_waiting(1);
        let answer = |typed: &[u8]| {
            let command = format!("{} free --color never :9000", program());
            let mut terminal = Process::start(Command::new("script").args(["-qfec", &command, "/dev/null"]));
            terminal.until("End this socket? [y/N]");
            terminal.write(typed);
            terminal.finish().stdout
        };
        assert!(answer(b"\n").contains("left alone"));
        assert_eq!(run(&["ls", "--count"]).stdout, "1\n");
        assert!(answer(b"y\n").contains("1 socket ended"));
        assert_eq!(run(&["ls", "--count"]).stdout, "0\n");
    });
}

#[test]
fn without_the_capability_nothing_is_ended_and_it_is_named() {
    if !have_tool("setpriv") {
        return;
    }
    in_own_host(|_host| {
        leave_waiting(1);
        let answer = run_without("net_admin", &["free", ":9000", "--yes"]);
        assert_eq!(answer.status.code(), Some(2), "{}", seen(&answer));
        assert!(
            answer.stderr.contains("nothing was ended: ending a socket takes CAP_NET_ADMIN"),
            "{}",
            seen(&answer)
        );
        assert_eq!(run(&["ls", "--count"]).stdout, "1\n");
    });
}
