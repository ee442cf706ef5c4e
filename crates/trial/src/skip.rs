use std::{
    env,
    io::Write as _,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

/// What a test needs and a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Something that the kernel, or who guards it, may refuse.
    Kernel,
    /// A program that may not be installed.
    Tools,
    /// A program of ours in the kernel, which takes CAP_BPF and CAP_PERFMON.
    Probe,
    /// Several users, which only root has: an ordinary user's namespace has one.
    Users,
    /// A device node that may be missing, or not this user's to open.
    Devices,
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Tools => "tools",
            Self::Probe => "probe",
            Self::Users => "users",
            Self::Devices => "devices",
        }
    }
}

/// Says that the calling test is left out, and why; the caller returns right after.
///
/// The line goes to standard error itself, past the test harness's capture, and carries this process's count. Where
/// `TIMEWAIT_REQUIRE` (`kernel,tools,probe,users,devices`) names the need, it is a failure instead.
pub fn skip(need: Need, reason: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    let required = env::var("TIMEWAIT_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|required| required.trim() == need.name()),
        "required ({}), and not to be had: {reason}",
        need.name()
    );
    announce(need.name(), &format!("{test}: {reason}"));
}

fn announce(need: &str, what: &str) {
    static SKIPPED: AtomicU32 = AtomicU32::new(0);
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let _ = std::io::stderr().write_all(format!("SKIPPED #{count} (needs {need}): {what}\n").as_bytes());
}

/// Announces again, and counts here, what a child has left out and said where nobody reads.
pub(crate) fn pass_on(complaints: &str) {
    let skipped =
        complaints.lines().filter_map(|line| line.strip_prefix("SKIPPED #")?.split_once(" (needs "));
    for (need, what) in skipped.filter_map(|(_count, rest)| rest.split_once("): ")) {
        announce(need, what);
    }
}

/// Whether a program is installed; if not, the calling test is [skipped](skip).
#[must_use = "return when it is missing"]
pub fn have_tool(name: &str) -> bool {
    let found = find(name).is_some();
    if !found {
        skip(Need::Tools, &format!("no program '{name}' in PATH"));
    }
    found
}

fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let sbin = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(sbin).map(|folder| folder.join(name)).find(|file| file.is_file())
}
