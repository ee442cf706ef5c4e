//! Clients that speak first, or at all: they get the line and an orderly close.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    process::Command,
};

use timewait_oneline::{Setup, Totals};
use timewait_trial::{Process, have_tool, in_own_host};

use crate::common::{Counted, LINE, Running};

const ABORTS: [&str; 3] = ["OutRsts", "TCPAbortOnClose", "TCPAbortOnData"];

#[test]
fn a_client_that_speaks_before_during_and_after_our_fin_never_sees_an_rst() {
    in_own_host(|_host| {
        let server = Running::start(&Setup::default());
        let aborts = Counted::from_now();

        for _ in 0..100 {
            let mut client = TcpStream::connect(server.address).unwrap();
            client.write_all(b"before").unwrap();
            let mut line = [0; 22];
            client.read_exact(&mut line).unwrap();
            client.write_all(b"during").unwrap();
            assert_eq!(client.read(&mut [0]).unwrap(), 0, "the server's FIN");
            client.write_all(b"after").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(line, LINE);
        }

        let totals = server.stop();
        assert_eq!((totals.served, totals.orderly, totals.bytes_discarded), (100, 100, 100 * 17));
        assert_eq!(aborts.since(ABORTS), [0, 0, 0]);
    });
}

#[test]
fn a_client_that_says_a_megabyte_before_it_reads_gets_the_line() {
    in_own_host(|_host| {
        let server = Running::start(&Setup::default());
        let aborts = Counted::from_now();

        let mut client = TcpStream::connect(server.address).unwrap();
        client.write_all(&vec![b'x'; 1 << 20]).unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        drop(client);

        assert_eq!(received, LINE);
        assert_eq!(server.stop().bytes_discarded, 1 << 20);
        assert_eq!(aborts.since(ABORTS), [0, 0, 0]);
    });
}

#[test]
fn a_client_that_closes_its_side_before_it_reads_gets_the_line() {
    in_own_host(|_host| {
        let server = Running::start(&Setup::default());

        let mut client = TcpStream::connect(server.address).unwrap();
        client.write_all(b"x").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();

        assert_eq!(received, LINE);
        assert_eq!(server.stop().orderly, 1);
    });
}

#[test]
fn netcat_with_input_gets_the_line() {
    if !have_tool("nc") {
        return;
    }
    in_own_host(|_host| {
        let (stdout, totals) = visit("nc", &["127.0.0.1", "9000"]);
        assert_eq!(stdout.as_bytes(), LINE);
        assert_eq!((totals.orderly, totals.bytes_discarded), (1, 6));
    });
}

#[test]
fn netcat_that_closes_at_the_end_of_its_input_gets_the_line() {
    if !have_tool("nc") {
        return;
    }
    in_own_host(|_host| {
        let (stdout, totals) = visit("nc", &["-N", "127.0.0.1", "9000"]);
        assert_eq!(stdout.as_bytes(), LINE);
        assert_eq!((totals.orderly, totals.bytes_discarded), (1, 6));
    });
}

#[test]
fn telnet_prints_the_line_and_says_that_the_other_side_closed() {
    if !have_tool("telnet") {
        return;
    }
    in_own_host(|_host| {
        let server = Running::start(&Setup::default());

        let telnet = Process::start(Command::new("telnet").args(["127.0.0.1", "9000"]));
        let written = telnet.until("Connection closed by foreign host.");

        assert!(written.contains("I sent sth to client!\n"), "{written}");
        telnet.finish();
        assert_eq!(server.stop().orderly, 1);
    });
}

#[test]
fn curl_gets_the_line_as_http_0_9() {
    if !have_tool("curl") {
        return;
    }
    in_own_host(|_host| {
        let aborts = Counted::from_now();
        let (stdout, totals) = visit("curl", &["--silent", "--http0.9", "http://127.0.0.1:9000/"]);
        assert_eq!(stdout.as_bytes(), LINE);
        assert!(totals.bytes_discarded > 0, "its request");
        assert_eq!(aborts.since(ABORTS), [0, 0, 0]);
    });
}

/// Runs a client that says something, and gives what it printed.
fn visit(program: &str, arguments: &[&str]) -> (String, Totals) {
    let server = Running::start(&Setup::default());
    let mut client = Process::start(Command::new(program).args(arguments));
    client.write(b"hello\n");
    let finished = client.finish();
    assert!(finished.status.success(), "{finished:?}");
    (finished.stdout, server.stop())
}
