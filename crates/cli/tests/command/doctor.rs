//! `timewait doctor`: on a host of its own, and on files.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use serde_json::Value;
use timewait_linux::hosts;
use timewait_trial::{Finished, Process, have_tool, in_own_host};

use crate::{assert_screen, ls::inner_pid_of, program, run, seen, timewait};

/// What is on the internet as the cure for TIME-WAIT.
const RECIPE: &str = "\
# High performance!
net.ipv4.tcp_tw_recycle = 1
net.ipv4.tcp_tw_reuse = 1
net.ipv4.tcp_fin_timeout = 15   # seconds
net/ipv4/tcp_max_tw_buckets=5000
net.ipv4.tcp_timestmaps = 0
-net.ipv4.ip_local_port_range = 1024 65535
net.ipv4.tcp_rfc1337
net.core.rmem_max = 16777216
";

fn doctor_in(folder: &Path, arguments: &[&str]) -> Finished {
    let mut command = timewait(&["doctor"]);
    Process::start(command.args(arguments).current_dir(folder)).finish()
}

fn json(answer: &Finished) -> Value {
    serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {}", seen(answer)))
}

fn codes(answer: &Finished) -> Vec<String> {
    let report = json(answer);
    let found = report["findings"].as_array().unwrap().iter();
    found.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_recipe_from_the_internet_is_taken_apart_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("99-tune.conf"), RECIPE).unwrap();
    assert_screen!("doctor-recipe", seen(&doctor_in(folder.path(), &["--kernel", "5.15", "99-tune.conf"])));
}

#[test]
fn a_file_without_a_fault_is_no_bad_news() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.conf"), "net.ipv4.tcp_tw_reuse = 1\n").unwrap();
    assert_screen!("doctor-remarks", seen(&doctor_in(folder.path(), &["--kernel", "6.12", "a.conf"])));
    fs::write(folder.path().join("b.conf"), "vm.swappiness = 10\n").unwrap();
    assert_screen!("doctor-nothing", seen(&doctor_in(folder.path(), &["--kernel", "6.12", "b.conf"])));
}

#[test]
fn folders_are_one_set_in_the_order_of_names_and_the_first_folder_hides_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
    for name in ["etc", "lib"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    write("etc/50-a.conf", "net.ipv4.tcp_timestamps = 1\n");
    write("lib/50-a.conf", "net.ipv4.tcp_timestamps = 0\n");
    write("lib/10-b.conf", "net.ipv4.tcp_syncookies = 2\n");
    write("lib/60-c.conf", "net.ipv4.tcp_syncookies = 1\n");
    write("lib/70-off.conf", "net.ipv4.tcp_tw_recycle = 1\n");
    write("lib/README", "net.ipv4.tcp_tw_recycle = 1\n");
    symlink("/dev/null", folder.path().join("etc/70-off.conf")).unwrap();

    let both = doctor_in(folder.path(), &["--json", "etc", "lib"]);
    assert_eq!(codes(&both), ["overridden"], "{}", seen(&both));
    assert_eq!(both.status.code(), Some(0));
    let report = json(&both);
    assert_eq!(
        report["files"],
        serde_json::json!(["lib/10-b.conf", "etc/50-a.conf", "lib/60-c.conf", "etc/70-off.conf"])
    );
    assert_eq!(
        (&report["findings"][0]["file"], &report["findings"][0]["line"]),
        (&"lib/10-b.conf".into(), &1.into())
    );
    // A file that is named is read where it is named.
    let last = doctor_in(folder.path(), &["--json", "etc", "lib", "lib/10-b.conf"]);
    assert!(codes(&last).contains(&"syncookies-always".to_owned()), "{}", seen(&last));
}

#[test]
fn of_systemd_sysctl_s_folders_a_host_need_not_have_all_but_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("run/sysctl.d")).unwrap();
    let some = doctor_in(folder.path(), &["etc/sysctl.d", "run/sysctl.d"]);
    assert_eq!(some.status.code(), Some(0));
    assert!(some.stdout.contains(", 0 files: 0 settings"), "{}", seen(&some));
    for missing in [&["etc/sysctl.d"][..], &["run/sysctl.d", "etc/sysctl.conf"], &["run/sysctl.d", "etc"]] {
        let answer = doctor_in(folder.path(), missing);
        assert_eq!((answer.status.code(), answer.stdout.as_str()), (Some(2), ""), "{}", seen(&answer));
    }
}

#[test]
fn of_a_value_without_end_the_beginning_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.conf"), format!("net.ipv4.tcp_rfc1337 = {}", "9".repeat(100_000)))
        .unwrap();
    let answer = doctor_in(folder.path(), &["a.conf"]);
    assert_eq!((answer.status.code(), answer.stdout.len() < 1_000), (Some(1), true));
    assert!(answer.stdout.contains("999... (a.conf:1)"), "{}", seen(&answer));
}

