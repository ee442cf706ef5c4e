//! A socket's number in one process, and the process's number here.

use std::{fs, io, num::NonZeroU32};

use rustix::{
    fs::{CWD, Mode},
    io::Errno,
};

use super::pass::{FOLDER, LINK, for_each_entry, socket_inode};

/// What a process shows of a socket.
#[derive(Debug)]
pub(crate) enum Descriptor {
    /// It holds the socket under this number.
    Is(i32),
    /// It has ended, or does not hold the socket.
    Gone,
    /// It is not for this user to look into.
    Hidden(io::Error),
}

/// Under which number a process (its id as `/proc` has it) holds the socket with this inode.
///
/// # Errors
/// Descriptors or memory ran out.
pub(crate) fn descriptor(pid: u32, inode: NonZeroU32) -> io::Result<Descriptor> {
    let folder = match rustix::fs::openat(CWD, format!("/proc/{pid}/fd"), FOLDER, Mode::empty()) {
        Ok(folder) => folder,
        Err(Errno::NOENT | Errno::SRCH) => return Ok(Descriptor::Gone),
        Err(errno @ (Errno::ACCESS | Errno::PERM)) => return Ok(Descriptor::Hidden(errno.into())),
        Err(errno) => return Err(errno.into()),
    };
    let mut found = Descriptor::Gone;
    for_each_entry(&folder, |name| {
        let mut link = [0; LINK];
        let length = match rustix::fs::readlinkat_raw(&folder, name, &mut link) {
            // With CAP_DAC_OVERRIDE and without CAP_SYS_PTRACE, the folder can be listed and no link read.
            Err(errno @ (Errno::ACCESS | Errno::PERM)) => {
                found = Descriptor::Hidden(errno.into());
                return Ok(());
            }
            // Closed meanwhile, or `.` and `..`.
            outcome => outcome.unwrap_or(0),
        };
        if link.get(..length).and_then(socket_inode) == Some(inode)
            && let Some(number) = name.to_str().ok().and_then(|name| name.parse().ok())
        {
            found = Descriptor::Is(number);
        }
        Ok(())
    })?;
    Ok(found)
}

/// A process's id in our own pid namespace, from its id in `/proc`, which may belong to an outer one.
///
/// `NSpid` lists a process's ids from `/proc`'s namespace inwards (`proc_pid_status(5)`), so ours stands where our own
/// last one does. For a process in a namespace beside ours, the number found means another process or none.
pub(crate) fn id_here(pid: u32) -> Option<i32> {
    let ids = |who: &str| -> Option<Vec<i32>> {
        let status = fs::read_to_string(format!("/proc/{who}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        line.split_whitespace().map(|id| id.parse().ok()).collect()
    };
    let depth = ids("self")?.len();
    ids(&pid.to_string())?.get(depth.checked_sub(1)?).copied()
}
