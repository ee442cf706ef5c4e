//! The probe's parts without a kernel: descriptions of structs, the program in an interpreter, records.

use std::{
    cell::{Cell, RefCell},
    fs::File,
    os::unix::fs::FileExt as _,
};

use proptest::{prelude::*, strategy::ValueTree as _};
use timewait_facts::{Cookie, State};

use super::{
    BTF,
    btf::{Btf, BtfError},
    event::{EventError, Transition},
    layout::Layout,
    program::{
        CURRENT_CGROUP, CURRENT_COMMAND, CURRENT_PROCESS, HEAD, Maps, READ_KERNEL, RING_OUTPUT, at, program,
    },
};

/// A kernel's layout, as one might be.
const LAYOUT: Layout = Layout {
    family: 16,
    peer: 0,
    local: 4,
    peer_v6: 56,
    local_v6: 72,
    peer_port: 12,
    cookie: 88,
    net: 48,
    local_port: 200,
    protocol: 204,
    error: 208,
    inode: 24,
};
const NETNS: u32 = 0xf000_0001;

/// The memory of a kernel: a socket, and its namespace.
struct Kernel {
    socket: Vec<u8>,
    _net: Vec<u8>,
}

impl Kernel {
    fn new() -> Self {
        let mut net = vec![0xee; 64];
        net[24..28].copy_from_slice(&NETNS.to_ne_bytes());
        let mut socket = vec![0xdd; 256];
        let mut put = |at: u32, bytes: &[u8]| socket[at as usize..][..bytes.len()].copy_from_slice(bytes);
        put(LAYOUT.family, &2_u16.to_ne_bytes());
        put(LAYOUT.local, &[10, 0, 0, 1]);
        put(LAYOUT.peer, &[10, 0, 0, 2]);
        put(LAYOUT.peer_port, &40_000_u16.to_be_bytes());
        put(LAYOUT.local_port, &9_000_u16.to_be_bytes());
        put(LAYOUT.cookie, &77_u64.to_ne_bytes());
        put(LAYOUT.net, &(net.as_ptr() as u64).to_ne_bytes());
        put(LAYOUT.protocol, &6_u16.to_ne_bytes());
        put(LAYOUT.error, &0_i32.to_ne_bytes());
        Self { socket, _net: net }
    }

    fn put(mut self, at: u32, bytes: &[u8]) -> Self {
        self.socket[at as usize..][..bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Runs the program for a change of state: the record that it writes, if it does.
    fn change(&self, old: u64, new: u64) -> Option<Vec<u8>> {
        let lost = [0_u64];
        let maps = Maps::Addresses { ring: 0x1234_5678_9abc, lost: lost.as_ptr() as u64 };
        let mut code = program(&LAYOUT, maps, NETNS);
        for instruction in &mut code {
            // The interpreter has no atomic addition: here it is a store of the 1 that is added.
            if instruction[0] == 0xdb {
                instruction[0] = 0x7b;
            }
        }
        let code: Vec<u8> = code.concat();
        let mut vm = rbpf::EbpfVmRaw::new(Some(&code)).unwrap();
        for (number, helper) in helpers() {
            vm.register_helper(number.cast_unsigned(), helper).unwrap();
        }
        let address = lost.as_ptr() as u64;
        vm.register_allowed_memory(address..address + 8);
        let mut context = [self.socket.as_ptr() as u64, old, new].map(u64::to_ne_bytes).concat();
        RECORD.take();
        assert_eq!(vm.execute_program(&mut context).unwrap(), 0);
        let counted = memory_at(address, 8) == 1_u64.to_ne_bytes();
        assert_eq!(counted, IS_FULL.get() && RECORD.with_borrow(Option::is_some));
        RECORD.take()
    }
}

thread_local! {
    static RECORD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
    static IS_FULL: Cell<bool> = const { Cell::new(false) };
}

type Helper = fn(u64, u64, u64, u64, u64) -> u64;

fn helpers() -> [(i32, Helper); 5] {
    [
        (READ_KERNEL, |to, size, from, _, _| {
            write_memory(to, &memory_at(from, size));
            0
        }),
        (CURRENT_PROCESS, |_, _, _, _, _| (4711 << 32) + 4712),
        (CURRENT_CGROUP, |_, _, _, _, _| 99),
        (CURRENT_COMMAND, |to, size, _, _, _| {
            assert_eq!(size, 16);
            write_memory(to, b"closer\0\0\0\0\0\0\0\0\0\0");
            0
        }),
        (RING_OUTPUT, |ring, record, size, flags, _| {
            assert_eq!((ring, flags), (0x1234_5678_9abc, 1));
            RECORD.set(Some(memory_at(record, size)));
            u64::from(IS_FULL.get())
        }),
    ]
}

/// Reads and writes by address, as helpers do: through the file that is this process's memory.
fn memory_at(address: u64, size: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(size).unwrap()];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, address).unwrap();
    bytes
}

