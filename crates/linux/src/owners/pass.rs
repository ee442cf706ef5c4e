//! The pass. It opens each process's folder once, and allocates nothing for a descriptor.

use std::{
    collections::HashMap,
    ffi::{CStr, CString},
    io,
    mem::MaybeUninit,
    num::NonZeroU32,
    os::fd::OwnedFd,
};

use rustix::{
    fs::{CWD, Mode, OFlags, RawDir},
    io::Errno,
};
use timewait_facts::{Owner, Untrusted};

use super::Owners;

/// Room for the entries of one getdents64(2).
const ENTRIES: usize = 16 * 1024;
/// `socket:[4294967295]` fits; a longer link is none to a socket.
pub(super) const LINK: usize = 24;
/// `PF_KTHREAD` (linux v6.12 include/linux/sched.h)
const KERNEL_THREAD: u32 = 0x0020_0000;

/// Why a process tells nothing.
enum Mute {
    /// It ended meanwhile.
    Gone,
    /// It is not for this user to look into.
    Hidden,
}

pub(super) fn over(proc: &str) -> io::Result<Owners> {
    let processes = rustix::fs::openat(CWD, proc, FOLDER, Mode::empty())?;
    let mut pass = Pass::default();
    for_each_entry(&processes, |name| match pid(name) {
        Some(pid) => pass.process(&processes, name, pid),
        None => Ok(()),
    })?;
    Ok(pass.finish())
}

pub(super) fn into(proc: &str, pids: &[u32]) -> io::Result<Owners> {
    let processes = rustix::fs::openat(CWD, proc, FOLDER, Mode::empty())?;
    let mut pass = Pass::default();
    for &pid in pids {
        pass.process(&processes, &name(pid)?, pid)?;
    }
    Ok(pass.finish())
}

pub(super) const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

#[derive(Default)]
struct Pass {
    /// Of the process that is being looked into.
    inodes: Vec<NonZeroU32>,
    held: HashMap<NonZeroU32, Held>,
    known: HashMap<u32, Known>,
    hidden: u32,
}

/// What is known of a socket.
struct Held {
    lowest: u32,
    processes: u32,
    /// Who was counted last: a process that holds a socket by several descriptors is one.
    last: u32,
}

/// What is known of a process.
pub(crate) struct Known {
    pub(crate) command: Untrusted,
    pub(crate) cgroup: Option<Untrusted>,
}

/// What is known of a process of which a thread is called `thread`; `None` if there is no such.
pub(crate) fn known(pid: u32, tid: u32, thread: &[u8]) -> io::Result<Option<Known>> {
    let Ok(folder) = open(&rustix::fs::openat(CWD, "/proc", FOLDER, Mode::empty())?, &name(pid)?, FOLDER)?
    else {
        return Ok(None);
    };
    let called = read(&folder, &CString::new(format!("task/{tid}/comm"))?)?;
    let is_it = called.is_some_and(|called| called.strip_suffix(b"\n") == Some(thread));
    if is_it { know(&folder) } else { Ok(None) }
}

fn name(pid: u32) -> io::Result<CString> {
    Ok(CString::new(pid.to_string())?)
}

impl Pass {
    fn process(&mut self, processes: &OwnedFd, name: &CStr, pid: u32) -> io::Result<()> {
        let folder = match open(processes, name, FOLDER)? {
            Ok(folder) => folder,
            Err(_gone_or_hidden_by_hidepid) => return Ok(()),
        };
        match self.read_descriptors(&folder)? {
            Ok(()) if self.inodes.is_empty() => {}
            Ok(()) => {
                if let Some(known) = know(&folder)? {
                    self.known.insert(pid, known);
                    self.count(pid);
                }
            }
            Err(Mute::Gone) => {}
            Err(Mute::Hidden) => self.hidden += u32::from(!is_kernel_thread(&folder)?),
        }
        Ok(())
    }

    fn read_descriptors(&mut self, folder: &OwnedFd) -> io::Result<Result<(), Mute>> {
        self.inodes.clear();
        let descriptors = match open(folder, c"fd", FOLDER)? {
            Ok(descriptors) => descriptors,
            Err(mute) => return Ok(Err(mute)),
        };
        let mut unreadable = false;
        for_each_entry(&descriptors, |name| {
            let mut link = [0; LINK];
            match rustix::fs::readlinkat_raw(&descriptors, name, &mut link) {
                Ok(length) => self.inodes.extend(link.get(..length).and_then(socket_inode)),
                // Closed meanwhile, `.` and `..` (no links), or the process ended.
                Err(Errno::NOENT | Errno::INVAL | Errno::SRCH) => {}
                // With CAP_DAC_OVERRIDE and without CAP_SYS_PTRACE (root in a container), the folder of another user's
                // process can be listed and no link read; or the process became another's meanwhile.
                Err(Errno::ACCESS | Errno::PERM) => unreadable = true,
                Err(errno) => return Err(errno.into()),
            }
            Ok(())
        })?;
        Ok(if unreadable && self.inodes.is_empty() { Err(Mute::Hidden) } else { Ok(()) })
    }