#[test]
fn what_is_no_file_of_settings_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("large.conf"), vec![b'x'; (1 << 20) + 1]).unwrap();
    let mut screen = String::new();
    for file in ["missing.conf", "large.conf", "/dev/zero"] {
        let answer = doctor_in(folder.path(), &[file]);
        assert_eq!((answer.status.code(), answer.stdout.as_str()), (Some(2), ""), "{}", seen(&answer));
        screen += &answer.stderr;
    }
    assert_screen!("doctor-refused", screen);
}

#[test]
fn a_file_full_of_anything_is_bounded_and_reaches_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("evil.conf"), "\x1b[2J\u{202e}\n".repeat(5_000)).unwrap();
    let answer = doctor_in(folder.path(), &["evil.conf"]);
    assert_eq!(answer.status.code(), Some(1));
    assert!(!answer.stdout.contains('\x1b') && !answer.stdout.contains('\u{202e}'));
    assert!(answer.stdout.contains("4,800 more lines"), "{}", answer.stdout.len());
    let as_json = doctor_in(folder.path(), &["--json", "evil.conf"]);
    assert!(!as_json.stdout.contains('\x1b'));
    assert_eq!(json(&as_json)["left_out"], 4_800);
}

#[test]
fn a_fresh_host_has_nothing_wrong_and_a_spoilt_one_has() {
    in_own_host(|host| {
        let fresh = run(&["doctor", "--json"]);
        assert_eq!((fresh.status.code(), &json(&fresh)["wrong"]), (Some(0), &0.into()), "{}", seen(&fresh));
        for (name, value) in [
            ("net.ipv4.tcp_timestamps", "0"),
            ("net.ipv4.tcp_tw_reuse", "1"),
            ("net.ipv4.tcp_fin_timeout", "15"),
            ("net.ipv4.ip_local_port_range", "20000 60999"),
            ("net.ipv4.ip_local_reserved_ports", "30000"),
            ("net.ipv4.tcp_rfc1337", "1"),
        ] {
            host.set(name, value).unwrap();
        }
        let _reserved = TcpListener::bind("127.0.0.1:30000").unwrap();
        let _at_risk = TcpListener::bind("127.0.0.1:25000").unwrap();
        let answer = run(&["doctor"]);
        // The sums at both ends depend on which settings this kernel has.
        assert_eq!(answer.status.code(), Some(1));
        let findings = answer.stdout.split_once('\n').unwrap().1;
        assert_screen!("doctor-spoilt-host", findings);
    });
}

#[test]
fn a_listener_that_could_not_be_restarted_and_a_limit_that_was_reached_are_found() {
    in_own_host(|host| {
        // Of both, none is made without SO_REUSEADDR by the standard library.
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:9000".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        listener.listen(16).unwrap();
        let _open = (TcpStream::connect("127.0.0.1:9000").unwrap(), listener.accept().unwrap());
        assert_eq!(codes(&run(&["doctor", "--json"])), ["restart-would-fail"]);

        host.set("net.ipv4.tcp_max_tw_buckets", "0").unwrap();
        let (client, (server, _)) =
            (TcpStream::connect("127.0.0.1:9000").unwrap(), listener.accept().unwrap());
        drop(client);
        drop(server);
        timewait_trial::eventually("a connection without its TIME-WAIT", || {
            let found = codes(&run(&["doctor", "--json"]));
            (found == ["tw-buckets-lowered", "restart-would-fail", "counted-time-wait-overflow"])
                .then_some(())
        });
    });
}

#[test]
fn a_setting_that_may_not_be_read_is_named() {
    if !(have_tool("unshare") && have_tool("mount") && have_tool("setpriv")) {
        return;
    }
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let closed = folder.path().join("closed");
        fs::write(&closed, "15\n").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
        let script = "mount --bind \"$1\" /proc/sys/net/ipv4/tcp_fin_timeout && \
            exec setpriv --bounding-set -dac_override,-dac_read_search \
            --inh-caps -dac_override,-dac_read_search \"$0\" doctor --json";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, program()]).arg(&closed);
        let answer = Process::start(&mut command).finish();
        let unreadable = json(&answer)["unreadable"].clone();
        assert_eq!(unreadable[0]["setting"], "net.ipv4.tcp_fin_timeout", "{}", seen(&answer));
        assert!(unreadable[0]["why"].as_str().unwrap().contains("Permission denied"), "{unreadable}");
        assert_eq!(answer.status.code(), Some(0), "what is not known is not wrong");
    });
}

#[test]
fn another_network_namespace_is_looked_into_and_its_command_is_for_there() {
    in_own_host(|host| {
        host.set("net.ipv4.tcp_timestamps", "0").unwrap();
        let mut elsewhere = timewait(&["serve", "127.0.0.1:9100"]);
        let elsewhere = Process::start_by(&mut elsewhere, hosts::isolate).unwrap();
        elsewhere.until("listening on");
        let pid = inner_pid_of(9100, &elsewhere);
        assert_eq!(run(&["doctor"]).status.code(), Some(1));
        let there = run(&["doctor", "--netns", &pid]);
        assert_eq!(there.status.code(), Some(0), "{}", seen(&there));
        assert!(there.stdout.contains(&format!("network namespace {pid}")), "{}", seen(&there));
    });
}
