//! `timewait demo`: the whole story, and that it leaves nothing behind.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, process::Command, thread};

use serde_json::Value;
use timewait_trial::{Process, eventually, forbid, have_tool, in_own_host};

use crate::{assert_screen, program, run, seen};

#[test]
fn it_tells_the_article_from_what_it_observes() {
    in_own_host(|_host| assert_screen!("demo", seen(&run(&["demo"]))));
}

#[test]
fn nothing_it_prints_is_wider_than_80_columns() {
    in_own_host(|_host| {
        let screen = run(&["demo"]).stdout;
        assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    });
}

#[test]
fn colour_changes_nothing_but_colour() {
    in_own_host(|_host| {
        let plain = masked(&run(&["demo", "--color", "never"]).stdout);
        let painted = run(&["demo", "--color", "always"]).stdout;
        assert!(painted.contains("\x1b["), "it is painted");
        assert_eq!(masked(&strip(&painted)), plain);
    });
}

#[test]
fn it_shows_both_reasons_for_the_wait_with_their_packets() {
    in_own_host(|_host| {
        let screen = run(&["demo"]).stdout;
        for seen in [
            "✗ lost",
            "◄─",
            "┃ time-wait",
            "RST seq",
            "ECONNRESET",
            "├╌ released",
            "reads \"OLD: pay 1000 to Mallory\"",
        ] {
            assert!(screen.contains(seen), "{seen}: {screen}");
        }
    });
}

/// Every digit as 0, and no ladders: what differs between two runs.
fn masked(text: &str) -> String {
    let ladder = |line: &&str| line.contains(['│', '┊', '┃', '⋮']) || line.ends_with("server");
    let text: String = text.lines().filter(|line| !ladder(line)).flat_map(|line| [line, "\n"]).collect();
    let mut masked: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    while masked.contains("00") {
        masked = masked.replace("00", "0");
    }
    masked
}

fn strip(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain + rest
}

#[test]
fn its_json_keeps_to_the_contract() {
    in_own_host(|_host| {
        let report: Value = serde_json::from_str(&run(&["demo", "--json"]).stdout).unwrap();
        assert_eq!((&report["v"], &report["namespace"]), (&Value::from(1), &Value::from("own")));
        let steps = report["steps"].as_array().unwrap();
        let facts: Vec<_> =
            steps.iter().map(|step| (step["id"].as_str().unwrap(), step["errno"].as_str())).collect();
        assert_eq!(
            facts,
            [
                ("first-program", None),
                ("restart-refused", Some("EADDRINUSE")),
                ("option-too-late", Some("EADDRINUSE")),
                ("option-restarts", None),
                ("client-closes", None),
                ("crash-under-load", None),
                ("lost-last-ack", None),
                ("old-duplicate", None),
            ]
        );
        assert!(steps.iter().all(|step| step["as_told"] == true), "{steps:?}");
        for step in &steps[..6] {
            assert!(
                !step["rows"].as_array().unwrap().is_empty() && step["rows"].as_array().unwrap().len() <= 20
            );
        }
        assert_eq!(steps[5]["sockets"], 400);
    });
}

#[test]
fn where_namespaces_are_refused_it_plays_on_loopback_and_says_so() {
    in_own_host(|_host| {
        let refused = without_namespaces(&["demo", "--color", "never"]);
        let screen = seen(&refused);
        assert_eq!(refused.status.code(), Some(0), "{screen}");
        assert!(screen.contains("Not in network namespaces of their own: unshare(2)"), "{screen}");
        assert!(screen.contains("loopback, port 9000"), "{screen}");
        let again = without_namespaces(&["demo", "--json"]);
        let report: Value = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!(report["namespace"], "loopback");
        let steps = report["steps"].as_array().unwrap();
        assert!(steps[..6].iter().all(|step| step["as_told"] == true), "{report}");
        for step in &steps[6..] {
            assert_eq!(step["as_told"], Value::Null, "two hosts and a wire are not to be had: {step}");
            assert!(step["reason"].as_str().unwrap().contains("unshare(2)"), "{step}");
        }
    });
}

/// Runs the program where unshare(2) answers EPERM.
fn without_namespaces(arguments: &[&str]) -> timewait_trial::Finished {
    where_unshare_is_forbidden(|| run(arguments))
}

/// A filter on a thread of its own stands in for a container's profile.
fn where_unshare_is_forbidden<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let forbidden = || {
        forbid(libc::SYS_unshare, None);
        work()
    };
    thread::scope(|scope| scope.spawn(forbidden).join().unwrap())
}

/// The processes that execute this file.
pub(crate) fn processes_of(program: &Path) -> Vec<u32> {
    let file = fs::metadata(program).unwrap().ino();
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    let running = entries.filter(|path| fs::metadata(path.join("exe")).is_ok_and(|exe| exe.ino() == file));
    running.filter_map(|path| path.file_name()?.to_str()?.parse().ok()).collect()
}

/// Of the demo's processes the one that is in no namespace of its own and was there first; its id in this pid
/// namespace, which is not the one that `/proc` belongs to.
fn demo_itself(processes: &[u32]) -> u32 {
    let ids_from_outside_in = |pid: &u32| -> Vec<u32> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap();
        ids.split_whitespace().map(|id| id.parse().unwrap()).collect()
    };
    let ids = processes.iter().map(ids_from_outside_in).min_by_key(|ids| (ids.len(), ids.clone()));
    *ids.unwrap().last().unwrap()
}

/// Plays the demo on a terminal up to its first pause, sends a signal to the demo itself, and waits until no process
/// of it is left.
fn end_by(signal: &str) {
    // A copy of its own, so that nobody else's processes are counted.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("timewait");
    fs::copy(program(), &copy).unwrap();
    let demo = format!("{} demo --pause --color never", copy.display());
    let terminal = Process::start(Command::new("script").args(["-qfec", &demo, "/dev/null"]));
    terminal.until("-- Enter for the next step --");

    let running = processes_of(&copy);
    assert!(running.len() >= 3, "the demo, an act and its server run: {running:?}");
    let parent = demo_itself(&running).to_string();
    let sent = Command::new("kill").args([&format!("-{signal}"), &parent]).status().unwrap();
    assert!(sent.success());
    eventually("the end of all its processes", || processes_of(&copy).is_empty().then_some(()));
}

#[test]
fn whatever_ends_it_leaves_no_process_behind() {
    if !have_tool("script") {
        return;
    }
    in_own_host(|_host| {
        ["KILL", "INT", "TERM", "HUP"].into_iter().for_each(end_by);
        where_unshare_is_forbidden(|| ["KILL", "INT"].into_iter().for_each(end_by));
    });
}