    /// Counts the process as a holder of each of its sockets.
    fn count(&mut self, pid: u32) {
        for &inode in &self.inodes {
            let held = self.held.entry(inode).or_insert(Held { lowest: pid, processes: 0, last: 0 });
            held.lowest = held.lowest.min(pid);
            held.processes += u32::from(held.last != pid);
            held.last = pid;
        }
    }

    fn finish(self) -> Owners {
        let mut owners = Owners { hidden: self.hidden, ..Owners::default() };
        let mut places = HashMap::new();
        for (inode, held) in self.held {
            let Some(known) = self.known.get(&held.lowest) else { continue };
            let place = *places.entry((held.lowest, held.processes)).or_insert_with(|| {
                owners.holders.push(known.owner(&held));
                owners.holders.len() - 1
            });
            owners.by_inode.insert(inode, place);
        }
        owners
    }
}

impl Known {
    fn owner(&self, held: &Held) -> Owner {
        let (command, cgroup) = (self.command.clone(), self.cgroup.clone());
        Owner { pid: held.lowest, command, cgroup, processes: held.processes }
    }
}

/// A process's name and control group; `None` if it ended meanwhile.
fn know(folder: &OwnedFd) -> io::Result<Option<Known>> {
    let (Some(mut command), Some(groups)) = (read(folder, c"comm")?, read(folder, c"cgroup")?) else {
        return Ok(None);
    };
    command.pop_if(|last| *last == b'\n');
    Ok(Some(Known { command: command.into(), cgroup: unified_path(&groups) }))
}

/// The path in the unified hierarchy, `0::/path`, if it is not the root (cgroups(7); a path has no line break).
fn unified_path(groups: &[u8]) -> Option<Untrusted> {
    let path = groups.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))?;
    (path != b"/").then(|| path.into())
}

fn is_kernel_thread(folder: &OwnedFd) -> io::Result<bool> {
    Ok(read(folder, c"stat")?
        .and_then(|stat| thread_flags(&stat))
        .is_some_and(|flags| flags & KERNEL_THREAD != 0))
}

/// The seventh field after the name (`proc_pid_stat(5)`), which may itself hold parentheses and spaces.
fn thread_flags(stat: &[u8]) -> Option<u32> {
    let after_name = stat.get(stat.iter().rposition(|&byte| byte == b')')? + 1..)?;
    std::str::from_utf8(after_name).ok()?.split_ascii_whitespace().nth(6)?.parse().ok()
}

pub(super) fn socket_inode(link: &[u8]) -> Option<NonZeroU32> {
    let number = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

fn pid(name: &CStr) -> Option<u32> {
    name.to_str().ok()?.parse().ok()
}

/// Opens something of a process that may have ended or be another's; everything else that fails is an error.
fn open(folder: &OwnedFd, name: &CStr, flags: OFlags) -> io::Result<Result<OwnedFd, Mute>> {
    match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(opened) => Ok(Ok(opened)),
        Err(Errno::NOENT | Errno::SRCH) => Ok(Err(Mute::Gone)),
        Err(Errno::ACCESS | Errno::PERM) => Ok(Err(Mute::Hidden)),
        Err(errno) => Err(errno.into()),
    }
}

/// A file of a process; `None` if that has ended or does not show it.
fn read(folder: &OwnedFd, name: &CStr) -> io::Result<Option<Vec<u8>>> {
    let Ok(file) = open(folder, name, OFlags::RDONLY | OFlags::CLOEXEC)? else { return Ok(None) };
    let mut bytes = Vec::new();
    match io::Read::read_to_end(&mut std::fs::File::from(file), &mut bytes) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn for_each_entry(
    folder: &OwnedFd,
    mut each: impl FnMut(&CStr) -> io::Result<()>,
) -> io::Result<()> {
    let mut room = [MaybeUninit::uninit(); ENTRIES];
    let mut entries = RawDir::new(folder, &mut room);
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => each(entry.file_name())?,
            // The process ended while its descriptors were listed.
            Err(Errno::NOENT | Errno::SRCH) => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_socket_is_told_from_every_other() {
        let inode = |link: &[u8]| socket_inode(link).map(NonZeroU32::get);
        assert_eq!(inode(b"socket:[4294967295]"), Some(u32::MAX));
        for other in [
            &b"socket:[0]"[..],
            b"socket:[]",
            b"pipe:[7]",
            b"socket:[4294967296]",
            b"/tmp/socket:[7]",
            b"socket:[7",
        ] {
            assert_eq!(inode(other), None);
        }
    }

    #[test]
    fn the_unified_hierarchy_is_found_among_the_old_ones_and_its_root_is_no_group() {
        let path = |groups: &[u8]| unified_path(groups).map(|path| path.to_string());
        assert_eq!(
            path(b"12:cpu:/x\n0::/system.slice/a.service\n").as_deref(),
            Some("/system.slice/a.service")
        );
        assert_eq!(path(b"0::/\n"), None);
        assert_eq!(path(b"12:cpu:/x\n"), None);
    }

    #[test]
    fn a_name_that_looks_like_the_rest_of_its_line_does_not_shift_the_fields() {
        assert_eq!(thread_flags(b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0"), Some(2_129_984));
        assert_eq!(thread_flags(b"9 (a) S 1 1 1 1 1 9) S 0 0 0 0 -1 4194304 0"), Some(4_194_304));
        assert_eq!(thread_flags(b"garbage"), None);
    }
}
