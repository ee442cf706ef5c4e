//! `timewait ls` in hosts of its own.

use std::{
    io::Read as _,
    net::{Shutdown, TcpListener, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use socket2::SockRef;
use timewait_linux::hosts;
use timewait_trial::{Process, eventually, have_tool, in_own_host, zone_where_it_is};

use crate::{assert_screen, program, run, seen, serve, timewait};

/// A connection of which the server's side waits.
fn leave_one_waiting() -> Process {
    let server = serve(&["127.0.0.1:9000"]);
    let mut client = TcpStream::connect("127.0.0.1:9000").unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    drop(client);
    eventually("a time-wait", || (run(&["ls", "--count"]).stdout == "1\n").then_some(()));
    server
}

#[test]
fn a_socket_in_time_wait_is_listed_with_its_seconds() {
    in_own_host(|_host| {
        let _server = leave_one_waiting();
        assert_screen!("ls-time-wait", seen(&run(&["ls", ":9000"])));
        assert_screen!("ls-all", seen(&run(&["ls", "--all", ":9000"])));
    });
}

#[test]
fn what_expires_tomorrow_has_its_date() {
    in_own_host(|_host| {
        let _server = leave_one_waiting();
        let half_a_minute_to_midnight = Duration::from_secs(24 * 60 * 60 - 30);
        let mut late = timewait(&["ls", ":9000"]);
        let shown = Process::start(late.env("TZ", zone_where_it_is(half_a_minute_to_midnight))).finish();
        let last = shown.stdout.lines().last().unwrap();
        let at = last.strip_prefix("1 socket in time-wait; it expires at ").unwrap();
        let digits: String = at.chars().map(|c| if c.is_ascii_digit() { 'N' } else { c }).collect();
        assert_eq!(digits, "NNNN-NN-NN NN:NN:NN", "{last}");
        assert!(at.contains(" 00:00:"), "{last}");
    });
}

#[test]
fn an_address_restricts_the_list_to_the_end_that_is_named() {
    in_own_host(|_host| {
        let _server = leave_one_waiting();
        let count = |arguments: &[&str]| run(&[&["ls", "--count"], arguments].concat()).stdout;
        assert_eq!(count(&["--local", ":9000"]), "1\n");
        assert_eq!(count(&["--peer", ":9000"]), "0\n");
        assert_eq!(count(&["127.0.0.0/8"]), "1\n");
        assert_eq!(count(&["127.0.0.0/8:9001"]), "0\n");
        assert_eq!(count(&["::1"]), "0\n");
        assert_eq!(count(&["--listening"]), "1\n");
        assert_eq!(count(&["--state", "listen,time-wait"]), "2\n");
        assert_eq!(run(&["ls", "--count", "--json"]).stdout, "{\"v\":1,\"count\":1}\n");
    });
}

#[test]
fn an_empty_answer_says_where_else_to_look() {
    in_own_host(|_host| {
        let _listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        assert_screen!("ls-empty", seen(&run(&["ls", ":9000"])));
        assert_screen!("ls-empty-everywhere", seen(&run(&["ls", "--peer", "10.0.0.0/8"])));
    });
}

#[test]
fn a_mark_is_told_in_json_unless_only_time_wait_is_listed() {
    in_own_host(|_host| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let client = TcpStream::connect("127.0.0.1:9000").unwrap();
        SockRef::from(&client).set_mark(7).unwrap();
        let (server, _) = listener.accept().unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        drop((server, client));
        eventually("a time-wait", || (run(&["ls", "--count"]).stdout == "1\n").then_some(()));

        let told = |arguments: &[&str]| {
            let answer = run(&[&["ls", "--json", "--peer", ":9000"], arguments].concat());
            serde_json::from_str::<Value>(&answer.stdout).unwrap().get("mark").cloned()
        };
        assert_eq!(told(&[]), None);
        assert_eq!(told(&["--state", "time-wait"]), None);
        assert_eq!(told(&["--all"]), Some(7.into()));
    });
}

#[test]
fn a_row_of_json_keeps_to_the_contract() {
    in_own_host(|_host| {
        let _server = leave_one_waiting();
        let rows: Vec<Value> = run(&["ls", "--all", "--json"])
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let of = |state| rows.iter().find(|row| row["state"] == state).unwrap();

        let waiting = of("time-wait");
        assert_eq!(waiting["v"], 1);
        assert_eq!(waiting["local"], serde_json::json!({"addr": "127.0.0.1", "port": 9000}));
        assert!(waiting["expires_in_ms"].as_u64().unwrap() <= 60_000);
        assert!(u64::from_str_radix(waiting["cookie"].as_str().unwrap(), 16).is_ok());
        for unknown in ["inode", "uid", "owner"] {
            assert!(waiting[unknown].is_null(), "{unknown} of a time-wait is not known, and never a guess");
        }

        let listening = of("listen");
        assert!(listening["expires_in_ms"].is_null());
        assert_eq!(listening["owner"]["command"], "timewait");
        assert!(listening["inode"].as_u64().unwrap() > 0);
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

        let text = run(&["ls", "--listening"]).stdout;
        assert!(text.contains(r"\e[2J\u{202e}x ("), "{text}");
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text:?}");

        let json = run(&["ls", "--listening", "--json"]).stdout;
        assert!(!json.contains('\x1b') && !json.contains('\u{202e}'), "{json:?}");
        let row: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(row["owner"]["command"], "\x1b[2J\u{202e}x", "a program gets the name as it is");

        let refused = run(&["serve", "127.0.0.1:9000"]).stderr;
        assert!(refused.contains(r"of \e[2J\u{202e}x (pid "), "{refused}");
    });
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    in_own_host(|_host| {
        let _server = leave_one_waiting();
        for arguments in [
            &["ls", "--all"][..],
            &["ls", "--all", "--json"],
            &["ports"],
            &["ports", "--json"],
            &["doctor"],
            &["doctor", "--json"],
            &["watch", "-q", "--for", "10ms"],
            &["watch", "-q", "--for", "10ms", "--json"],
            &["--help"],
            &["generate", "man"],
        ] {
            let mut child =
                timewait(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stdout.take());
            let status = child.wait().unwrap();
            let mut complaint = String::new();
            child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
            assert_eq!((status.code(), complaint.as_str()), (Some(0), ""), "{arguments:?}");
        }
    });
}

