//! What the tests stand on must itself be able to fail.
#![allow(clippy::unwrap_used, clippy::panic, reason = "failing is what tests do")]

use std::{
    env,
    process::{Command, Output},
};

use timewait_trial::{Need, Process, have_tool, in_own_host, skip};

const AGAIN: &str = "TIMEWAIT_TRIAL_AGAIN";

/// Runs one test of this file again, with an environment.
fn again(test: &str, required: &str) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(AGAIN, "yes")
        .env("TIMEWAIT_REQUIRE", required)
        .output()
        .unwrap()
}

/// Fails, but only when it is run again.
#[test]
fn has_a_body_that_fails() {
    in_own_host(|_host| assert!(env::var_os(AGAIN).is_none(), "inside"));
}

#[test]
fn a_body_that_fails_inside_fails_its_test_outside() {
    let output = again("has_a_body_that_fails", "none");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if complained.contains("SKIPPED #1 (needs kernel)") {
        return skip(Need::Kernel, "no host of one's own in which a body could fail");
    }
    assert!(!output.status.success());
    assert!((said + complained).contains("has_a_body_that_fails failed in its own host"));
}

#[test]
fn asks_for_a_tool_that_nobody_has() {
    // By itself it has nothing to ask for: it is run again, by the tests below.
    if env::var_os(AGAIN).is_some() && !have_tool("no-such-program-anywhere") {
        println!("left out");
    }
}

#[test]
fn a_missing_tool_is_said_and_counted() {
    let output = again("asks_for_a_tool_that_nobody_has", "none");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("left out"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("SKIPPED #1 (needs tools): asks_for_a_tool_that_nobody_has: no program"), "{said}");
}

/// Leaves itself out inside, but only when it is run again.
#[test]
fn has_a_body_that_misses_a_tool() {
    in_own_host(|_host| assert!(env::var_os(AGAIN).is_none() || !have_tool("no-such-program-anywhere")));
}

#[test]
fn what_a_body_leaves_out_is_said_and_counted_outside() {
    let output = again("has_a_body_that_misses_a_tool", "none");
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("SKIPPED #1 (needs "), "{said}");
}

#[test]
fn a_missing_tool_that_is_required_is_a_failure() {
    let output = again("asks_for_a_tool_that_nobody_has", "kernel,tools");
    assert!(!output.status.success());
}

#[test]
fn a_child_is_heard_while_it_runs_and_ends_with_its_guard() {
    let mut child =
        Process::start(Command::new("sh").args(["-c", "echo ready; read line; echo \"$line\"; sleep 600"]));
    child.until("ready");
    child.write(b"heard\n");
    child.until("heard");
    assert!(child.is_running());
    let id = child.id();
    drop(child);
    let gone = Command::new("kill").args(["-0", &id.to_string()]).output().unwrap();
    assert!(!gone.status.success(), "it was reaped");
}
