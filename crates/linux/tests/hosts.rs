//! Hosts of our own, on the running kernel.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "failing is what tests do")]

use std::{
    env, fs, io,
    io::Write as _,
    net::{TcpListener, TcpStream},
    os::unix::{fs::MetadataExt as _, process::ExitStatusExt as _},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

use timewait_linux::{
    hosts::{self, Host, Refusal, Step},
    processes, settings,
};
use timewait_trial::{Need, eventually, forbid, in_own_host, skip};

#[test]
fn a_host_has_its_loopback_up_and_nothing_else_in_it() {
    in_own_host(|_host| {
        let listener = TcpListener::bind("127.0.0.1:9000").expect("port 9000 is free in a host of one's own");
        TcpStream::connect("127.0.0.1:9000").expect("loopback is up");
        drop(listener);
        TcpListener::bind("[::1]:9000").expect("IPv6 as well");
        assert_eq!(std::process::id(), 1, "process 1 of its pid namespace");
    });
}

#[test]
fn a_setting_is_written_inside_and_reads_back() {
    in_own_host(|host| {
        host.set("net.ipv4.tcp_fin_timeout", "7").unwrap();
        assert_eq!(settings::read("net.ipv4.tcp_fin_timeout").unwrap(), "7");
        host.set("net.ipv4.ip_local_port_range", "20000 20099").unwrap();
        assert_eq!(settings::read("net.ipv4.ip_local_port_range").unwrap(), "20000 20099");
    });
}

#[test]
fn a_setting_that_is_not_the_namespace_s_own_is_refused_before_it_is_written() {
    in_own_host(|host| {
        let error = host.set("kernel.hostname", "x").unwrap_err().to_string();
        assert!(error.contains("'kernel.hostname' is no name"), "{error}");
        let error = host.set("net.ipv4.tcp_fin_timeout", "soon").unwrap_err();
        assert!(matches!(error, settings::SettingError::Refused { doing: "write", .. }), "{error}");
    });
}

#[test]
fn a_small_table_is_the_host_s_own_and_nothing_else_of_it_is_missing() {
    in_own_host(|_host| {
        const TABLE: &str = "net.ipv4.tcp_ehash_entries";
        let Ok(before) = settings::read(TABLE) else {
            return skip(Need::Kernel, "tables of a namespace's own (6.1)");
        };
        assert!(before.starts_with('-'), "shared with the machine at first: {before}");
        let inode = || fs::metadata("/proc/thread-self/ns/net").unwrap().ino();
        let first = inode();
        let host = Host::entered().unwrap().with_small_table().unwrap();
        assert_eq!(settings::read(TABLE).unwrap(), "16384");
        assert_ne!(inode(), first);
        assert!(Host::entered().is_some(), "it is still no one else's");
        host.set("net.ipv4.tcp_fin_timeout", "7").unwrap();
        host.await_address("::1".parse().unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        TcpStream::connect("127.0.0.1:9000").unwrap();
        drop(listener);
    });
}

#[test]
fn without_a_network_namespace_of_its_own_no_process_counts_as_inside() {
    let outside = env::var_os("TIMEWAIT_OUTSIDE_NETNS").is_none();
    assert!(!outside || Host::entered().is_none());
    in_own_host(|_host| {
        // The variable alone proves nothing: it must name another namespace than this one.
        let here = fs::metadata("/proc/self/ns/net").unwrap().ino().to_string();
        let forged = Command::new(env::current_exe().unwrap())
            .args(["--exact", "this_process_is_not_inside", "--nocapture"])
            .env("TIMEWAIT_OUTSIDE_NETNS", here)
            .env("TIMEWAIT_FORGED", "yes")
            .status()
            .unwrap();
        assert!(forged.success());
    });
}

/// Run with a forged environment by the test above; by itself it has nothing to say.
#[test]
fn this_process_is_not_inside() {
    assert!(env::var_os("TIMEWAIT_FORGED").is_none() || Host::entered().is_none());
}

#[test]
fn the_exit_status_is_passed_on() {
    in_own_host(|_host| {
        let status = |script: &str| {
            let mut command = Command::new("sh");
            hosts::isolate(command.args(["-c", script])).unwrap().wait().unwrap().code()
        };
        assert_eq!(status("exit 7"), Some(7));
        assert_eq!(status("sleep 60 & exit 0"), Some(0), "what process 1 left running ends with it");
    });
}

#[test]
fn input_output_and_environment_go_through() {
    in_own_host(|_host| {
        let mut command = Command::new("sh");
        command.args(["-c", "read line; echo \"$line, $WORD\"; echo wrong >&2"]).env("WORD", "word");
        let mut child =
            hosts::isolate(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()))
                .unwrap();
        child.stdin.take().unwrap().write_all(b"line\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"line, word\n"[..], &b"wrong\n"[..]));
    });
}

#[test]
fn a_program_that_does_not_exist_is_an_error_of_its_own() {
    let error = hosts::isolate(&mut Command::new("/no/such/program")).unwrap_err();
    let is_start = matches!(&error, Refusal::Start(source) if source.kind() == io::ErrorKind::NotFound);
    assert!(is_start || matches!(error, Refusal::NotPermitted { .. }), "{error}");
}

/// Every process of a chain of hosts, told by a word in its arguments.
fn processes_with(word: &str) -> Vec<u32> {
    let entries =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let has_word =
        |pid: &String| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|it| it.contains(word));
    entries.filter(has_word).filter_map(|pid| pid.parse().ok()).collect()
}

#[test]
fn nothing_survives_when_the_one_that_waits_is_killed() {
    // The numbers of the pid namespace that the test is in: so not in a host of its own.
    let word = format!("survivor-{}", std::process::id());
    let mut command = Command::new("sh");
    command.args(["-c", "sh -c 'sleep 600; true' $0 & sh -c 'sleep 600; true' $0; true", &word]);
    let mut guard = match hosts::isolate(&mut command) {
        Ok(guard) => guard,
        Err(refusal) => return skip(Need::Kernel, &refusal.to_string()),
    };
    // The guard keeps the arguments that it was forked with; of the others there are three.
    eventually("the processes inside", || (processes_with(&word).len() >= 3).then_some(()));
    guard.kill().unwrap();
    guard.wait().unwrap();
    eventually("the end of all processes inside", || processes_with(&word).is_empty().then_some(()));
}

#[test]
fn nothing_survives_the_end_of_the_thread_that_started_it() {
    let word = format!("orphan-{}", std::process::id());
    let started = thread::scope(|scope| {
        let start = || hosts::isolate(Command::new("sh").args(["-c", "sleep 600; true", &word]));
        scope.spawn(start).join().unwrap()
    });
    let mut guard = match started {
        Ok(guard) => guard,
        Err(refusal) => return skip(Need::Kernel, &refusal.to_string()),
    };
    let status = eventually("the guard's end", || guard.try_wait().unwrap());
    assert!(!status.success(), "killed, {status}");
    eventually("the end of all processes inside", || processes_with(&word).is_empty().then_some(()));
}

#[test]
fn a_tethered_child_ends_with_the_thread_that_started_it() {
    let start = || processes::tether(Command::new("sleep").arg("600")).spawn().unwrap();
    let mut child = thread::scope(|scope| scope.spawn(start).join().unwrap());
    let status = eventually("the child's end", || child.try_wait().unwrap());
    assert_eq!(status.signal(), Some(9));
}

#[test]
fn a_filter_that_forbids_unshare_is_named_as_a_container_s_profile() {
    in_own_host(|_host| {
        forbid(libc::SYS_unshare, None);
        let refusal = hosts::isolate(&mut Command::new("true")).unwrap_err();
        let Refusal::NotPermitted { step, because, .. } = &refusal else { panic!("{refusal}") };
        assert_eq!(*step, Step::Unshare);
        assert!(because.as_ref().unwrap().contains("a seccomp filter is active"), "{refusal}");
    });
}

/// As under Ubuntu's AppArmor rule: the namespace is given, and the capability to use it is not.
#[test]
fn a_namespace_whose_loopback_cannot_be_taken_up_counts_as_not_permitted() {
    in_own_host(|_host| {
        forbid(libc::SYS_ioctl, None);
        let refusal = hosts::isolate(&mut Command::new("true")).unwrap_err();
        let Refusal::NotPermitted { step, .. } = &refusal else { panic!("{refusal}") };
        assert_eq!(*step, Step::Loopback);
        assert!(refusal.to_string().starts_with("taking up the loopback interface"), "{refusal}");
    });
}

#[test]
fn what_is_set_inside_changes_nothing_outside() {
    let before = all_settings();
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo 7 >/proc/sys/net/ipv4/tcp_fin_timeout && cat /proc/sys/net/ipv4/tcp_fin_timeout"]);
    let child = match hosts::isolate(command.stdout(Stdio::piped())) {
        Ok(child) => child,
        Err(refusal) => return skip(Need::Kernel, &refusal.to_string()),
    };
    assert_eq!(child.wait_with_output().unwrap().stdout, b"7\n", "it was set inside");
    let after = all_settings();
    let changed: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "{changed:?}");
}

/// Every setting of this network namespace that has a value of its own.
fn all_settings() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/proc/sys/net")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            match fs::read_to_string(&path) {
                // A count of connections, and no setting.
                _ if path.ends_with("nf_conntrack_count") => {}
                Ok(value) => found.push((path, value)),
                Err(_) if path.is_dir() => folders.push(path),
                Err(_) => {}
            }
        }
    }
    assert!(found.len() > 100, "is this test blind?");
    found
}
