use std::{fmt, fs, io, os::unix::fs::MetadataExt as _};

use timewait_facts::State;

use crate::kernel_version;

/// Why a listener's options are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum PeekError {
    /// It is no listener: nobody was asked.
    #[error("options are read of listening sockets only, and this one is in {0}")]
    NotListening(State),
    /// The process has ended, or does not hold the socket any more, or lives in a pid namespace that is not below ours.
    #[error("the socket or its process is gone")]
    Gone,
    /// This kernel cannot do it: `pidfd_getfd` came with 5.6.
    #[error("this kernel has no pidfd_getfd (5.6 and later have)")]
    Unsupported,
    /// It is not permitted.
    #[error("not permitted: {by}")]
    Refused {
        /// Who refuses.
        by: Refuser,
        /// What the kernel answered.
        source: io::Error,
    },
    /// Descriptors or memory ran out, or `/proc` cannot be read.
    #[error("cannot read the options of the listening socket")]
    Failed(#[source] io::Error),
}

/// Why a listener was not given an option.
#[derive(Debug, thiserror::Error)]
pub enum GiveError {
    /// It is not to be reached.
    #[error("the listening socket cannot be reached")]
    Reach(#[from] PeekError),
    /// The kernel refused.
    #[error("the listening socket did not take SO_REUSEADDR")]
    Set(#[source] io::Error),
    /// Set without complaint, and yet off.
    #[error("SO_REUSEADDR was set on the listening socket and reads as off")]
    NotTaken,
}

/// Who refuses a look at another process's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuser {
    /// The process is another user's.
    OtherUser,
    /// The process may not be traced: it changed its user, has a file of which we may only execute, or asked for it.
    NotDumpable,
    /// The Yama security module, with its setting `kernel.yama.ptrace_scope`.
    Yama {
        /// 1: descendants only; 2: with `CAP_SYS_PTRACE` only; 3: nobody.
        scope: u8,
    },
    /// A seccomp filter, of a container usually.
    Seccomp,
    /// None of these: SELinux, AppArmor, or a process with more capabilities or in another user namespace.
    Unknown,
}

impl fmt::Display for Refuser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherUser => f.write_str("it is another user's process, which takes CAP_SYS_PTRACE"),
            Self::NotDumpable => f.write_str("the process is not dumpable, which takes CAP_SYS_PTRACE"),
            Self::Yama { scope: 3.. } => f.write_str("kernel.yama.ptrace_scope is 3, which lets nobody"),
            Self::Yama { scope } => {
                write!(f, "kernel.yama.ptrace_scope is {scope}: CAP_SYS_PTRACE, or 0, would allow it")
            }
            Self::Seccomp => f.write_str("a seccomp filter forbids it"),
            Self::Unknown => {
                f.write_str("SELinux, AppArmor or a user namespace forbids it; CAP_SYS_PTRACE may help")
            }
        }
    }
}

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Listing `/proc/PID/fd`.
    List,
    /// `pidfd_open(2)`, which asks for no permission.
    Open,
    /// `pidfd_getfd(2)`
    Duplicate,
}

/// What may stand in the way, as far as it can be read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surroundings {
    same_user: bool,
    dumpable: bool,
    /// `CAP_SYS_PTRACE` is among our effective capabilities.
    may_trace: bool,
    yama: u8,
    seccomp: bool,
    /// The kernel is 5.6 or later.
    has_call: bool,
}

impl Surroundings {
    pub(super) fn of(pid: u32) -> Self {
        let own = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let theirs = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let user = |status: &str| numbers(status, "Uid:").nth(1);
        let folder = fs::metadata(format!("/proc/{pid}")).map(|meta| meta.uid());
        Self {
            same_user: user(&own) == user(&theirs),
            // What is not dumpable has a folder that is root's (proc_pid(5)).
            dumpable: folder.ok() == user(&theirs),
            may_trace: field(&own, "CapEff:")
                .and_then(|set| u64::from_str_radix(set, 16).ok())
                .is_some_and(|set| set & 1 << CAP_SYS_PTRACE != 0),
            yama: fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope")
                .ok()
                .and_then(|scope| scope.trim().parse().ok())
                .unwrap_or(0),
            seccomp: field(&own, "Seccomp:") == Some("2"),
            has_call: kernel_version().at_least(5, 6),
        }
    }
}

