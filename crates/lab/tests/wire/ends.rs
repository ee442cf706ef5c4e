//! How a wire ends, and what is left of it.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use timewait_lab::wire::{Breakage, Cable, RIGHT_V4, Wire, WireError, both_ways, from};
use timewait_linux::hosts::{self, Host};
use timewait_tcp::{Segment, Seq, Side::Left};
use timewait_trial::{Need, eventually, in_own_host, skip};

use crate::stage::{Stage, everywhere, segments};

/// Has the child below make a wire.
const CHILD: &str = "TIMEWAIT_WIRE_CHILD";

/// Every setting of the network that this process may read.
fn settings(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            settings(&path, found);
        } else if let Ok(value) = fs::read_to_string(&path) {
            found.insert(path.display().to_string(), value);
        }
    }
    // The numbers of connections that are tracked just now are no settings.
    found.retain(|name, _| !name.ends_with("conntrack_count"));
}

fn all_settings() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    settings(Path::new("/proc/sys/net"), &mut found);
    found
}

#[test]
fn the_settings_of_the_machine_are_after_a_wire_what_they_were_before() {
    let outside = Host::entered().is_none();
    let before = all_settings();
    in_own_host(|host| {
        let before = all_settings();
        everywhere(host, |stage| {
            stage.server.set("net.ipv4.tcp_fin_timeout", "7").unwrap();
            stage.client.set("net.ipv4.tcp_timestamps", "0").unwrap();
            stage.pair();
        });
        // Of the child's own host, the size that its neighbours' tables have, and nothing else.
        let after = all_settings();
        let changed: Vec<_> =
            after.iter().filter(|(name, value)| before.get(*name) != Some(*value)).collect();
        assert!(changed.iter().all(|(name, _)| name.ends_with("/tcp_child_ehash_entries")), "{changed:?}");
        assert_eq!(before.len(), after.len());
    });
    if outside {
        assert!(before.len() > 100, "is this test blind?");
        assert_eq!(all_settings(), before);
    }
}

#[test]
fn nothing_of_a_wire_outlives_its_process_after_sigkill() {
    let word = format!("wire-{}", std::process::id());
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "ends::a_child_makes_a_wire_and_waits", "--nocapture", "--skip", &word]);
    let mut guard = match hosts::isolate(command.env(CHILD, "yes").stdout(Stdio::piped())) {
        Ok(guard) => guard,
        Err(refusal) => return skip(Need::Kernel, &refusal.to_string()),
    };
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(guard.stdout.take().unwrap()));
    let namespaces = lines.find_map(|line| Some(line.unwrap().split_once("namespaces ")?.1.to_owned()));
    let namespaces: Vec<u64> = namespaces.unwrap().split(' ').map(|inode| inode.parse().unwrap()).collect();
    assert_eq!(namespaces.len(), 3);
    assert!(!processes_with(&word).is_empty(), "is this test blind?");
    guard.kill().unwrap();
    guard.wait().unwrap();
    eventually("the end of its processes", || processes_with(&word).is_empty().then_some(()));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    for inode in namespaces {
        assert!(!mounts.contains(&format!("net:[{inode}]")), "mounted somewhere");
        // A thread loses its memory, by which its process was told, before it leaves its namespace.
        eventually("the end of the last thread in it", || (!is_lived_in(inode)).then_some(()));
    }
}

/// Run by the test above; by itself it has nothing to do.
#[test]
fn a_child_makes_a_wire_and_waits() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let stage = Stage::with(&Host::entered().unwrap(), Cable::default(), RIGHT_V4);
    let _connected = stage.pair();
    let own = fs::metadata("/proc/thread-self/ns/net").unwrap().ino();
    let others = [&stage.client, &stage.server].map(|host| host.netns().inode());
    println!("namespaces {own} {} {}", others[0], others[1]);
    std::io::stdout().flush().unwrap();
    loop {
        thread::park();
    }
}

fn process_ids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn processes_with(word: &str) -> Vec<u32> {
    let has_word =
        |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(word));
    process_ids().filter(|pid| *pid != std::process::id()).filter(has_word).collect()
}