fn write_memory(address: u64, bytes: &[u8]) {
    let memory = File::options().write(true).open("/proc/self/mem").unwrap();
    memory.write_all_at(bytes, address).unwrap();
}

fn read(record: &[u8]) -> Transition {
    Transition::parse(record, &LAYOUT).unwrap()
}

#[test]
fn the_program_writes_a_record_for_each_change_that_is_a_close_and_for_no_other() {
    let kernel = Kernel::new();
    for old in 1..=13 {
        for new in 1..=13 {
            let is_close = [4, 8, 9, 11].contains(&new) && old != new || new == 7 && [1, 8].contains(&old);
            assert_eq!(kernel.change(old, new).is_some(), is_close, "{old} to {new}");
        }
    }
}

#[test]
fn a_record_has_the_two_ends_the_cookie_and_who_closes() {
    let change = read(&Kernel::new().change(1, 4).unwrap());
    assert_eq!((change.old, change.new), (State::Established, State::FinWait1));
    assert_eq!(change.local, "10.0.0.1:9000".parse().unwrap());
    assert_eq!(change.peer, "10.0.0.2:40000".parse().unwrap());
    assert_eq!(change.cookie, Some(Cookie(77)));
    let closer = change.closer.unwrap();
    assert_eq!((closer.pid, closer.tid, closer.cgroup), (4711, 4712, 99));
    assert_eq!(&closer.command, b"closer\0\0\0\0\0\0\0\0\0\0");
}

#[test]
fn an_ipv6_socket_has_ipv6_ends_and_without_a_cookie_there_is_none() {
    let six = Kernel::new()
        .put(LAYOUT.family, &10_u16.to_ne_bytes())
        .put(LAYOUT.local_v6, &[[0; 15].as_slice(), &[1]].concat())
        .put(LAYOUT.peer_v6, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9])
        .put(LAYOUT.cookie, &[0; 8]);
    let change = read(&six.change(1, 4).unwrap());
    assert_eq!(change.local, "[::1]:9000".parse().unwrap());
    assert_eq!(change.peer, "[2001:db8::9]:40000".parse().unwrap());
    assert_eq!(change.cookie, None);
}

#[test]
fn what_the_kernel_does_on_the_peer_s_behalf_is_nobody_s() {
    for (old, new) in [(1, 8), (4, 11)] {
        assert_eq!(read(&Kernel::new().change(old, new).unwrap()).closer, None);
    }
    for (old, new) in [(1, 4), (8, 9), (1, 7), (8, 7)] {
        assert!(read(&Kernel::new().change(old, new).unwrap()).closer.is_some());
    }
    let reset = Kernel::new().put(LAYOUT.error, &libc::ECONNRESET.to_ne_bytes());
    let change = read(&reset.change(1, 7).unwrap());
    assert_eq!((change.error, change.closer), (libc::ECONNRESET, None));
}

#[test]
fn another_protocol_and_another_namespace_are_left_out() {
    let sctp = Kernel::new().put(LAYOUT.protocol, &132_u16.to_ne_bytes());
    assert_eq!(sctp.change(1, 4), None);
    let mut net = [0; 64];
    net[24..28].copy_from_slice(&(NETNS + 1).to_ne_bytes());
    let elsewhere = Kernel::new().put(LAYOUT.net, &(net.as_ptr() as u64).to_ne_bytes());
    assert_eq!(elsewhere.change(1, 4), None);
}