#[test]
fn an_output_that_is_full_is_said_and_is_no_good_end() {
    in_own_host(|_host| {
        let _server = leave_one_waiting();
        for arguments in [
            &["ls", "--all"][..],
            &["ports"],
            &["doctor"],
            &["watch", "-q", "--for", "10ms"],
            &["watch", "-q", "--for", "10ms", "--json"],
        ] {
            let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
            let answer = timewait(arguments).stdout(full).output().unwrap();
            let complaint = String::from_utf8_lossy(&answer.stderr);
            assert_eq!(answer.status.code(), Some(2), "{arguments:?}");
            assert!(complaint.contains("No space left on device"), "{arguments:?}: {complaint}");
        }
    });
}

#[test]
fn another_network_namespace_is_looked_into_by_process_and_by_path() {
    in_own_host(|_host| {
        let _server = leave_one_waiting();
        let mut elsewhere = timewait(&["serve", "127.0.0.1:9100"]);
        let elsewhere = Process::start_by(&mut elsewhere, hosts::isolate).unwrap();
        elsewhere.until("listening on");
        let owner = inner_pid_of(9100, &elsewhere);
        let by_pid = run(&["ls", "--listening", "--netns", &owner]);
        assert!(by_pid.stdout.contains("127.0.0.1:9100"), "{}", seen(&by_pid));
        assert!(!by_pid.stdout.contains("127.0.0.1:9000"), "{}", seen(&by_pid));
        let by_path = run(&["ls", "--listening", "--count", "--netns", &format!("/proc/{owner}/ns/net")]);
        assert_eq!(by_path.stdout, "1\n", "{}", seen(&by_path));
        assert!(
            run(&["ls", "--netns", &owner]).stdout.starts_with("no socket in time-wait in network namespace")
        );
    });
}

/// The id, in this `/proc`, of the process inside a host that this process started: the child of its guard, our child.
/// Other tests have servers on the same port, in hosts of theirs that this `/proc` shows as well.
pub(crate) fn inner_pid_of(port: u16, guard: &Process) -> String {
    let own = std::fs::read_link("/proc/self").unwrap().to_str().unwrap().to_owned();
    eventually(&format!("the process that serves {port} under {}", guard.id()), || {
        let ids =
            std::fs::read_dir("/proc").unwrap().filter_map(|it| it.ok()?.file_name().into_string().ok());
        let serves = |pid: &String| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.contains(&format!("127.0.0.1:{port}"))
        };
        ids.filter(serves).find(|pid| parent_of(pid).and_then(|guard| parent_of(&guard)) == Some(own.clone()))
    })
}

/// The parent of a process, by its id in this `/proc`.
pub(crate) fn parent_of(pid: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().to_owned())
}

#[test]
fn it_lists_what_ss_lists() {
    if !have_tool("ss") {
        return;
    }
    in_own_host(|_host| {
        let _server = leave_one_waiting();
        let ours = run(&["ls", "--all"]).stdout;
        let ss = Process::start(Command::new("ss").args(["-Htan"])).finish().stdout;
        assert_eq!(ss.lines().count(), 2, "{ss}");
        for line in ss.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (state, local) = (words[0].to_lowercase(), words[3]);
            assert!(ours.lines().any(|row| row.starts_with(&state) && row.contains(local)), "{line}\n{ours}");
        }
    });
}
