//! A copy of this process in a host of its own: fork(2), and nothing executed.
//!
//! It needs no pid namespace, since it starts no process that could outlive it: it dies with the thread that
//! started it, and its network namespace with it.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::OwnedFd,
};

use rustix::{
    pipe::{PipeFlags, pipe_with},
    process::{Pid, Signal, WaitOptions},
    thread::UnshareFlags,
};

use super::{
    Host, Refusal, Step,
    namespaces::{self, Plan},
};
use crate::calls;

/// A copy of this process, at work in a host of its own. It ends with this value.
pub(crate) struct Copied {
    process: Pid,
    refusal: OwnedFd,
}

impl Copied {
    /// Starts it; `None` in a process with several threads, of which only one would be copied.
    ///
    /// What it has open is what this process has open, so `work` must write to nothing but what it was given.
    ///
    /// # Errors
    /// The kernel gives no process. What it does not permit on the way in is told by [`refused`](Self::refused).
    pub(crate) fn start(work: impl FnOnce(&Host)) -> Result<Option<Self>, Refusal> {
        let (refusal, report) =
            pipe_with(PipeFlags::CLOEXEC).map_err(|errno| Refusal::Start(errno.into()))?;
        let plan = Plan::new(report);
        let process = calls::fork_to(move || match namespaces::move_in(&plan, UnshareFlags::NEWNET) {
            Ok(()) => {
                work(&Host { _entered: () });
                0
            }
            Err(error) => {
                plan.report_errno(&error);
                1
            }
        });
        Ok(process.map_err(Refusal::Start)?.map(|process| Self { process, refusal }))
    }

    /// Waits for its end, and tells what kept it from entering its host, if something did.
    pub(crate) fn refused(self) -> Option<Refusal> {
        let mut told = Vec::new();
        File::from(self.refusal.try_clone().ok()?).read_to_end(&mut told).ok()?;
        let (step, errno) = told.split_last_chunk()?;
        let error = io::Error::from_raw_os_error(i32::from_ne_bytes(*errno));
        Some(match step.first().copied().and_then(Step::from_byte) {
            Some(step) => Refusal::at(step, error),
            None => Refusal::Start(error),
        })
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = rustix::process::kill_process(self.process, Signal::KILL);
        let wait = || rustix::process::waitpid(Some(self.process), WaitOptions::empty());
        let _ = rustix::io::retry_on_intr(wait);
    }
}
