//! The program that runs at the tracepoint, instruction by instruction.
//!
//! The kernel calls it at every change of a socket's state (linux v6.12 `include/trace/events/sock.h`
//! `inet_sock_set_state`) with the socket, the old and the new state. It leaves out what is no close, no TCP or in
//! another network namespace, copies the beginning of `struct sock`, and puts the record into the ring. Who closes is
//! asked for only where the kernel runs in the context of that process.

use super::layout::Layout;

/// Instructions are eight bytes: opcode, registers, offset, immediate (`Documentation/bpf/standardization`).
pub(super) type Instruction = [u8; 8];

/// What precedes the copied beginning of the socket in a record.
pub(super) const HEAD: u32 = 56;
/// Places in a record.
pub(super) mod at {
    pub(in super::super) const SOCKET: i16 = 0;
    pub(in super::super) const PROCESS: i16 = 8;
    pub(in super::super) const CGROUP: i16 = 16;
    pub(in super::super) const COMMAND: i16 = 24;
    pub(in super::super) const OLD: i16 = 40;
    pub(in super::super) const NEW: i16 = 41;
    pub(in super::super) const PROTOCOL: i16 = 42;
    pub(in super::super) const ERROR: i16 = 44;
    pub(in super::super) const NETNS: i16 = 48;
    pub(in super::super) const LOCAL_PORT: i16 = 52;
    pub(in super::super) const COPY: i16 = 56;
}

/// Where the program finds its maps.
#[derive(Clone, Copy, Debug)]
pub(super) enum Maps {
    /// By the descriptors of the ring and of an array whose first value counts what was lost.
    Descriptors { ring: i32, lost: i32 },
    /// By addresses, as an interpreter in a test has them.
    #[cfg(test)]
    Addresses { ring: u64, lost: u64 },
}

// Helpers: linux v6.12 include/uapi/linux/bpf.h, enum bpf_func_id.
pub(super) const CURRENT_PROCESS: i32 = 14;
pub(super) const CURRENT_COMMAND: i32 = 16;
pub(super) const CURRENT_CGROUP: i32 = 80;
pub(super) const READ_KERNEL: i32 = 113;
pub(super) const RING_OUTPUT: i32 = 130;
/// `BPF_RB_NO_WAKEUP`: whoever reads comes by itself; waking it would cost each close about a microsecond.
const NO_WAKEUP: i32 = 1;

// States: linux v6.12 include/net/tcp_states.h.
const ESTABLISHED: i32 = 1;
const FIN_WAIT_1: i32 = 4;
const CLOSE: i32 = 7;
const CLOSE_WAIT: i32 = 8;
const LAST_ACK: i32 = 9;
const CLOSING: i32 = 11;
/// `IPPROTO_TCP`
const TCP: i32 = 6;

const FRAME: u8 = 10;

/// Where to go on; all places are further down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Take,
    Error,
    Who,
    Emit,
    Out,
}

/// The program for a kernel with this layout, and for one network namespace, by its inode.
pub(super) fn program(layout: &Layout, maps: Maps, netns: u32) -> Vec<Instruction> {
    let mut code = Assembler::new(HEAD + layout.copied());
    choose(&mut code);
    copy(&mut code, layout, netns);
    who(&mut code, layout);
    emit(&mut code, maps);
    code.place(Label::Out);
    code.set(0, 0);
    code.push(0x95, 0, 0, 0, 0);
    code.finish()
}

/// r6: the socket, r7: the old state, r8: the new one. Only closes go on.
fn choose(code: &mut Assembler) {
    code.load(7, 1, 8);
    code.load(8, 1, 16);
    code.load(6, 1, 0);
    // close(2) after shutdown(2) sets the state that the socket has already (linux v6.12 net/ipv4/tcp.c `tcp_close_state`).
    code.jump_if_same(7, 8, Label::Out);
    for state in [FIN_WAIT_1, CLOSE_WAIT, LAST_ACK, CLOSING] {
        code.jump_if_equal(8, state, Label::Take);
    }
    code.jump_unless_equal(8, CLOSE, Label::Out);
    code.jump_if_equal(7, ESTABLISHED, Label::Take);
    code.jump_unless_equal(7, CLOSE_WAIT, Label::Out);
    code.place(Label::Take);
}

