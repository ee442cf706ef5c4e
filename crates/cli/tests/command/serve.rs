//! `timewait serve`: what it says, and how it ends.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
};

use timewait_trial::{Process, eventually, have_tool, in_own_host};

use crate::{assert_screen, run, run_without, seen, serve, timewait};

const LINE: &str = "I sent sth to client!\n";

/// What a client hears until the server's FIN.
fn hear(address: &str) -> String {
    let mut heard = String::new();
    TcpStream::connect(address).unwrap().read_to_string(&mut heard).unwrap();
    heard
}

#[test]
fn a_restart_that_is_refused_says_what_holds_the_port_and_until_when() {
    in_own_host(|_host| {
        let server = serve(&["--no-reuseaddr", "--connections", "1"]);
        assert_eq!(hear("127.0.0.1:9000"), LINE);
        assert_screen!("serve-one-client", seen(&server.finish()));

        let refused = run(&["serve", "--no-reuseaddr"]);
        assert_screen!("serve-refused-plain", seen(&refused));
        let refused = run(&["serve"]);
        assert_screen!("serve-refused-although-reuseaddr", seen(&refused));
    });
}

#[test]
fn a_port_that_somebody_listens_on_names_the_process() {
    in_own_host(|_host| {
        let _server = serve(&[]);
        assert_screen!("serve-refused-by-a-listener", seen(&run(&["serve"])));
    });
}

#[test]
fn an_address_that_is_not_of_this_host_is_said_to_be_that() {
    in_own_host(|_host| {
        assert_screen!("serve-address-not-here", seen(&run(&["serve", "192.0.2.1:9000"])));
    });
}

#[test]
fn a_privileged_port_names_the_setting_and_the_first_port_that_is_none() {
    in_own_host(|host| {
        host.set("net.ipv4.ip_unprivileged_port_start", "1024").unwrap();
        if !have_tool("setpriv") {
            return;
        }
        let answer = run_without("net_bind_service", &["serve", ":80"]);
        assert_screen!("serve-privileged-port", seen(&answer));
    });
}

#[test]
fn a_signal_ends_it_in_order_with_its_totals() {
    in_own_host(|_host| {
        for signal in ["INT", "TERM"] {
            let server = serve(&["127.0.0.1:9000"]);
            assert_eq!(hear("127.0.0.1:9000"), LINE);
            server.signal(signal);
            let finished = server.finish();
            assert_eq!(finished.status.code(), Some(0), "{signal}");
            assert!(finished.stdout.contains("served 1 of 1 client, 22 bytes sent"), "{}", finished.stdout);
        }
    });
}

#[test]
fn its_options_do_what_the_help_says() {
    in_own_host(|_host| {
        let _v6 = serve(&["[::]:9000", "--v6only"]);
        let v4 = serve(&["--message", "other words", "--connections", "1"]);
        assert_eq!(hear("127.0.0.1:9000"), "other words", "IPv4 has its own server beside a v6only one");
        assert!(v4.finish().status.success());
        assert_eq!(hear("[::1]:9000"), LINE);

        let _dual = serve(&["[::]:9100"]);
        assert_eq!(hear("127.0.0.1:9100"), LINE, "without --v6only an IPv6 server takes IPv4 clients");

        let shared = [serve(&["--reuseport", ":9200"]), serve(&["--reuseport", ":9200"])];
        assert_eq!(hear("127.0.0.1:9200"), LINE);
        drop(shared);
    });
}

#[test]
fn a_server_whose_reader_has_gone_goes_on_serving() {
    in_own_host(|_host| {
        let mut child =
            timewait(&["serve", "127.0.0.1:9000"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let heard =
            eventually("an answer", || TcpStream::connect("127.0.0.1:9000").ok()).read(&mut [0; 64]).unwrap();
        assert_eq!(heard, LINE.len());
        assert_eq!(hear("127.0.0.1:9000"), LINE);
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn netcat_and_telnet_and_curl_hear_the_line_and_see_an_orderly_close() {
    if !have_tool("nc") || !have_tool("telnet") || !have_tool("curl") {
        return;
    }
    in_own_host(|_host| {
        let _server = serve(&["127.0.0.1:9000"]);
        let speak = |program: &str, arguments: &[&str], input: &[u8]| {
            let mut client = Process::start(Command::new(program).args(arguments));
            client.write(input);
            client.until(LINE.trim_end());
            client.finish()
        };
        let nc = speak("nc", &["-N", "127.0.0.1", "9000"], b"x");
        assert_eq!((nc.status.code(), nc.stdout.as_str(), nc.stderr.as_str()), (Some(0), LINE, ""));
        let telnet = speak("telnet", &["127.0.0.1", "9000"], b"");
        assert!(
            telnet.stdout.contains(LINE) && telnet.stderr.contains("closed by foreign host"),
            "{telnet:?}"
        );
        let curl = speak("curl", &["-sS", "--http0.9", "http://127.0.0.1:9000/"], b"");
        assert_eq!((curl.status.code(), curl.stdout.as_str(), curl.stderr.as_str()), (Some(0), LINE, ""));
    });
}

#[test]
fn on_a_terminal_it_prints_a_line_a_client_and_counts_the_rest() {
    if !have_tool("script") {
        return;
    }
    in_own_host(|_host| {
        let command = format!("{} serve --color never --connections 30 127.0.0.1:9000", crate::program());
        let terminal = Process::start(Command::new("script").args(["-qfec", &command, "/dev/null"]));
        terminal.until("listening on");
        (0..30).for_each(|_| assert_eq!(hear("127.0.0.1:9000"), LINE));
        let screen = terminal.finish().stdout;
        let lines = screen.lines().filter(|line| line.starts_with("client ")).count();
        let rest: usize = screen
            .lines()
            .filter_map(|line| line.strip_prefix("... and ")?.split(' ').next()?.parse::<usize>().ok())
            .sum();
        assert!(lines >= 10, "{screen}");
        assert_eq!(lines + rest, 30, "each client is a line or counted: {screen}");
        assert!(screen.contains("served 30 of 30 clients, 660 bytes sent"), "{screen}");
    });
}

#[test]
fn a_client_that_never_closes_does_not_keep_a_stopped_server() {
    in_own_host(|_host| {
        let server = serve(&["127.0.0.1:9000"]);
        let mut client = TcpStream::connect("127.0.0.1:9000").unwrap();
        client.write_all(b"hello").unwrap();
        server.until("listening on");
        server.signal("TERM");
        assert_eq!(server.finish().status.code(), Some(0));
    });
}

#[test]
fn a_plain_listener_on_the_port_is_an_owner_like_any_other() {
    in_own_host(|_host| {
        let _listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let refused = run(&["serve"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.stderr.contains("held by a listening socket"), "{}", refused.stderr);
    });
}
