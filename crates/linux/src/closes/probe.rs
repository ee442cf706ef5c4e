//! The probe: a program of ours at the kernel's tracepoint `inet_sock_set_state`.
//!
//! What it writes into its ring is machine-wide, but for its filter on one network namespace. Changes that the kernel
//! makes on behalf of the peer come under any process, so only those are taken for a process's own that are made
//! in its system call: to FIN-WAIT-1, to LAST-ACK, and to CLOSED without an error.

mod btf;
mod event;
mod layout;
mod processes;
mod program;
mod records;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
};

use rustix::thread::CapabilitySet;
use timewait_facts::Untrusted;

pub use btf::BtfError;
pub use event::EventError;
pub(super) use event::{Closer, Transition};
pub(super) use processes::Processes;

use self::{
    btf::Btf,
    layout::Layout,
    program::{Maps, program},
    records::{HEADER, Next, next},
};
use crate::calls::bpf::{self, MapKind, Ring};

/// Where the kernel describes its own structs.
const BTF: &str = "/sys/kernel/btf/vmlinux";
/// Room for some 100,000 records: a second and a half of 20,000 connections a second, both ends of which are here. So long
/// a busy machine may keep the reader waiting. Less where less may be had.
const LARGEST: usize = 16 << 20;
const SMALLEST: usize = 64 << 10;
/// The kernel lends the helpers that read its memory only to programs under the GPL; this list of instructions is
/// available under either licence.
const LICENSE: &std::ffi::CStr = c"Dual MIT/GPL";
const NAME: [u8; 16] = *b"timewait_closes\0";
/// Records that are taken out at once: beyond, whoever reads has other things to do, too.
const BATCH: usize = 1 << 16;

