//! Who a closer is, beyond what the kernel said in passing.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use timewait_facts::{Owner, Untrusted};

use super::Closer;
use crate::owners;

/// Processes that are remembered; then all are forgotten.
const MOST: usize = 4096;
/// Where the unified hierarchy is mounted, on today's systems and on those that have both.
const HIERARCHIES: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
/// Control groups that are looked through for one whose process has ended.
const GROUPS: usize = 4096;
/// How often they are looked through at most.
const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// The processes and control groups seen so far.
#[derive(Debug, Default)]
pub(in super::super) struct Processes {
    known: HashMap<Closer, Arc<Owner>>,
    groups: HashMap<u64, Option<Untrusted>>,
    next_search: Duration,
}

impl Processes {
    /// The process of a closer. If it has ended, its name is the thread's, as the kernel had it at the close.
    pub(in super::super) fn owner(&mut self, closer: &Closer, at: Duration) -> Arc<Owner> {
        if let Some(known) = self.known.get(closer) {
            return Arc::clone(known);
        }
        let thread = name(&closer.command);
        // A process that cannot be looked into is as one that has ended.
        let found = owners::known(closer.pid, closer.tid, thread).ok().flatten();
        let owner = if let Some(found) = found {
            self.groups.insert(closer.cgroup, found.cgroup.clone());
            Owner { pid: closer.pid, command: found.command, cgroup: found.cgroup, processes: 1 }
        } else {
            let cgroup = self.group(closer.cgroup, at);
            Owner { pid: closer.pid, command: thread.into(), cgroup, processes: 1 }
        };
        let owner = Arc::new(owner);
        if self.known.len() >= MOST {
            self.known.clear();
            self.groups.clear();
        }
        self.known.insert(*closer, Arc::clone(&owner));
        owner
    }

    /// The path of a control group, by its id: its folder's inode.
    fn group(&mut self, id: u64, at: Duration) -> Option<Untrusted> {
        if let Some(known) = self.groups.get(&id) {
            return known.clone();
        }
        if at < self.next_search {
            return None;
        }
        self.next_search = at + SEARCH_EVERY;
        for hierarchy in HIERARCHIES.map(Path::new) {
            // That of the unified one alone has this file.
            if hierarchy.join("cgroup.controllers").exists() {
                search(hierarchy, &mut self.groups);
            }
        }
        self.groups.get(&id).cloned().flatten()
    }
}

/// Learns the ids of all control groups, those nearest to the root first.
fn search(hierarchy: &Path, groups: &mut HashMap<u64, Option<Untrusted>>) {
    let mut folders = VecDeque::from([PathBuf::from(hierarchy)]);
    for _ in 0..GROUPS {
        let Some(folder) = folders.pop_front() else { return };
        // A group that is removed meanwhile is none.
        let Ok(meta) = fs::metadata(&folder) else { continue };
        let path = folder.strip_prefix(hierarchy).map(|path| path.as_os_str().as_bytes()).unwrap_or_default();
        let path = (!path.is_empty()).then(|| Untrusted::from([b"/", path].concat()));
        groups.insert(meta.ino(), path);
        let entries = fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        folders.extend(entries.filter(is_folder).map(|entry| entry.path()));
    }
}

/// A name without the zeros that fill it up.
fn name(command: &[u8; 16]) -> &[u8] {
    command.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closer(pid: u32, command: &[u8]) -> Closer {
        let mut filled = [0; 16];
        filled[..command.len()].copy_from_slice(command);
        Closer { pid, tid: pid, command: filled, cgroup: 1 << 60 }
    }

    #[test]
    fn a_process_that_has_ended_keeps_the_name_that_the_kernel_saw() {
        let owner = Processes::default().owner(&closer(u32::MAX, b"\x1b[2Jgone"), Duration::ZERO);
        assert_eq!(owner.command.as_bytes(), b"\x1b[2Jgone");
        assert_eq!(owner.cgroup, None);
    }

    #[test]
    fn a_process_of_another_name_has_only_the_number_in_common() {
        let own: u32 = fs::read_link("/proc/self").unwrap().to_str().unwrap().parse().unwrap();
        let other = Processes::default().owner(&closer(own, b"somebody else"), Duration::ZERO);
        assert_eq!(other.command.as_bytes(), b"somebody else");
    }

    #[test]
    fn a_search_learns_ids_and_paths_from_the_root_of_the_hierarchy() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("system.slice/web.service")).unwrap();
        let id = fs::metadata(folder.path().join("system.slice/web.service")).unwrap().ino();
        let mut groups = HashMap::new();
        search(folder.path(), &mut groups);
        assert_eq!(groups[&id].as_ref().unwrap().as_bytes(), b"/system.slice/web.service");
        assert_eq!(groups[&fs::metadata(folder.path()).unwrap().ino()], None);
    }
}
