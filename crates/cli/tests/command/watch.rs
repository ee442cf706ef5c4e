//! `timewait watch` in hosts of its own.

use std::{
    io::Read as _,
    net::{TcpListener, TcpStream},
    process::Command,
};

use serde_json::Value;
use timewait_linux::closes::{Setup, Watch};
use timewait_trial::{Need, Process, in_own_host, skip};

use crate::{assert_screen, program, run, run_without, seen, serve, timewait};

/// Whether a probe is permitted here; if not, the calling test is left out.
pub(crate) fn may_probe() -> bool {
    let watch = Watch::open(&Setup { probe: true, ..Setup::default() }).unwrap();
    let why = watch.no_probe().map(ToString::to_string);
    if let Some(why) = &why {
        skip(Need::Probe, why);
    }
    why.is_none()
}

/// Starts a watch of port 9000, which has begun when this returns.
fn watch(arguments: &[&str]) -> Process {
    let watch = Process::start(timewait(&["watch", ":9000"]).args(arguments));
    watch.until("watching");
    watch
}

/// Three connections that the server closes first, each of which came to its end.
fn three_clients() {
    for _ in 0..3 {
        let mut client = TcpStream::connect("127.0.0.1:9000").unwrap();
        client.read_to_end(&mut Vec::new()).unwrap();
    }
}

/// Ends a watch as Ctrl-C does: what it printed, without what differs from run to run.
fn interrupted(watch: Process) -> String {
    watch.signal("INT");
    let screen = seen(&watch.finish());
    let lines = screen.lines().map(|line| match line.split_once(" s: ") {
        Some((watched, rest)) if watched.starts_with("watched for ") => format!("watched for N.N s: {rest}"),
        _ if line.starts_with("cost: ") => "cost: N".to_owned(),
        _ => line.to_owned(),
    });
    // How wide a column is depends on the digits of a process id.
    let columns = lines.map(|line| {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
    });
    columns.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_probe_names_who_closed_first_in_a_summary() {
    in_own_host(|_host| {
        if !may_probe() {
            return;
        }
        let _server = serve(&["127.0.0.1:9000"]);
        let watch = watch(&[]);
        three_clients();
        assert_screen!("watch-probe", interrupted(watch));
    });
}

#[test]
fn samples_alone_say_what_was_inferred() {
    in_own_host(|_host| {
        let _server = serve(&["127.0.0.1:9000"]);
        let watch = watch(&["--no-probe"]);
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let mut client = TcpStream::connect("127.0.0.1:9000").unwrap();
                client.read_to_end(&mut Vec::new()).unwrap();
                client
            })
            .collect();
        drop(clients);
        let summary = interrupted(watch);
        assert!(summary.contains("time-wait  known by"), "{summary}");
        assert!(summary.contains("sampled: connections that come and go"), "{summary}");
    });
}

#[test]
fn nothing_that_closes_is_said_in_a_line() {
    in_own_host(|_host| assert_screen!("watch-nothing", interrupted(watch(&["--no-probe"]))));
}

#[test]
fn a_time_ends_the_watch() {
    in_own_host(|_host| {
        let answer = run(&["watch", "--no-probe", "--for", "10ms", "--json"]);
        let summary: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!((answer.status.code(), &summary["event"]), (Some(0), &Value::from("summary")));
        assert!(summary["watched_ms"].as_u64().unwrap() >= 10);
    });
}

#[test]
fn json_has_a_line_a_close_and_then_the_sums_and_what_is_inferred_says_so() {
    in_own_host(|_host| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let watch = watch(&["--no-probe", "--json"]);
        let client = TcpStream::connect("127.0.0.1:9000").unwrap();
        drop(listener.accept().unwrap());
        drop(client);
        watch.until("\"event\":\"close\"");
        watch.signal("INT");
        let lines: Vec<Value> =
            watch.finish().stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let close = lines.iter().find(|line| line["local"]["port"] == 9000).unwrap();
        assert_eq!((&close["v"], &close["event"]), (&Value::from(1), &Value::from("close")));
        // Between two samples or not: what was not seen says from what it was concluded.
        assert_eq!(close["known_by"] == "inferred", close["inferred_from"] == "listener", "{close}");
        assert!(close["owner"]["pid"].is_u64(), "{close}");
        let summary = lines.last().unwrap();
        assert_eq!((&summary["event"], &summary["probe"]), (&Value::from("summary"), &Value::from(false)));
        assert_eq!(summary["closed"]["time_wait"], 1);
        assert_eq!(summary["complete"], false, "samples may miss something");
    });
}

#[test]
fn without_the_capabilities_it_says_which_and_samples() {
    in_own_host(|_host| {
        if !may_probe() {
            return;
        }
        let answer = run_without("bpf,-sys_admin", &["watch", "--for", "10ms"]);
        assert_eq!(answer.status.code(), Some(0), "{}", seen(&answer));
        assert!(answer.stderr.contains("no probe: it takes CAP_BPF"), "{}", answer.stderr);
        assert!(answer.stdout.contains("sampled: "), "{}", answer.stdout);
    });
}

#[test]
fn a_process_whose_name_is_an_escape_sequence_does_not_reach_the_terminal() {
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let evil = folder.path().join("\x1b[2J\u{202e}x");
        std::fs::copy(program(), &evil).unwrap();
        let server = Process::start(Command::new(&evil).args(["serve", "127.0.0.1:9000"]));
        server.until("listening on");
        for format in [&["--each"][..], &["--json"]] {
            let watch = watch(format);
            three_clients();
            watch.signal("INT");
            let written = watch.finish().stdout;
            assert!(written.contains("[2J"), "{written}");
            assert!(!written.contains('\x1b') && !written.contains('\u{202e}'), "{written:?}");
        }
    });
}

#[test]
fn what_cannot_be_watched_is_bad_input() {
    for arguments in
        [&["watch", "--netns", "no-such"][..], &["watch", "10.1.2.3/8"], &["watch", "--for", "soon"]]
    {
        let answer = run(arguments);
        assert_eq!(answer.status.code(), Some(2), "{}", seen(&answer));
    }
}
