use std::{any, env, process::Command, time::Duration};

use timewait_linux::{
    hosts::{self, Host, Refusal},
    settings::SettingError,
};

use crate::{
    Need, Process,
    skip::{self, skip},
    zone_where_it_is,
};

/// Names the test whose body a child is to run.
const BODY: &str = "TIMEWAIT_TRIAL_BODY";
/// Printed by the child once the body has run to its end: a test that was not found fails nothing by itself.
const DONE: &str = "the body ran to its end";

/// No wait that a test sees ends on another day.
const NOON: Duration = Duration::from_secs(12 * 60 * 60);

/// Runs a test's body in a host of its own: fresh namespaces, loopback up, nothing in the socket table, and noon by its time zone.
///
/// To be called by a `#[test]` with its whole body as a closure that is written in it (the closure's type tells
/// the test's name). The test binary is executed anew inside, for this one test; what it printed is printed. Where
/// namespaces are not permitted, the test is [skipped](skip).
pub fn in_own_host<B: FnOnce(&Host)>(body: B) {
    let test = test_name::<B>();
    if env::var(BODY).as_deref() == Ok(test) {
        let host = Host::entered().expect("a child that runs a body is inside");
        keep_waits(&host);
        body(&host);
        println!("{DONE}");
        return;
    }
    match start(test) {
        Ok(child) => report(test, child),
        Err(refusal @ Refusal::NotPermitted { .. }) => skip(Need::Kernel, &refusal.to_string()),
        Err(refusal @ Refusal::Start(_)) => panic!("{refusal}"),
    }
}

/// When cores are busy for 200 ms, a FIN is sent again although it has arrived; the ACK by which TIME-WAIT answers it may then meet
/// nobody, and the RST that this is answered with ends the wait (RFC 1337), which tests count. Nothing is lost here, so nothing has
/// to be sent again soon.
fn keep_waits(host: &Host) {
    first_sent_again_after(host, Duration::from_secs(2));
}

/// Has what is lost sent again in this host as soon as everywhere else, for tests that wait for that, or for an orphan in FIN-WAIT-2,
/// which stays for 3.5 times as long (linux v6.12 include/net/tcp.h `tcp_fin_time`).
pub fn send_again_soon(host: &Host) {
    first_sent_again_after(host, Duration::from_millis(200));
}

fn first_sent_again_after(host: &Host, time: Duration) {
    match host.set("net.ipv4.tcp_rto_min_us", &time.as_micros().to_string()) {
        // Kernels before 6.11 have no such setting.
        Ok(()) | Err(SettingError::Absent(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

/// `crate::module::test::{{closure}}`, without the crate and the closure.
fn test_name<B>() -> &'static str {
    let path = any::type_name::<B>();
    let path = path.strip_suffix("::{{closure}}").unwrap_or(path);
    path.split_once("::").map_or(path, |(_crate, test)| test)
}

fn start(test: &str) -> Result<Process, Refusal> {
    let program = env::current_exe().map_err(Refusal::Start)?;
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(BODY, test);
    command.env("TZ", zone_where_it_is(NOON));
    Process::start_by(&mut command, hosts::isolate)
}

fn report(test: &str, child: Process) {
    let finished = child.finish();
    let ran = finished.stdout.contains(DONE);
    assert!(
        finished.status.success() && ran,
        "{test} failed in its own host ({}{}):\n{}{}",
        finished.status,
        if ran { "" } else { ", body not finished" },
        finished.stdout,
        finished.stderr,
    );
    skip::pass_on(&finished.stderr);
    print!("{}", finished.stdout);
}
