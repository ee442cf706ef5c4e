//! Between fork and exec: system calls only, on values that were made before the fork.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    process::{Child, Command},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{Mode, OFlags},
    net::{AddressFamily, SocketFlags, SocketType},
    process::{Pid, Signal, WaitOptions},
    thread::UnshareFlags,
};

use super::{Refusal, Step};
use crate::{calls, processes};

/// Starts `command` inside; what is refused on the way comes back over a pipe as the step's byte.
pub(super) fn spawn(command: &mut Command) -> Result<Child, Refusal> {
    let (failed_step, report) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|errno| Refusal::Start(errno.into()))?;
    let plan = Plan::new(report);
    calls::before_exec(command, move || enter(&plan));
    let outcome = command.spawn();
    // The closure, and with it our copy of the pipe's write end, lives as long as the command.
    outcome.map_err(|error| match read_step(failed_step) {
        Some(step) => Refusal::at(step, error),
        None => Refusal::Start(error),
    })
}

/// Reads the step without waiting: the command still holds a write end, so the pipe does not end.
fn read_step(failed_step: OwnedFd) -> Option<Step> {
    rustix::fs::fcntl_setfl(&failed_step, OFlags::NONBLOCK).ok()?;
    let mut byte = [0];
    File::from(failed_step).read_exact(&mut byte).ok()?;
    Step::from_byte(byte[0])
}

/// What the child needs, made before the fork.
pub(super) struct Plan {
    parent: Pid,
    report: OwnedFd,
    /// `0 1000 1`: whoever started us is root inside, and the only user there is.
    uid_map: String,
    gid_map: String,
}

impl Plan {
    pub(super) fn new(report: OwnedFd) -> Self {
        Self {
            parent: rustix::process::getpid(),
            report,
            uid_map: format!("0 {} 1", rustix::process::geteuid().as_raw()),
            gid_map: format!("0 {} 1", rustix::process::getegid().as_raw()),
        }
    }

    /// After a step that failed: the errno, for who is not told it by [`Command::spawn`].
    pub(super) fn report_errno(&self, error: &io::Error) {
        let errno = error.raw_os_error().unwrap_or_default();
        let _ = rustix::io::write(&self.report, &errno.to_ne_bytes());
    }

    /// Runs a step; if it fails, says which before the error goes its way.
    fn step<T>(&self, step: Step, outcome: io::Result<T>) -> io::Result<T> {
        if outcome.is_err() {
            // If even this fails, the parent sees an error without its step.
            let _ = rustix::io::write(&self.report, &[step as u8]);
        }
        outcome
    }
}

/// The whole way in. Returns, in the namespace's first process, to execute the command.
fn enter(plan: &Plan) -> io::Result<()> {
    move_in(plan, UnshareFlags::NEWNET | UnshareFlags::NEWPID)?;
    let (guarded, guard) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    if let Some(first) = plan.step(Step::Fork, calls::fork())? {
        stand_guard(first, &guard)
    } else {
        drop(guard);
        die_with_guard(guarded.as_fd())
    }
}

/// Moves this process, which from then on ends with its parent's thread, into new namespaces, its loopback interface up.
pub(super) fn move_in(plan: &Plan, namespaces: UnshareFlags) -> io::Result<()> {
    if plan.step(Step::Unshare, unshare(namespaces))? == Entered::AsOrdinaryUser {
        plan.step(Step::MapUser, map_user(plan))?;
    }
    plan.step(Step::Loopback, loopback_up())?;
    // Only now: a change of credentials clears it (linux v6.12 kernel/cred.c commit_creds).
    processes::die_with(plan.parent)
}

#[derive(PartialEq, Eq)]
enum Entered {
    AsRoot,
    AsOrdinaryUser,
}

/// With `CAP_SYS_ADMIN` no user namespace is needed, and all users of this machine exist inside.
fn unshare(namespaces: UnshareFlags) -> io::Result<Entered> {
    match calls::unshare(namespaces) {
        Ok(()) => Ok(Entered::AsRoot),
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            calls::unshare(UnshareFlags::NEWUSER | namespaces).map(|()| Entered::AsOrdinaryUser)
        }
        Err(error) => Err(error),
    }
}

/// An ordinary user may map one user and one group, and must give up setgroups(2) first (`user_namespaces(7)`).
fn map_user(plan: &Plan) -> io::Result<()> {
    write_to("/proc/self/setgroups", b"deny")?;
    write_to("/proc/self/gid_map", plan.gid_map.as_bytes())?;
    write_to("/proc/self/uid_map", plan.uid_map.as_bytes())
}

fn write_to(path: &str, bytes: &[u8]) -> io::Result<()> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, bytes)?;
    Ok(())
}

pub(super) fn loopback_up() -> io::Result<()> {
    let socket =
        rustix::net::socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    calls::loopback_up(socket.as_fd())
}

/// The one that stays behind: waits for the namespace's first process and exits as it did.
///
/// Signals that a terminal sends to the whole foreground are for the parent and the first process to answer; this
/// one must stay until the first process has ended. Descriptors are closed so that nobody waits for their end, but
/// for `guard`, whose closing tells the first process that this one is gone.
fn stand_guard(first: Pid, guard: &OwnedFd) -> ! {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        calls::ignore(signal.as_raw());
    }
    if rustix::stdio::dup2_stdin(guard).is_err() {
        calls::exit_now(125);
    }
    calls::close_from(3);
    loop {
        match rustix::process::waitpid(Some(first), WaitOptions::empty()) {
            Ok(Some((_, status))) => {
                let by_signal = status.terminating_signal().map_or(125, |signal| 128 + signal);
                calls::exit_now(status.exit_status().unwrap_or(by_signal));
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => calls::exit_now(125),
        }
    }
}

/// In the namespace's first process, whose parent has no number here: the pipe tells whether it was alive when its
/// death began to count.
fn die_with_guard(guarded: BorrowedFd<'_>) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut ended = [PollFd::new(&guarded, PollFlags::IN)];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    if poll(&mut ended, Some(&now))? > 0 {
        calls::exit_now(128 + Signal::KILL.as_raw());
    }
    Ok(())
}