#[test]
fn a_record_for_which_there_is_no_room_is_counted_as_lost() {
    IS_FULL.set(true);
    // That the count went up is asserted within.
    assert!(Kernel::new().change(1, 4).is_some());
    IS_FULL.set(false);
}

#[test]
fn every_jump_of_the_program_stays_within_it() {
    let code = program(&LAYOUT, Maps::Descriptors { ring: 3, lost: 4 }, NETNS);
    assert!(code.len() < 128, "{} instructions", code.len());
    for (place, instruction) in code.iter().enumerate() {
        let is_jump =
            [0x05, 0x06].contains(&(instruction[0] & 0x07)) && ![0x85, 0x95].contains(&instruction[0]);
        let distance = i16::from_ne_bytes([instruction[2], instruction[3]]);
        assert!(!is_jump || distance > 0 && place + 1 + usize::try_from(distance).unwrap() < code.len());
    }
}

/// Type descriptions as a kernel has them: a struct in a struct, one without a name, a name for a name.
mod described {
    pub(super) struct Writer {
        types: Vec<u8>,
        strings: Vec<u8>,
    }

    impl Writer {
        pub(super) fn new() -> Self {
            Self { types: Vec::new(), strings: vec![0] }
        }

        fn name(&mut self, name: &str) -> u32 {
            if name.is_empty() {
                return 0;
            }
            let at = u32::try_from(self.strings.len()).unwrap();
            self.strings.extend(name.bytes().chain([0]));
            at
        }

        fn words(&mut self, words: &[u32]) {
            self.types.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        }

        /// A type without more to it than another type's number or a size.
        pub(super) fn plain(mut self, kind: u32, name: &str, other: u32) -> Self {
            let name = self.name(name);
            self.words(&[name, kind << 24, other]);
            if kind == 1 {
                self.words(&[0]);
            }
            self
        }

        /// A struct (4) or union (5) of members: name, type, offset in bytes.
        pub(super) fn members(mut self, kind: u32, name: &str, members: &[(&str, u32, u32)]) -> Self {
            let name = self.name(name);
            self.words(&[name, kind << 24 | u32::try_from(members.len()).unwrap(), 0]);
            for &(member, of, offset) in members {
                let member = self.name(member);
                self.words(&[member, of, offset * 8]);
            }
            self
        }

        pub(super) fn bytes(self) -> Vec<u8> {
            let (types, strings) =
                [&self.types, &self.strings].map(|part| u32::try_from(part.len()).unwrap()).into();
            let mut bytes = [0xeb9f_u16.to_ne_bytes(), [1, 0]].concat();
            for word in [24, 0, types, types, strings] {
                bytes.extend(u32::to_ne_bytes(word));
            }
            [bytes, self.types, self.strings].concat()
        }
    }
}

fn description() -> Vec<u8> {
    described::Writer::new()
        .plain(1, "u32", 4)
        .members(4, "", &[("skc_daddr", 1, 0), ("skc_rcv_saddr", 1, 4)])
        .members(5, "", &[("skc_addrpair", 1, 0), ("", 2, 0)])
        .plain(2, "", 5)
        .members(4, "net_thing", &[("net", 4, 0)])
        .plain(8, "possible_net_t", 5)
        .members(
            4,
            "sock_common",
            &[
                ("", 3, 0),
                ("skc_dport", 1, 12),
                ("skc_family", 1, 16),
                ("skc_net", 6, 48),
                ("skc_v6_daddr", 1, 56),
                ("skc_v6_rcv_saddr", 1, 72),
                ("skc_cookie", 1, 88),
            ],
        )
        .members(4, "sock", &[("__sk_common", 7, 0), ("sk_protocol", 1, 204), ("sk_err", 1, 208)])
        .members(4, "inet_sock", &[("sk", 8, 0), ("inet_sport", 1, 200)])
        .members(4, "ns_common", &[("inum", 1, 16)])
        .members(4, "net", &[("first", 1, 0), ("ns", 10, 8)])
        .bytes()
}

#[test]
fn places_are_found_in_structs_within_structs() {
    let bytes = description();
    assert_eq!(Layout::read(&Btf::parse(&bytes).unwrap()), Ok(LAYOUT));
    assert_eq!(LAYOUT.copied(), 96);
}

