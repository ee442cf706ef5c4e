use std::{fmt, fs, io};

use crate::Errno;

/// Why there is no host of our own here.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The kernel, or who guards it, does not permit a step.
    #[error("{step} answered {}{}", name(errno), Because(.because.as_deref()))]
    NotPermitted {
        /// What was tried.
        step: Step,
        /// What the kernel answered.
        errno: io::Error,
        /// The setting or guard that explains it, as far as it can be read.
        because: Option<String>,
    },
    /// The child could not be started at all.
    #[error("cannot start the child that would run there: {0}")]
    Start(io::Error),
}

fn name(error: &io::Error) -> String {
    Errno::of(error).map_or_else(|| error.to_string(), |errno| format!("{} ({})", errno.name(), errno.text()))
}

struct Because<'a>(Option<&'a str>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |because| write!(f, "; {because}"))
    }
}

/// A step on the way into a host of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// unshare(2) of the network and pid namespaces, with a user namespace where root is not at hand.
    Unshare = 1,
    /// Becoming root of the new user namespace (`/proc/self/uid_map`).
    MapUser,
    /// Taking the loopback interface up.
    Loopback,
    /// fork(2) of the namespace's first process.
    Fork,
}

impl Step {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Unshare, Self::MapUser, Self::Loopback, Self::Fork]
            .into_iter()
            .find(|&step| step as u8 == byte)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unshare => "unshare(2) for a new network namespace",
            Self::MapUser => "becoming root of a new user namespace (uid_map)",
            Self::Loopback => "taking up the loopback interface of a new network namespace",
            Self::Fork => "fork(2) into a new pid namespace",
        })
    }
}

impl Refusal {
    pub(super) fn at(step: Step, errno: io::Error) -> Self {
        Self::NotPermitted { step, because: explain(step, &errno, &Guards::read()), errno }
    }
}

/// What may stand in the way, as far as this user can read it.
#[derive(Default)]
struct Guards {
    /// `kernel.apparmor_restrict_unprivileged_userns`: 1 strips a new user namespace of its capabilities (Ubuntu).
    apparmor_restricts: bool,
    /// `kernel.unprivileged_userns_clone`: 0 forbids user namespaces to ordinary users (Debian).
    clone_forbidden: bool,
    /// A `user.max_*_namespaces` that is 0.
    limit_zero: Option<&'static str>,
    /// A seccomp filter is active in this thread: a container's, usually.
    seccomp: bool,
}

impl Guards {
    fn read() -> Self {
        let setting = |name: &str| {
            fs::read_to_string(format!("/proc/sys/{name}")).unwrap_or_default().trim().to_owned()
        };
        let limits = ["user.max_user_namespaces", "user.max_net_namespaces", "user.max_pid_namespaces"];
        Self {
            apparmor_restricts: setting("kernel/apparmor_restrict_unprivileged_userns") == "1",
            clone_forbidden: setting("kernel/unprivileged_userns_clone") == "0",
            limit_zero: limits.into_iter().find(|name| setting(&name.replace('.', "/")) == "0"),
            seccomp: fs::read_to_string("/proc/thread-self/status")
                .is_ok_and(|status| status.lines().any(|line| line == "Seccomp:\t2")),
        }
    }
}

/// Names the guard that explains a refusal, and what would allow it.
fn explain(step: Step, errno: &io::Error, guards: &Guards) -> Option<String> {
    if errno.raw_os_error() == Some(libc::ENOSPC) {
        let limit = guards
            .limit_zero
            .map_or("a user.max_*_namespaces is reached".to_owned(), |name| format!("{name} is 0"));
        return Some(format!("{limit}: a larger value would allow it"));
    }
    if guards.apparmor_restricts && step != Step::Fork {
        return Some(
            "kernel.apparmor_restrict_unprivileged_userns is 1: 0, or an AppArmor profile with 'userns,', would \
             allow it"
                .to_owned(),
        );
    }
    if guards.clone_forbidden {
        return Some("kernel.unprivileged_userns_clone is 0: 1 would allow it".to_owned());
    }
    guards.seccomp.then(|| {
        "a seccomp filter is active (a container's default profile forbids it): CAP_SYS_ADMIN, or a profile with \
         unshare, would allow it"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(step: Step, errno: i32, guards: &Guards) -> String {
        let errno = io::Error::from_raw_os_error(errno);
        Refusal::NotPermitted { step, because: explain(step, &errno, guards), errno }.to_string()
    }

    #[test]
    fn loopback_that_stays_down_under_apparmor_names_its_setting() {
        let ubuntu = Guards { apparmor_restricts: true, ..Guards::default() };
        let message = refused(Step::Loopback, libc::EPERM, &ubuntu);
        assert!(message.contains("taking up the loopback interface"), "{message}");
        assert!(message.contains("kernel.apparmor_restrict_unprivileged_userns is 1"), "{message}");
    }

    #[test]
    fn a_limit_of_zero_is_named_for_enospc_whatever_else_stands_in_the_way() {
        let guards =
            Guards { limit_zero: Some("user.max_net_namespaces"), seccomp: true, ..Guards::default() };
        let message = refused(Step::Unshare, libc::ENOSPC, &guards);
        assert!(message.contains("user.max_net_namespaces is 0"), "{message}");
    }

    #[test]
    fn without_a_known_guard_nothing_is_guessed() {
        let message = refused(Step::Unshare, libc::EPERM, &Guards::default());
        assert!(message.ends_with("answered EPERM (Operation not permitted)"), "{message}");
    }

    #[test]
    fn every_step_crosses_the_pipe_as_its_byte() {
        for step in [Step::Unshare, Step::MapUser, Step::Loopback, Step::Fork] {
            assert_eq!(Step::from_byte(step as u8), Some(step));
        }
        assert_eq!(Step::from_byte(0), None);
    }
}
