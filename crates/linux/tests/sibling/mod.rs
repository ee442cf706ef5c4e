//! Another host beside a test's own, and the process ids under which `/proc` knows our children.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::{fs, process::Command};

use timewait_linux::hosts;
use timewait_trial::Process;

/// Our own process id as `/proc` has it, which belongs to an outer pid namespace.
pub(crate) fn own_id() -> u32 {
    fs::read_link("/proc/self").unwrap().to_str().unwrap().parse().unwrap()
}

/// A child's process id as `/proc` has it: the child of ours whose innermost id is the one we know.
pub(crate) fn outer_id(child: u32) -> u32 {
    let parent = format!("PPid:\t{}", own_id());
    let is_child = |status: &str| {
        let inner = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        let inner = inner.and_then(|ids| ids.split_whitespace().last()).and_then(|id| id.parse().ok());
        status.lines().any(|line| line == parent) && inner == Some(child)
    };
    let ids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    ids.into_iter()
        .find(|id| fs::read_to_string(format!("/proc/{id}/status")).is_ok_and(|status| is_child(&status)))
        .expect("a child of ours is in /proc")
}

/// A sibling: a shell in a host of its own within this one, and its process id as `/proc` has it.
pub(crate) fn sibling() -> (Process, u32) {
    let mut command = Command::new("sh");
    let sibling = Process::start_by(command.args(["-c", "echo up; read end"]), hosts::isolate).unwrap();
    sibling.until("up");
    let id = outer_id(sibling.id());
    (sibling, id)
}
