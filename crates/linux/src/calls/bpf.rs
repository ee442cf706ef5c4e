//! bpf(2): maps, programs, and the ring buffer that a program fills and this process empties.

use std::{
    ffi::{CStr, c_long},
    io,
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use zerocopy::{Immutable, IntoBytes};

// linux v6.12 include/uapi/linux/bpf.h, enum bpf_cmd
const MAP_CREATE: c_long = 0;
const MAP_LOOKUP_ELEM: c_long = 1;
const PROG_LOAD: c_long = 5;
const OBJ_GET_INFO_BY_FD: c_long = 15;
const RAW_TRACEPOINT_OPEN: c_long = 17;

/// The kinds of maps that are used here (`enum bpf_map_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum MapKind {
    Array = 2,
    Ring = 27,
}

/// `BPF_PROG_TYPE_RAW_TRACEPOINT`
const RAW_TRACEPOINT: u32 = 17;

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct MapCreate {
    kind: u32,
    key_size: u32,
    value_size: u32,
    entries: u32,
    flags: u32,
}

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct ProgLoad {
    kind: u32,
    instructions: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct RawTracepointOpen {
    name: u64,
    program: u32,
    padding: u32,
}

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct MapLookup {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct GetInfo {
    object: u32,
    length: u32,
    info: u64,
}

/// bpf(2).
///
/// # Safety
/// Each address in `attributes` is that of memory which lives through the call and is as large as `attributes` or the
/// command say.
unsafe fn bpf<A: IntoBytes + Immutable>(command: c_long, attributes: &A) -> io::Result<RawFd> {
    let bytes = attributes.as_bytes();
    // SAFETY: the kernel reads `bytes`, all of them initialised, and follows the addresses in them, for which the caller
    // answers.
    let outcome = unsafe { libc::syscall(libc::SYS_bpf, command, bytes.as_ptr(), bytes.len()) };
    if outcome < 0 {
        return Err(io::Error::last_os_error());
    }
    RawFd::try_from(outcome).map_err(io::Error::other)
}

/// Takes a descriptor that the kernel just made for us.
fn own(descriptor: RawFd) -> OwnedFd {
    // SAFETY: the callers pass what a successful command returned that makes descriptors; nobody else has it.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

fn number(descriptor: BorrowedFd<'_>) -> io::Result<u32> {
    u32::try_from(descriptor.as_raw_fd()).map_err(io::Error::other)
}

fn size(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(io::Error::other)
}

/// `BPF_MAP_CREATE`. A ring has no keys and values; its entries are bytes, a power of two of pages.
pub(crate) fn create_map(kind: MapKind, key_size: u32, value_size: u32, entries: u32) -> io::Result<OwnedFd> {
    let attributes = MapCreate { kind: kind as u32, key_size, value_size, entries, flags: 0 };
    // SAFETY: there is no address in it.
    unsafe { bpf(MAP_CREATE, &attributes) }.map(own)
}

/// `BPF_PROG_LOAD` of a program for a raw tracepoint, instructions of eight bytes. With a log, the verifier's reasons.
pub(crate) fn load_program(
    code: &[[u8; 8]],
    license: &CStr,
    name: [u8; 16],
    log: &mut [u8],
) -> io::Result<OwnedFd> {
    let attributes = ProgLoad {
        kind: RAW_TRACEPOINT,
        instructions: size(code.len())?,
        code: code.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: u32::from(!log.is_empty()),
        log_size: size(log.len())?,
        log: if log.is_empty() { 0 } else { log.as_mut_ptr() as u64 },
        kernel_version: 0,
        flags: 0,
        name,
    };
    // SAFETY: the kernel reads as many instructions as `code` has, and the license to its end mark; it writes at most
    // `log_size` bytes to `log`, which is borrowed mutably.
    unsafe { bpf(PROG_LOAD, &attributes) }.map(own)
}

/// `BPF_RAW_TRACEPOINT_OPEN`: the program runs at this tracepoint until the descriptor is closed.
pub(crate) fn attach(name: &CStr, program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let attributes = RawTracepointOpen { name: name.as_ptr() as u64, program: number(program)?, padding: 0 };
    // SAFETY: the kernel reads the name to its end mark.
    unsafe { bpf(RAW_TRACEPOINT_OPEN, &attributes) }.map(own)
}

/// `BPF_MAP_LOOKUP_ELEM` in an array of numbers that [`create_map`] made with values of eight bytes.
pub(crate) fn look_up(map: BorrowedFd<'_>, key: u32) -> io::Result<u64> {
    let mut value = 0_u64;
    let attributes = MapLookup {
        map: number(map)?,
        padding: 0,
        key: &raw const key as u64,
        value: &raw mut value as u64,
        flags: 0,
    };
    // SAFETY: the kernel reads the four bytes of the key and writes the eight of the value; the only caller's map has
    // such.
    unsafe { bpf(MAP_LOOKUP_ELEM, &attributes) }?;
    Ok(value)
}

/// How often a program was left out because it was running already (`bpf_prog_info.recursion_misses`; 0 before 5.12).
pub(crate) fn misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    /// In words of eight bytes: linux v6.12 `include/uapi/linux/bpf.h` `struct bpf_prog_info`.
    const MISSES: usize = 26;
    let mut info = [0_u64; MISSES + 1];
    let attributes = GetInfo {
        object: number(program)?,
        length: size(size_of_val(&info))?,
        info: info.as_mut_ptr() as u64,
    };
    // SAFETY: the kernel writes at most `length` bytes to `info`. It reads addresses of further memory from there first:
    // they are zero, and the lengths beside them too.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &attributes) }?;
    let [.., misses] = info;
    Ok(misses)
}

/// The pages of a ring map: the consumer's position, the producer's, and the data, mapped twice in a row so that no
/// record is split.
#[derive(Debug)]
pub(crate) struct Ring {
    /// One page, ours to write.
    consumer: NonNull<u8>,
    /// One page and twice the data, for reading only.
    producer: NonNull<u8>,
    page: usize,
    /// A power of two.
    size: usize,
}

impl Ring {
    /// Maps a ring of `size` bytes; the descriptor may be closed afterwards.
    pub(crate) fn map(ring: BorrowedFd<'_>, size: usize) -> io::Result<Self> {
        let page = rustix::param::page_size();
        if !size.is_power_of_two() || size < page {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let consumer = map(ring, page, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        match map(ring, page + 2 * size, libc::PROT_READ, page) {
            Ok(producer) => Ok(Self { consumer, producer, page, size }),
            Err(error) => {
                unmap(consumer, page);
                Err(error)
            }
        }
    }

    /// Up to where records were taken out.
    pub(crate) fn consumed(&self) -> usize {
        // SAFETY: the page begins with the position, aligned, and stays mapped as long as `self`. Who writes it is this
        // process alone; the kernel reads it.
        unsafe { self.consumer.cast::<AtomicUsize>().as_ref() }.load(Ordering::Relaxed)
    }

    /// Hands the room before `position` back to the kernel.
    pub(crate) fn consume(&mut self, position: usize) {
        // SAFETY: as in `consumed`; the page is mapped for writing.
        unsafe { self.consumer.cast::<AtomicUsize>().as_ref() }.store(position, Ordering::Release);
    }

    /// Up to where records were put in, finished or not.
    pub(crate) fn produced(&self) -> usize {
        // SAFETY: the page begins with the position, aligned, and stays mapped as long as `self`; the kernel writes it
        // atomically, and nothing here does.
        unsafe { self.producer.cast::<AtomicUsize>().as_ref() }.load(Ordering::Acquire)
    }

    /// The first four bytes at a position: a record's length and flags.
    pub(crate) fn header(&self, position: usize) -> u32 {
        let header = self.word(position, 0).cast::<AtomicU32>();
        // SAFETY: within the mapped data and aligned (see `word`); the kernel writes a header atomically, and nothing
        // here does.
        unsafe { header.as_ref() }.load(Ordering::Acquire)
    }

    /// Copies what begins at a position; of `to`, no more is filled than the ring is large.
    pub(crate) fn copy(&self, position: usize, to: &mut [u64]) {
        for (number, filled) in to.iter_mut().enumerate().take(self.size / 8) {
            let word = self.word(position, number).cast::<u64>();
            // SAFETY: within the mapped data and aligned (see `word`). A finished record is written by nobody; were it,
            // the volatile read of a word still gives some word.
            *filled = unsafe { word.read_volatile() };
        }
    }

    /// The address of a word of eight bytes, counted from a position; at most the first word beyond the data.
    fn word(&self, position: usize, number: usize) -> NonNull<u8> {
        let offset = position & (self.size - 1) & !7;
        let within = offset + number.min(self.size / 8) * 8;
        // SAFETY: `offset` is below `size`, a multiple of eight, and what is added at most `size`: the sum stays within
        // the page and the twice mapped data that `producer` begins. For numbers below `size / 8`, so does the whole word.
        unsafe { self.producer.add(self.page + within) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        unmap(self.consumer, self.page);
        unmap(self.producer, self.page + 2 * self.size);
    }
}

fn map(file: BorrowedFd<'_>, length: usize, protection: i32, offset: usize) -> io::Result<NonNull<u8>> {
    let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
    // SAFETY: the kernel picks a place where nothing is.
    let pages = unsafe {
        libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, file.as_raw_fd(), offset)
    };
    if pages == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(pages.cast()).ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

fn unmap(pages: NonNull<u8>, length: usize) {
    // SAFETY: `pages` and `length` are those of a mapping of ours, of which nobody has a reference any more: the callers
    // give it up. It fails for arguments that make no sense only.
    unsafe { libc::munmap(pages.as_ptr().cast(), length) };
}
