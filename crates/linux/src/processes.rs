//! Children that do not outlive their parent.

use std::{fs, io, process::Command};

use rustix::process::{Pid, Signal};

use crate::calls;

/// Ties a child's life to this one's: when the thread that starts it ends, for whatever reason, SIGKILL included,
/// the kernel kills the child.
///
/// It is the *thread* that counts, not the process (prctl(2), `PR_SET_PDEATHSIG`): start children from one that
/// stays until they have ended.
pub fn tether(command: &mut Command) -> &mut Command {
    let parent = rustix::process::getpid();
    calls::before_exec(command, move || die_with(parent));
    command
}

/// Whether this process has a single thread. `false` also where that is not to be seen, and perhaps for a moment after a
/// second one was joined.
pub(crate) fn is_alone() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.take(2).count() == 1)
}

/// Asks for SIGKILL at the parent's end; the parent may have ended before it was asked for.
pub(crate) fn die_with(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() == Some(parent) {
        Ok(())
    } else {
        calls::exit_now(128 + Signal::KILL.as_raw())
    }
}