/// Reads the socket into the record, and leaves it if it is none of ours.
fn copy(code: &mut Assembler, layout: &Layout, netns: u32) {
    code.read_socket(at::PROTOCOL, 2, layout.protocol);
    code.load_record(0x69, 1, at::PROTOCOL);
    code.jump_unless_equal(1, TCP, Label::Out);
    code.read_socket(at::COPY, layout.copied(), 0);
    // The pointer to the namespace, from the copy.
    code.load_record(0x79, 3, at::COPY + i16::try_from(layout.net).unwrap_or_default());
    code.read(at::NETNS, 4, layout.inode);
    code.load_record(0x61, 1, at::NETNS);
    // A comparison of 32 bits, whatever the sign.
    code.jump(0x56, 1, netns.cast_signed(), Label::Out);
    code.store_zero(at::LOCAL_PORT, 0x62);
    code.read_socket(at::LOCAL_PORT, 2, layout.local_port);
    code.store_register(at::SOCKET, 6, 0x7b);
    code.store_register(at::OLD, 7, 0x73);
    code.store_register(at::NEW, 8, 0x73);
}

/// The process, where it is the one that closes; the error, where one ended the connection.
fn who(code: &mut Assembler, layout: &Layout) {
    code.store_zero(at::ERROR, 0x62);
    code.jump_if_equal(8, CLOSE, Label::Error);
    code.jump_if_equal(8, FIN_WAIT_1, Label::Who);
    code.jump_if_equal(8, LAST_ACK, Label::Who);
    // The peer's FIN arrives in the context of whoever happens to run.
    for place in [at::PROCESS, at::CGROUP, at::COMMAND, at::COMMAND + 8] {
        code.store_zero(place, 0x7a);
    }
    code.jump_always(Label::Emit);
    code.place(Label::Error);
    code.read_socket(at::ERROR, 4, layout.error);
    code.place(Label::Who);
    code.call(CURRENT_PROCESS);
    code.store_register(at::PROCESS, 0, 0x7b);
    code.call(CURRENT_CGROUP);
    code.store_register(at::CGROUP, 0, 0x7b);
    code.address(1, at::COMMAND);
    code.set(2, 16);
    code.call(CURRENT_COMMAND);
    code.place(Label::Emit);
}

/// Puts the record into the ring; if that is full, counts it as lost.
fn emit(code: &mut Assembler, maps: Maps) {
    let size = code.size;
    code.map(1, maps, false);
    code.address(2, 0);
    code.set(3, size);
    code.set(4, NO_WAKEUP);
    code.call(RING_OUTPUT);
    code.jump_if_equal(0, 0, Label::Out);
    code.map(1, maps, true);
    code.set(2, 1);
    // An atomic addition of 64 bits.
    code.push(0xdb, 1, 2, 0, 0);
}

struct Assembler {
    code: Vec<Instruction>,
    jumps: Vec<(usize, Label)>,
    /// The record's size; it lies at the end of the frame.
    size: i32,
}

impl Assembler {
    fn new(size: u32) -> Self {
        Self { code: Vec::new(), jumps: Vec::new(), size: i32::try_from(size).unwrap_or(i32::MAX) }
    }

    #[allow(clippy::too_many_arguments, reason = "an instruction has five fields")]
    fn push(&mut self, opcode: u8, to: u8, from: u8, offset: i16, immediate: i32) {
        let registers = if cfg!(target_endian = "little") { from << 4 | to } else { to << 4 | from };
        let [low, high] = offset.to_ne_bytes();
        let [a, b, c, d] = immediate.to_ne_bytes();
        self.code.push([opcode, registers, low, high, a, b, c, d]);
    }

    /// A place in the record, from the frame's end.
    fn in_frame(&self, place: i16) -> i32 {
        i32::from(place) - self.size
    }