#[test]
fn what_is_not_described_is_named() {
    let bytes = described::Writer::new().plain(1, "u32", 4).members(4, "sock", &[("x", 1, 0)]).bytes();
    let btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.offset("tcp_sock", &["x"]), Err(BtfError::NoStruct("tcp_sock")));
    assert_eq!(btf.offset("sock", &["y"]), Err(BtfError::NoField { of: "sock", field: "y" }));
    assert_eq!(btf.offset("sock", &["x", "y"]), Err(BtfError::NoField { of: "sock", field: "y" }));
    assert_eq!(Btf::parse(b"ELF!").unwrap_err(), BtfError::Magic(u16::from_ne_bytes(*b"EL")));
    assert_eq!(Btf::parse(&bytes[..20]).unwrap_err(), BtfError::CutOff(12));
}

#[test]
fn this_kernel_describes_what_the_probe_reads() {
    let Ok(bytes) = std::fs::read(BTF) else {
        return timewait_trial::skip(timewait_trial::Need::Probe, "this kernel has no BTF");
    };
    let layout = Layout::read(&Btf::parse(&bytes).unwrap()).unwrap();
    assert!(layout.copied() <= 192 && layout.peer_v6 > layout.family, "{layout:?}");
}

/// Whatever is wrong with it: places, or an error, and soon.
#[test]
fn this_kernel_s_description_damaged_or_cut_off_is_an_error_or_gives_places() {
    let Ok(bytes) = std::fs::read(BTF) else {
        return timewait_trial::skip(timewait_trial::Need::Probe, "this kernel has no BTF");
    };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let damage = (any::<prop::sample::Index>(), any::<[u8; 4]>(), any::<prop::sample::Index>(), 0..4_usize);
    for _ in 0..24 {
        let (place, word, end, kind) = damage.new_tree(&mut runner).unwrap().current();
        let mut damaged = bytes.clone();
        // The header, the types, a byte anywhere, the end.
        let at = match kind {
            0 => place.index(24),
            1 => 24 + place.index(100_000),
            _ => place.index(bytes.len() - 4),
        };
        damaged[at..at + 4].copy_from_slice(&word);
        if kind == 3 {
            damaged.truncate(end.index(bytes.len()));
        }
        if let Ok(layout) = Btf::parse(&damaged).and_then(|btf| Layout::read(&btf)) {
            assert!(program(&layout, Maps::Descriptors { ring: 3, lost: 4 }, 1).len() < 128);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_change_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let length = bytes.len();
        match Transition::parse(&bytes, &LAYOUT) {
            Ok(_) => prop_assert_eq!(length, 152),
            Err(EventError::Length { length: told, expected }) => prop_assert_eq!((told, expected), (length, 152)),
            Err(EventError::Family(_) | EventError::State(_)) => prop_assert_eq!(length, 152),
        }
    }

    #[test]
    fn any_record_of_the_right_length_is_a_change_or_an_error_of_what_it_says(
        mut bytes in prop::collection::vec(any::<u8>(), 152),
        family in prop::sample::select(vec![2_u16, 10, 16]),
        states: [u8; 2],
    ) {
        let place = (HEAD + LAYOUT.family) as usize;
        bytes[place..place + 2].copy_from_slice(&family.to_ne_bytes());
        let old = usize::try_from(at::OLD).unwrap();
        bytes[old..old + 2].copy_from_slice(&states);
        let known = states.iter().all(|&state| State::from_kernel(state).is_some());
        let parsed = Transition::parse(&bytes, &LAYOUT);
        prop_assert_eq!(parsed.is_ok(), known && family != 16);
    }

    #[test]
    fn any_bytes_are_a_description_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let described = [&0xeb9f_u16.to_ne_bytes()[..], &bytes].concat();
        for bytes in [&bytes, &described] {
            if let Ok(btf) = Btf::parse(bytes) {
                let _ = Layout::read(&btf);
            }
        }
    }

    #[test]
    fn a_damaged_description_gives_places_or_an_error(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = description();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(layout) = Btf::parse(&bytes).and_then(|btf| Layout::read(&btf)) {
            prop_assert!(layout.copied() <= 192);
            let instructions = program(&layout, Maps::Descriptors { ring: 3, lost: 4 }, 1).len();
            prop_assert!(instructions < 128);
        }
    }
}
