//! `--all-netns`: namespaces that a process holds, and those that only a mount does. Others of this machine are there
//! too, as far as this user may look: nothing is said of them here.

use std::{net::TcpListener, process::Command};

use serde_json::Value;
use timewait_linux::hosts;
use timewait_trial::{Process, have_tool, in_own_host};

use crate::{
    ls::{inner_pid_of, parent_of},
    program, run, seen, timewait,
};

/// A server on this port in a network namespace of its own, and the id of the first process there: the guard, its parent.
fn elsewhere(port: u16) -> (Process, String) {
    let mut server = timewait(&["serve", &format!("127.0.0.1:{port}")]);
    let server = Process::start_by(&mut server, hosts::isolate).unwrap();
    server.until("listening on");
    let guard = parent_of(&inner_pid_of(port, &server)).unwrap();
    (server, guard)
}

fn rows(arguments: &[&str]) -> Vec<Value> {
    let answer = run(arguments);
    assert!(answer.status.code() < Some(2), "{}", seen(&answer));
    answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A process's namespace is named by it, whatever its control group tells.
fn is_of(netns: &Value, pid: &str) -> bool {
    let name = netns.as_str().unwrap();
    name == format!("process {pid}") || name.ends_with(&format!(" ({pid})"))
}

#[test]
fn every_row_of_every_namespace_has_the_name_of_its_own() {
    in_own_host(|_host| {
        let servers = [9100, 9101].map(elsewhere);
        let listed = rows(&["ls", "--listening", "--all-netns", "--json", ":9100"]);
        let row = listed.iter().find(|row| is_of(&row["netns"], &servers[0].1)).unwrap();
        assert_eq!(
            (&row["v"], &row["local"]["port"], &row["state"]),
            (&1.into(), &9100.into(), &"listen".into())
        );
        assert!(!listed.iter().any(|row| is_of(&row["netns"], &servers[1].1)), "nothing has that port there");

        let text = run(&["ls", "--listening", "--all-netns"]).stdout;
        for (port, (_, pid)) in [9100, 9101].into_iter().zip(&servers) {
            let line =
                text.lines().find(|line| line.contains(&format!("127.0.0.1:{port} ")) && line.contains(pid));
            assert!(line.is_some(), "{port} {pid}: {text}");
        }
    });
}

#[test]
fn rows_are_put_in_order_and_cut_off_in_each_namespace() {
    in_own_host(|_host| {
        let _ours = [61_003, 61_001, 61_002].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
        let (_server, pid) = elsewhere(9100);
        let listed = rows(&["ls", "--listening", "--all-netns", "--json", "--sort", "local", "--limit", "2"]);
        let ports = |of: &dyn Fn(&Value) -> bool| -> Vec<u64> {
            let of = listed.iter().filter(|row| of(&row["netns"]));
            of.map(|row| row["local"]["port"].as_u64().unwrap()).collect()
        };
        let here = &listed.iter().find(|row| row["local"]["port"] == 61_001).unwrap()["netns"];
        assert_eq!(ports(&|netns| netns == here), [61_001, 61_002]);
        assert_eq!(ports(&|netns| is_of(netns, &pid)), [9100]);
    });
}

#[test]
fn ports_and_doctor_tell_of_each_namespace() {
    in_own_host(|host| {
        host.set("net.ipv4.ip_local_port_range", "40000 40019").unwrap();
        host.set("net.ipv4.tcp_timestamps", "0").unwrap();
        let (_server, pid) = elsewhere(9100);
        let of = |reports: &[Value]| reports.iter().find(|it| is_of(&it["netns"], &pid)).cloned().unwrap();

        let budgets = rows(&["ports", "--all-netns", "--json"]);
        assert_ne!(of(&budgets)["range"], serde_json::json!([40_000, 40_019]));
        assert!(
            budgets.iter().any(|it| it["range"] == serde_json::json!([40_000, 40_019])),
            "this one as well"
        );

        let diagnoses = rows(&["doctor", "--all-netns", "--no-peek", "--json"]);
        assert_eq!(of(&diagnoses)["wrong"], 0);
        let own = diagnoses.iter().flat_map(|it| it["findings"].as_array().unwrap());
        assert!(own.into_iter().any(|it| it["command"] == "sysctl -w net.ipv4.tcp_timestamps=1"));
        assert_eq!(run(&["doctor", "--all-netns"]).status.code(), Some(1));
    });
}

#[test]
fn a_namespace_that_only_a_mount_holds_is_named_by_its_path() {
    if !(have_tool("unshare") && have_tool("mount")) {
        return;
    }
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a b");
        let script = "touch \"$1\" && unshare --net mount --bind /proc/self/ns/net \"$1\" && \
            exec \"$0\" ports --all-netns --json";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, program()]).arg(&place);
        let answer = Process::start(&mut command).finish();
        let of = |line: &str| serde_json::from_str::<Value>(line).unwrap()["netns"].clone();
        let names: Vec<Value> = answer.stdout.lines().map(of).collect();
        assert!(names.iter().any(|name| name == place.to_str().unwrap()), "{names:?} {}", answer.stderr);
    });
}

#[test]
fn a_namespace_that_a_mount_of_another_mount_namespace_holds_is_found_there() {
    if !(have_tool("unshare") && have_tool("mount")) {
        return;
    }
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("web");
        let script =
            "touch \"$1\" && unshare --net mount --bind /proc/self/ns/net \"$1\" && echo up && read end";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh"]).arg(&place);
        let holder = Process::start(&mut command);
        holder.until("up");
        let budgets = rows(&["ports", "--all-netns", "--json"]);
        let names: Vec<&str> = budgets.iter().map(|it| it["netns"].as_str().unwrap()).collect();
        let found = names.iter().find(|name| name.ends_with(place.to_str().unwrap()));
        let name = found.unwrap_or_else(|| panic!("{names:?} {}", holder.stderr()));
        assert!(name.starts_with("/proc/"), "{name}");
        assert_eq!(rows(&["ports", "--json", "--netns", name]).len(), 1, "by its name it is found again");
    });
}

#[test]
fn what_may_not_be_entered_is_said_and_the_others_are_shown() {
    if !have_tool("setpriv") {
        return;
    }
    in_own_host(|_host| {
        let (_server, pid) = elsewhere(9100);
        let answer = crate::run_without("sys_admin", &["ports", "--all-netns", "--json"]);
        assert_eq!(answer.status.code(), Some(0), "{}", seen(&answer));
        let said = answer.stderr.lines().find(|line| line.contains(&pid)).unwrap_or_default();
        assert!(
            said.starts_with("timewait: network namespace ") && said.contains("CAP_SYS_ADMIN"),
            "{}",
            seen(&answer)
        );
        assert_eq!(answer.stdout.lines().count(), 1, "this one: {}", seen(&answer));
    });
}