/// linux v6.12 include/uapi/linux/capability.h
const CAP_SYS_PTRACE: u32 = 19;

fn field<'t>(status: &'t str, name: &str) -> Option<&'t str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn numbers<'t>(status: &'t str, name: &str) -> impl Iterator<Item = u32> + 't {
    field(status, name).unwrap_or_default().split_whitespace().filter_map(|number| number.parse().ok())
}

/// What an error of one of the calls means here.
pub(super) fn of(call: Call, source: io::Error, around: Surroundings) -> PeekError {
    match source.raw_os_error() {
        Some(libc::ESRCH | libc::EBADF | libc::ENOENT) => PeekError::Gone,
        Some(libc::ENOSYS) if around.has_call && around.seccomp => {
            PeekError::Refused { by: Refuser::Seccomp, source }
        }
        Some(libc::ENOSYS) => PeekError::Unsupported,
        Some(libc::EPERM | libc::EACCES) => PeekError::Refused { by: refuser(call, around), source },
        _ => PeekError::Failed(source),
    }
}

/// In the order in which the kernel asks (linux v6.12 kernel/ptrace.c `__ptrace_may_access`; a filter comes before all,
/// yet is blamed only when nothing else explains the refusal, since nobody can read what it forbids).
fn refuser(call: Call, around: Surroundings) -> Refuser {
    let needs_permission = call != Call::Open;
    let yama_asks = call == Call::Duplicate;
    match around {
        it if needs_permission && !it.may_trace && !it.same_user => Refuser::OtherUser,
        it if needs_permission && !it.may_trace && !it.dumpable => Refuser::NotDumpable,
        it if yama_asks && (it.yama >= 3 || it.yama > 0 && !it.may_trace) => Refuser::Yama { scope: it.yama },
        it if it.seccomp => Refuser::Seccomp,
        _ => Refuser::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Surroundings = Surroundings {
        same_user: true,
        dumpable: true,
        may_trace: false,
        yama: 0,
        seccomp: false,
        has_call: true,
    };

    fn refused(call: Call, around: Surroundings) -> Refuser {
        match of(call, io::Error::from_raw_os_error(libc::EPERM), around) {
            PeekError::Refused { by, .. } => by,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn yama_is_named_with_its_value_unless_the_capability_overrules_it() {
        let scope = |yama, may_trace| refused(Call::Duplicate, Surroundings { may_trace, yama, ..FREE });
        assert_eq!(scope(1, false), Refuser::Yama { scope: 1 });
        assert_eq!(scope(2, true), Refuser::Unknown);
        assert_eq!(scope(3, true), Refuser::Yama { scope: 3 });
        assert!(scope(2, false).to_string().contains("kernel.yama.ptrace_scope is 2"));
    }

    #[test]
    fn another_user_s_process_and_one_that_is_not_dumpable_are_told_apart() {
        let other = Surroundings { same_user: false, yama: 1, ..FREE };
        assert_eq!(refused(Call::List, other), Refuser::OtherUser);
        let closed = Surroundings { dumpable: false, yama: 1, ..FREE };
        assert_eq!(refused(Call::List, closed), Refuser::NotDumpable);
    }

    #[test]
    fn what_needs_no_permission_is_refused_by_a_filter() {
        let filtered = Surroundings { same_user: false, yama: 2, seccomp: true, ..FREE };
        assert_eq!(refused(Call::Open, filtered), Refuser::Seccomp);
    }

    #[test]
    fn a_missing_call_is_an_old_kernel_s_or_a_filter_s() {
        let missing = |around| of(Call::Duplicate, io::Error::from_raw_os_error(libc::ENOSYS), around);
        assert!(matches!(missing(Surroundings { has_call: false, ..FREE }), PeekError::Unsupported));
        let filtered = missing(Surroundings { seccomp: true, ..FREE });
        assert!(matches!(filtered, PeekError::Refused { by: Refuser::Seccomp, .. }));
    }
}