/// Why there is no probe.
#[derive(Debug, thiserror::Error)]
pub enum NoProbe {
    /// Nobody asked for one.
    #[error("not asked for")]
    NotAsked,
    /// This process lacks what it takes.
    #[error("it takes {0}")]
    Missing(&'static str),
    /// bpf(2) is refused although this process has the capabilities.
    #[error(
        "bpf(2) is refused (in a container or a user namespace, by a seccomp filter, or by the kernel's lockdown)"
    )]
    Refused(#[source] io::Error),
    /// The kernel was built without bpf(2), or without ring buffers (before 5.8).
    #[error("this kernel has no {0}")]
    Absent(&'static str, #[source] io::Error),
    /// The kernel does not describe its structs.
    #[error("cannot read {BTF} (CONFIG_DEBUG_INFO_BTF)")]
    NoBtf(#[source] io::Error),
    /// The kernel's description of its structs is not what the probe needs.
    #[error("cannot use {BTF}")]
    Btf(#[from] BtfError),
    /// The verifier does not take the program: a defect of this program's, or a kernel that differs.
    #[error("the kernel does not take the program: {}", Untrusted::show(log.as_bytes()))]
    Rejected {
        /// The end of what the verifier said.
        log: String,
        /// What bpf(2) answered.
        source: io::Error,
    },
    /// Memory or descriptors ran out.
    #[error("cannot set up the probe")]
    Resources(#[source] io::Error),
}

/// What is wrong with what the probe writes, or with asking for what it lost.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// A record makes no sense.
    #[error("the probe wrote what makes no sense")]
    Event(#[from] EventError),
    /// The ring makes no sense: nothing after it can be read.
    #[error("the probe's ring claims a record of {0} bytes")]
    Ring(usize),
    /// The kernel does not tell what was lost.
    #[error("cannot ask the kernel what the probe has lost")]
    Lost(#[source] io::Error),
}

/// What the probe could not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Changes for which there was no room in the ring.
    pub full: u64,
    /// Changes while the program ran already, on the same processor, for another one.
    pub nested: u64,
}

impl Lost {
    /// All of them.
    pub fn changes(self) -> u64 {
        self.full + self.nested
    }
}

#[derive(Debug)]
pub(super) struct Probe {
    /// First, so that it is closed first: the program ends with it.
    _attached: OwnedFd,
    program: OwnedFd,
    lost: OwnedFd,
    ring: Ring,
    layout: Layout,
    /// Of the record that is being read.
    words: Vec<u64>,
}

impl Probe {
    /// Attaches the program, for the network namespace with this inode.
    pub(super) fn open(netns: u32) -> Result<Self, NoProbe> {
        // Asked first, since without privilege everything else fails for other reasons.
        let lost = bpf::create_map(MapKind::Array, 4, 8, 1).map_err(refused)?;
        let btf = fs::read(BTF).map_err(NoProbe::NoBtf)?;
        let layout = Layout::read(&Btf::parse(&btf)?)?;
        drop(btf);
        let (ring, descriptor) = make_ring()?;
        let maps = Maps::Descriptors { ring: descriptor.as_raw_fd(), lost: lost.as_raw_fd() };
        let program = load(&program(&layout, maps, netns))?;
        let attached = bpf::attach(c"inet_sock_set_state", program.as_fd()).map_err(|error| {
            match error.raw_os_error() {
                Some(libc::ENOENT) => NoProbe::Absent("tracepoint inet_sock_set_state", error),
                Some(libc::EINVAL) => NoProbe::Absent("raw tracepoints (CONFIG_BPF_EVENTS)", error),
                _ => refused(error),
            }
        })?;
        Ok(Self { _attached: attached, program, lost, ring, layout, words: Vec::new() })
    }

    /// Takes out what was written; false if there is more.
    pub(super) fn drain(&mut self, mut each: impl FnMut(Transition)) -> Result<bool, ProbeError> {
        for _ in 0..BATCH {
            let position = self.ring.consumed();
            let available = self.ring.produced().wrapping_sub(position);
            let step = match next(self.ring.header(position), available) {
                Next::Nothing => return Ok(true),
                Next::Broken { length } => return Err(ProbeError::Ring(length)),
                Next::Skip { step } => step,
                Next::Record { length, step } => {
                    let transition = self.record(position.wrapping_add(HEADER), length);
                    self.ring.consume(position.wrapping_add(step));
                    each(transition?);
                    continue;
                }
            };
            self.ring.consume(position.wrapping_add(step));
        }
        Ok(false)
    }

    /// What could not be told so far.
    pub(super) fn lost(&self) -> Result<Lost, ProbeError> {
        let full = bpf::look_up(self.lost.as_fd(), 0).map_err(ProbeError::Lost)?;
        let nested = bpf::misses(self.program.as_fd()).map_err(ProbeError::Lost)?;
        Ok(Lost { full, nested })
    }

    fn record(&mut self, position: usize, length: usize) -> Result<Transition, EventError> {
        self.words.clear();
        self.words.resize(length.div_ceil(8), 0);
        self.ring.copy(position, &mut self.words);
        let bytes = zerocopy::IntoBytes::as_bytes(self.words.as_slice());
        Transition::parse(bytes.get(..length).unwrap_or_default(), &self.layout)
    }
}

/// As large a ring as may be had: before 5.11 the limit of locked memory counts.
fn make_ring() -> Result<(Ring, OwnedFd), NoProbe> {
    let mut size = LARGEST;
    loop {
        let entries = u32::try_from(size).unwrap_or(u32::MAX);
        let outcome = bpf::create_map(MapKind::Ring, 0, 0, entries)
            .and_then(|ring| Ok((Ring::map(ring.as_fd(), size)?, ring)));
        match outcome {
            Ok(made) => return Ok(made),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                return Err(NoProbe::Absent("ring buffers for probes (5.8 has them)", error));
            }
            Err(error) if size <= SMALLEST => return Err(NoProbe::Resources(error)),
            Err(_) => size /= 2,
        }
    }
}

/// Loads the program; if it is not taken, once more for the reasons.
fn load(code: &[program::Instruction]) -> Result<OwnedFd, NoProbe> {
    let error = match bpf::load_program(code, LICENSE, NAME, &mut []) {
        Ok(program) => return Ok(program),
        Err(error) => error,
    };
    if error.raw_os_error() == Some(libc::EPERM) {
        return Err(refused(error));
    }
    let mut log = vec![0; 64 << 10];
    // This time it may be taken, if what it lacked was memory.
    let outcome = bpf::load_program(code, LICENSE, NAME, &mut log);
    outcome.map_err(|source| NoProbe::Rejected { log: last_words(&log), source })
}

/// The last lines of a log, which say what was wrong.
fn last_words(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log.split(|&byte| byte == 0).next().unwrap_or_default());
    let mut lines: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("processed ")).rev().take(2).collect();
    lines.reverse();
    lines.join("; ")
}

/// What an error of bpf(2) means: which capability is missing, if one is.
fn refused(error: io::Error) -> NoProbe {
    match error.raw_os_error() {
        Some(libc::ENOSYS) => NoProbe::Absent("bpf(2) (CONFIG_BPF_SYSCALL)", error),
        Some(libc::EPERM | libc::EACCES) => match missing() {
            Some(missing) => NoProbe::Missing(missing),
            None => NoProbe::Refused(error),
        },
        _ => NoProbe::Resources(error),
    }
}

/// Which capabilities this thread lacks; CAP_SYS_ADMIN stands for both.
fn missing() -> Option<&'static str> {
    let effective = rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let has = |set| effective.intersects(set | CapabilitySet::SYS_ADMIN);
    match (has(CapabilitySet::BPF), has(CapabilitySet::PERFMON)) {
        (true, true) => None,
        (true, false) => Some("CAP_PERFMON"),
        (false, true) => Some("CAP_BPF"),
        (false, false) => Some("CAP_BPF and CAP_PERFMON, which root has"),
    }
}