    fn frame_offset(&self, place: i16) -> i16 {
        i16::try_from(self.in_frame(place)).unwrap_or_default()
    }

    fn set(&mut self, register: u8, value: i32) {
        self.push(0xb7, register, 0, 0, value);
    }

    /// Eight bytes from where a register points.
    fn load(&mut self, to: u8, from: u8, offset: i16) {
        self.push(0x79, to, from, offset, 0);
    }

    fn load_record(&mut self, opcode: u8, to: u8, place: i16) {
        let offset = self.frame_offset(place);
        self.push(opcode, to, FRAME, offset, 0);
    }

    fn store_register(&mut self, place: i16, from: u8, opcode: u8) {
        let offset = self.frame_offset(place);
        self.push(opcode, FRAME, from, offset, 0);
    }

    fn store_zero(&mut self, place: i16, opcode: u8) {
        let offset = self.frame_offset(place);
        self.push(opcode, FRAME, 0, offset, 0);
    }

    /// The address of a place in the record.
    fn address(&mut self, register: u8, place: i16) {
        let offset = self.in_frame(place);
        self.push(0xbf, register, FRAME, 0, 0);
        self.push(0x07, register, 0, 0, offset);
    }

    /// Copies from the socket into the record.
    fn read_socket(&mut self, place: i16, size: u32, offset: u32) {
        self.push(0xbf, 3, 6, 0, 0);
        self.read(place, size, offset);
    }

    /// Copies from beyond where r3 points into the record.
    fn read(&mut self, place: i16, size: u32, offset: u32) {
        if offset != 0 {
            self.push(0x07, 3, 0, 0, i32::try_from(offset).unwrap_or_default());
        }
        self.address(1, place);
        self.set(2, i32::try_from(size).unwrap_or_default());
        self.call(READ_KERNEL);
    }

    fn call(&mut self, helper: i32) {
        self.push(0x85, 0, 0, 0, helper);
    }

    /// A map, or the address of its first value: an instruction of twice the size.
    fn map(&mut self, register: u8, maps: Maps, lost: bool) {
        let (kind, first, second) = match maps {
            // BPF_PSEUDO_MAP_VALUE and BPF_PSEUDO_MAP_FD
            Maps::Descriptors { lost: map, .. } if lost => (2, map, 0),
            Maps::Descriptors { ring, .. } => (1, ring, 0),
            #[cfg(test)]
            Maps::Addresses { ring, lost: value } => {
                let address = if lost { value } else { ring };
                let half = |half: u64| u32::try_from(half & 0xffff_ffff).unwrap_or_default().cast_signed();
                (0, half(address), half(address >> 32))
            }
        };
        self.push(0x18, register, kind, 0, first);
        self.push(0, 0, 0, 0, second);
    }

    fn jump_if_equal(&mut self, register: u8, value: i32, to: Label) {
        self.jump(0x15, register, value, to);
    }

    fn jump_unless_equal(&mut self, register: u8, value: i32, to: Label) {
        self.jump(0x55, register, value, to);
    }

    fn jump_if_same(&mut self, one: u8, other: u8, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(0x1d, one, other, 0, 0);
    }

    fn jump_always(&mut self, to: Label) {
        self.jump(0x05, 0, 0, to);
    }

    fn jump(&mut self, opcode: u8, register: u8, value: i32, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(opcode, register, 0, 0, value);
    }

    /// Here is where those go on that jump to `label`.
    fn place(&mut self, label: Label) {
        let here = self.code.len();
        self.jumps.retain(|&(from, to)| {
            if to != label {
                return true;
            }
            let distance = i16::try_from(here - from - 1).unwrap_or(i16::MAX);
            if let Some([_, _, low, high, ..]) = self.code.get_mut(from) {
                [*low, *high] = distance.to_ne_bytes();
            }
            false
        });
    }

    fn finish(self) -> Vec<Instruction> {
        debug_assert!(self.jumps.is_empty(), "every label was placed");
        self.code
    }
}