/// Whether any thread that this process may ask is in this network namespace.
fn is_lived_in(inode: u64) -> bool {
    let threads =
        |pid| fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    let is_in =
        |task: fs::DirEntry| fs::metadata(task.path().join("ns/net")).is_ok_and(|ns| ns.ino() == inode);
    process_ids().any(|pid| threads(pid).any(is_in))
}

#[test]
fn a_rule_that_panics_breaks_the_wire_and_hangs_nobody() {
    in_own_host(|host| {
        let stage = Stage::with(host, Cable::default(), RIGHT_V4);
        let (mut client, mut server) = stage.pair();
        let reader = thread::spawn(move || server.read(&mut [0; 1]));
        stage.wire.await_packet("the handshake's end", from(Left).bare_ack()).unwrap();
        let rule = from(Left).with_text().alter("badly", |_| panic!("an alteration gone wrong"));
        stage.wire.rule(rule).unwrap();
        let start = Instant::now();
        client.write_all(b"x").unwrap();
        let never = both_ways().when(|packet| packet.segment.text == b"never sent");
        let error = stage.wire.await_packet("nothing", never).unwrap_err();
        assert!(matches!(error, WireError::Broken(Breakage::Panic)), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(25), "told at once, not by the deadline");
        assert!(matches!(stage.wire.rule(from(Left).drop("")), Err(WireError::Broken(_))));
        // Who waits on a socket for what cannot come any more is told as well.
        assert_eq!(reader.join().unwrap().unwrap_err().kind(), ErrorKind::ConnectionAborted);
        assert_eq!(segments(&stage.wire.trace())[0], ">1 SYN 0", "what was seen until then is there");
    });
}

#[test]
fn a_wait_in_vain_says_for_what_and_how_much_came_since_the_mark() {
    in_own_host(|host| {
        let mut stage = Stage::with(host, Cable::default(), RIGHT_V4);
        stage.wire.wait_at_most(Duration::from_secs(2));
        let (mut client, _server) = stage.pair();
        stage.wire.await_packet("the handshake's end", from(Left).bare_ack()).unwrap();
        stage.wire.mark().unwrap();
        client.write_all(b"x").unwrap();
        let error = stage.wire.await_packet("a SYN", from(Left).syn()).unwrap_err();
        let WireError::InVain { since, .. } = &error else { panic!("{error:?}") };
        assert!((1..100).contains(since), "the text, and not the SYN before the mark: {since}");
        assert_eq!(error.to_string(), format!("waited 2 s in vain for a SYN; {since} packets came"));
    });
}

#[test]
fn more_than_can_be_held_breaks_the_wire_instead_of_being_lost() {
    in_own_host(|host| {
        let client = host.neighbour("client").unwrap();
        let (wire, plug) = Wire::to_program(Cable::default(), &client, "program").unwrap();
        wire.rule(both_ways().hold("all")).unwrap();
        let ends = ["10.9.0.2:1", "10.9.0.1:2"].map(|end| end.parse().unwrap());
        let error =
            (0..10_000).find_map(|seq| plug.send(ends[0], ends[1], &Segment::rst(Seq::new(seq))).err());
        let Some(WireError::Broken(Breakage::TooManyHeld(most))) = error else { panic!("{error:?}") };
        assert!(wire.held("all").unwrap_or_default().len() <= most + 1);
    });
}

#[test]
fn with_the_wire_goes_the_interface_and_the_hosts_can_be_joined_again() {
    in_own_host(|host| {
        let (client, server) = (host.neighbour("client").unwrap(), host.neighbour("server").unwrap());
        let interfaces =
            || client.inside(|| fs::read_to_string("/proc/thread-self/net/dev").unwrap()).unwrap();
        for _ in 0..3 {
            let wire = Wire::between(&client, &server).unwrap();
            assert!(interfaces().contains("wire:"));
            drop(wire);
            // The kernel takes it away behind our back.
            eventually("the end of the interface", || (!interfaces().contains("wire:")).then_some(()));
        }
    });
}
