use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises this process's soft limit of descriptors (`RLIMIT_NOFILE`) to the hard one, and gives it; `None` is no
/// limit. Children inherit it.
///
/// The soft limit is low by tradition (1024), for the sake of programs that use select(2); a server is none.
///
/// # Errors
/// The kernel refuses (a seccomp filter, say).
pub fn raise_descriptor_limit() -> io::Result<Option<u64>> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum)
}
