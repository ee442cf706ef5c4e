//! Every network namespace that a process or a mount holds.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::{ffi::OsStringExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use timewait_facts::{Untrusted, Workload};

use super::{Netns, NetnsError, mounts};

/// A network namespace, and by what it is known.
#[derive(Debug)]
pub struct Found {
    /// Its identity: the number in `net:[4026531840]`.
    pub inode: u64,
    /// Whether this process is in it.
    pub is_own: bool,
    /// The lowest id of a process in it, as this process's `/proc` numbers it; a thread of the kernel's only where there
    /// is nothing else.
    pub pid: Option<u32>,
    /// What the control group of that process tells.
    pub workload: Option<Workload>,
    /// Where it is mounted, if it is: in this process's mount namespace, or, by way of `/proc/PID/root`, in another's.
    pub mount: Option<Untrusted>,
    /// The namespace, open; or why it could not be opened.
    pub netns: Result<Netns, NetnsError>,
}

/// The namespaces that were found.
#[derive(Debug, Default)]
pub struct Everywhere {
    /// In the order of their first processes; those that are only mounted come last.
    pub found: Vec<Found>,
    /// Processes whose namespace may not be looked at: those of other users, without `CAP_SYS_PTRACE`.
    pub hidden: u32,
    /// Namespaces beyond the most that were asked for.
    pub beyond: usize,
}

/// What is known of a namespace while it is looked for.
#[derive(Default)]
struct Known {
    /// Whether it is a thread of the kernel's, and its id.
    first: Option<(bool, u32)>,
    mount: Option<Vec<u8>>,
}

impl Known {
    fn pid(&self) -> Option<u32> {
        self.first.map(|(_, pid)| pid)
    }
}

/// Mount namespaces that are looked through at most.
const MOUNT_NAMESPACES: usize = 1_024;

/// Looks for the network namespaces of all processes (of their first threads), and of all mounts in the mount namespaces of
/// those; opens at most so many. One that only a descriptor holds is not found.
///
/// # Errors
/// `/proc` cannot be listed.
pub fn everywhere(most: usize) -> io::Result<Everywhere> {
    let own = fs::metadata("/proc/thread-self/ns/net")?.ino();
    let Processes { mut known, viewers, hidden } = of_processes()?;
    let own_view = fs::metadata("/proc/thread-self/ns/mnt")?.ino();
    let others = viewers.into_iter().filter(|(view, _)| *view != own_view).take(MOUNT_NAMESPACES);
    let views = others.map(|(_, pid)| (format!("/proc/{pid}/mountinfo"), format!("/proc/{pid}/root")));
    for (list, root) in std::iter::once(("/proc/self/mountinfo".to_owned(), String::new())).chain(views) {
        // One that has ended meanwhile, or may not be looked at, shows nothing.
        for (inode, place) in mounts::of_networks(&fs::read(list).unwrap_or_default()) {
            let place = [root.as_bytes(), &place].concat();
            known.entry(inode).or_default().mount.get_or_insert(place);
        }
    }
    let mut order: Vec<(u64, Known)> = known.into_iter().collect();
    order.sort_by_key(|(inode, known)| (known.pid().unwrap_or(u32::MAX), *inode));
    let beyond = order.len().saturating_sub(most);
    order.truncate(most);
    let found = order.into_iter().map(|(inode, known)| open(inode, known, own)).collect();
    Ok(Everywhere { found, hidden, beyond })
}

/// What the processes hold.
#[derive(Default)]
struct Processes {
    /// For each network namespace the lowest process.
    known: BTreeMap<u64, Known>,
    /// For each mount namespace a process.
    viewers: BTreeMap<u64, u32>,
    /// Processes that may not be looked at.
    hidden: u32,
}

fn of_processes() -> io::Result<Processes> {
    let mut found = Processes::default();
    for entry in fs::read_dir("/proc")?.filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        match fs::metadata(entry.path().join("ns/net")) {
            Ok(meta) => {
                let it = (!has_command_line(&entry.path()), pid);
                let first = found.known.entry(meta.ino()).or_default().first.get_or_insert(it);
                *first = it.min(*first);
                if let Ok(view) = fs::metadata(entry.path().join("ns/mnt")) {
                    found.viewers.entry(view.ino()).or_insert(pid);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                found.hidden += u32::from(has_command_line(&entry.path()));
            }
            Err(_ended_meanwhile) => {}
        }
    }
    Ok(found)
}

/// The kernel's own threads have none; it is told to everybody.
fn has_command_line(process: &Path) -> bool {
    fs::read(process.join("cmdline")).is_ok_and(|line| !line.is_empty())
}

fn open(inode: u64, known: Known, own: u64) -> Found {
    let pid = known.pid();
    let path = match (&known.mount, pid) {
        (_, Some(pid)) => PathBuf::from(format!("/proc/{pid}/ns/net")),
        (Some(place), None) => PathBuf::from(std::ffi::OsString::from_vec(place.clone())),
        (None, None) => PathBuf::new(),
    };
    let gone = || NetnsError::NoFile(path.to_string_lossy().into_owned());
    // Who has the number now may be somebody else.
    let is_it = |netns: Netns| if netns.inode() == inode { Ok(netns) } else { Err(gone()) };
    Found {
        inode,
        is_own: inode == own,
        pid,
        workload: pid.and_then(workload),
        netns: Netns::at(&path, gone()).and_then(is_it),
        mount: known.mount.map(Untrusted::from),
    }
}

fn workload(pid: u32) -> Option<Workload> {
    let groups = fs::read(format!("/proc/{pid}/cgroup")).ok()?;
    Workload::of_cgroup(&group(&groups)?)
}

/// The path in the unified hierarchy, or, where that is the root, in systemd's own old one (cgroups(7)).
fn group(groups: &[u8]) -> Option<Untrusted> {
    let lines = || groups.split(|&byte| byte == b'\n');
    let of_systemd = |line: &[u8]| {
        let rest = line.get(line.iter().position(|&byte| byte == b':')? + 1..)?;
        rest.strip_prefix(b"name=systemd:").map(<[u8]>::to_vec)
    };
    let unified = lines().find_map(|line| line.strip_prefix(b"0::")).map(<[u8]>::to_vec);
    let path = unified.filter(|path| path != b"/").or_else(|| lines().find_map(of_systemd))?;
    (path != b"/").then(|| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_from_the_new_hierarchy_or_from_the_old_one() {
        let path = |groups: &[u8]| group(groups).map(|path| path.to_string());
        assert_eq!(path(b"1:name=systemd:/old\n0::/new\n").as_deref(), Some("/new"));
        assert_eq!(path(b"4:memory:/x\n1:name=systemd:/docker/a:b\n0::/\n").as_deref(), Some("/docker/a:b"));
        assert_eq!(path(b"4:memory:/x\n0::/\n"), None);
        assert_eq!(path(b"garbage"), None);
    }

    #[test]
    fn the_own_namespace_is_among_them_and_is_no_other() {
        let everywhere = everywhere(1_000).unwrap();
        let own: Vec<&Found> = everywhere.found.iter().filter(|found| found.is_own).collect();
        assert_eq!(own.len(), 1);
        assert!(own[0].netns.as_ref().is_ok_and(Netns::is_own));
    }
}
