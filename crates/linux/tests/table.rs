//! The socket table against everything else that the kernel says about the same sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod population;

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::Command,
};

use fastrand::Rng;
use ipnet::IpNet;
use population::{populate, states, while_nothing_moves};
use timewait_facts::{Cookie, Pattern, Socket, State, States, TimerKind};
use timewait_linux::{
    kernel_version,
    sockets::{Query, SocketTable, lists_bound},
};
use timewait_trial::{eventually, have_tool, in_own_host};

#[test]
fn every_scene_of_the_population_is_in_the_state_that_it_is_named_for() {
    in_own_host(|host| {
        let _population = populate(host);
        let mut table = SocketTable::open().unwrap();
        let listed = |state: &State| *state != State::BoundInactive || lists_bound(&kernel_version());
        let expected: States = states().iter().filter(listed).collect();
        eventually(&format!("every one of {expected}"), || {
            let rows = table.collect(&Query::in_states(States::all())).unwrap();
            let seen: States = rows.iter().map(|row| row.state).collect();
            (seen == expected).then_some(())
        });
    });
}

/// A row as both sides can say it: state, ends, queues, inode, cookie.
type Told = (String, String, String, u32, u32, u32, Cookie);

/// What `ss -tanOeH` prints: `STATE RECV-Q SEND-Q LOCAL PEER [timer:..] [uid:..] ino:N sk:COOKIE ...`.
fn as_ss_tells(line: &str) -> Told {
    let words: Vec<&str> = line.split_whitespace().collect();
    let labelled = |label: &str| words.iter().find_map(|word| word.strip_prefix(label)).unwrap_or("0");
    let state: State = words[0].parse().unwrap();
    let cookie = Cookie(u64::from_str_radix(labelled("sk:"), 16).unwrap());
    let number = |word: &str| word.parse().unwrap();
    let inode = number(labelled("ino:"));
    (state.to_string(), words[3].into(), words[4].into(), number(words[1]), number(words[2]), inode, cookie)
}

/// An end as `ss` writes it: `*` for any address of a dual-stack listener and for no port.
fn as_ss_writes(row: &Socket, end: SocketAddr) -> String {
    let port = if end.port() == 0 { "*".to_owned() } else { end.port().to_string() };
    match end.ip() {
        IpAddr::V6(ip) if ip.is_unspecified() && row.v6only == Some(false) => format!("*:{port}"),
        IpAddr::V6(ip) => format!("[{ip}]:{port}"),
        IpAddr::V4(ip) => format!("{ip}:{port}"),
    }
}

fn as_we_tell(row: &Socket) -> Told {
    let (local, peer) = (as_ss_writes(row, row.local), as_ss_writes(row, row.peer));
    let inode = row.inode.map_or(0, Into::into);
    (row.state.to_string(), local, peer, row.receive_queue, row.send_queue, inode, row.cookie)
}

#[test]
fn ss_tells_the_same_row_for_row() {
    if !have_tool("ss") {
        return;
    }
    in_own_host(|host| {
        let _population = populate(host);
        let mut table = SocketTable::open().unwrap();
        let ss = || Command::new("ss").args(["-tanOeH"]).output().unwrap();
        let (rows, output) = while_nothing_moves(&mut table, ss);
        let text = String::from_utf8(output.stdout).unwrap();
        let theirs: BTreeSet<Told> = text.lines().map(as_ss_tells).collect();
        // `ss -a` asks for bound sockets in some versions only.
        let is_common = |row: &&Socket| row.state != State::BoundInactive;
        let ours: BTreeSet<Told> = rows.iter().filter(is_common).map(as_we_tell).collect();
        let theirs: BTreeSet<Told> = theirs.into_iter().filter(|row| row.0 != "bound-inactive").collect();
        let told_by_one: Vec<&Told> = ours.symmetric_difference(&theirs).collect();
        assert!(told_by_one.is_empty(), "{told_by_one:#?}");
        assert!(ours.len() > 40, "{} rows", ours.len());
    });
}

/// A row of `/proc/net/tcp`: state, ends, receive queue, send queue, inode, and the timer's kind and 1/100 seconds.
#[derive(Debug)]
struct ProcRow {
    state: State,
    local: SocketAddr,
    peer: SocketAddr,
    queues: (u32, u32),
    inode: u32,
    timer: u8,
    centiseconds: u32,
}

fn proc_rows() -> Vec<ProcRow> {
    let read = |file| fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap();
    let (v4, v6) = (read("tcp"), read("tcp6"));
    v4.lines().skip(1).chain(v6.lines().skip(1)).map(proc_row).collect()
}

fn proc_row(line: &str) -> ProcRow {
    let words: Vec<&str> = line.split_whitespace().collect();
    let hex = |text: &str| u32::from_str_radix(text, 16).unwrap();
    let (send, receive) = words[4].split_once(':').unwrap();
    let (timer, centiseconds) = words[5].split_once(':').unwrap();
    ProcRow {
        state: State::from_kernel(u8::try_from(hex(words[3])).unwrap()).unwrap(),
        local: proc_end(words[1]),
        peer: proc_end(words[2]),
        queues: (hex(receive), hex(send)),
        inode: words[9].parse().unwrap(),
        timer: u8::try_from(hex(timer)).unwrap(),
        centiseconds: hex(centiseconds),
    }
}

/// Addresses stand there as 32-bit words in the machine's own byte order.
fn proc_end(text: &str) -> SocketAddr {
    let (address, port) = text.split_once(':').unwrap();
    let bytes: Vec<u8> = (0..address.len() / 8)
        .flat_map(|word| u32::from_str_radix(&address[8 * word..8 * word + 8], 16).unwrap().to_ne_bytes())
        .collect();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(v4) => IpAddr::V4(Ipv4Addr::from(v4)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).unwrap())),
    };
    SocketAddr::new(ip, u16::from_str_radix(port, 16).unwrap())
}

#[test]
fn proc_net_tcp_tells_the_same_row_for_row() {
    in_own_host(|host| {
        let _population = populate(host);
        let (rows, theirs) = while_nothing_moves(&mut SocketTable::open().unwrap(), proc_rows);
        let mut theirs: Vec<String> = theirs
            .iter()
            .map(|row| format!("{} {} {} {:?} {}", row.state, row.local, row.peer, row.queues, row.inode))
            .collect();
        let mut ours: Vec<String> = rows
            .iter()
            .filter(|row| row.state != State::BoundInactive)
            .map(|row| {
                // For a listener that file has no word on how many connections may wait.
                let send_queue = if row.state == State::Listen { 0 } else { row.send_queue };
                let inode: u32 = row.inode.map_or(0, Into::into);
                format!(
                    "{} {} {} {:?} {inode}",
                    row.state,
                    row.local,
                    row.peer,
                    (row.receive_queue, send_queue)
                )
            })
            .collect();
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs);
    });
}

/// A hundredth of a second, and a tick of the kernel's clock at its slowest (HZ = 100) in which it is rounded.
const ROUNDED_MS: u128 = 10 + 10;

#[test]
fn milliseconds_left_lie_between_the_kernel_s_own_readings_before_and_after() {
    in_own_host(|host| {
        let _population = populate(host);
        let mut table = SocketTable::open().unwrap();
        let before = proc_rows();
        let rows = table.collect(&Query::in_states(States::all())).unwrap();
        let after = proc_rows();
        // A minisocket of the first reading is one in all three: it stays for a minute.
        let waiting: Vec<&ProcRow> = before.iter().filter(|row| row.timer == 3).collect();
        assert!(waiting.len() >= 6, "TIME-WAIT and orphaned FIN-WAIT-2, of each family");
        for row in waiting {
            let ends = (row.local, row.peer);
            let ms = rows
                .iter()
                .find(|row| (row.local, row.peer) == ends)
                .unwrap()
                .expires_in()
                .unwrap()
                .as_millis();
            let later = after.iter().find(|row| (row.local, row.peer) == ends).unwrap();
            let [most, least] = [row, later].map(|row| u128::from(row.centiseconds) * 10);
            assert!(
                ms <= most + ROUNDED_MS && ms + ROUNDED_MS >= least,
                "{most} >= {ms} >= {least}: {row:?}"
            );
        }
    });
}

#[test]
fn what_the_kernel_selects_is_what_the_query_means() {
    in_own_host(|host| {
        let _population = populate(host);
        let (mut table, mut unfiltered) = (SocketTable::open().unwrap(), SocketTable::open().unwrap());
        let seed = fastrand::u64(..);
        println!("queries of seed {seed}");
        let mut rng = Rng::with_seed(seed);
        let known = table.collect(&Query::in_states(States::all())).unwrap();
        for _ in 0..3000 {
            let query = any_query(&mut rng, &known);
            let (rows, selected) = while_nothing_moves(&mut unfiltered, || table.collect(&query).unwrap());
            let selected: BTreeSet<Cookie> = selected.iter().map(|row| row.cookie).collect();
            let meant = rows.iter().filter(|row| query.matches(row)).map(|row| row.cookie).collect();
            assert_eq!(selected, meant, "{query:?}");
        }
    });
}

fn any_query(rng: &mut Rng, rows: &[Socket]) -> Query {
    let all = State::ALL.into_iter();
    let states = if rng.bool() { States::all() } else { all.filter(|_| rng.bool()).collect() };
    let some = |rng: &mut Rng| if rng.bool() { any_pattern(rng, rows) } else { Pattern::default() };
    Query::in_states(states).local(some(rng)).peer(some(rng)).either(some(rng))
}

/// Something about an end of a row, so that it has a chance to match.
fn any_pattern(rng: &mut Rng, rows: &[Socket]) -> Pattern {
    let row = &rows[rng.usize(..rows.len())];
    let end = if rng.bool() { row.local } else { row.peer };
    let ip = if rng.bool() { end.ip() } else { end.ip().to_canonical() };
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    let length = if rng.bool() { longest } else { rng.u8(0..=longest) };
    let prefix = IpNet::new(ip, length).unwrap().trunc();
    Pattern { prefix: rng.bool().then_some(prefix), port: rng.bool().then_some(end.port()) }
}

#[test]
fn each_connection_and_each_listener_is_found_by_its_ends() {
    in_own_host(|host| {
        let _population = populate(host);
        let (mut table, mut walked) = (SocketTable::open().unwrap(), SocketTable::open().unwrap());
        let ends: Vec<(SocketAddr, SocketAddr)> = table
            .collect(&Query::in_states(States::all()))
            .unwrap()
            .iter()
            .filter(|row| row.state != State::BoundInactive)
            .flat_map(|row| {
                [row.peer, SocketAddr::new(row.peer.ip(), row.peer.port() ^ 1)].map(|peer| (row.local, peer))
            })
            .collect();
        for (local, peer) in ends {
            let (rows, found) = while_nothing_moves(&mut walked, || table.find(local, peer).unwrap());
            let listed = rows.iter().find(|row| (row.local, row.peer) == (local, peer));
            assert_eq!(found.map(|found| found.cookie), listed.map(|row| row.cookie), "{local} {peer}");
        }
    });
}

#[test]
fn an_orphan_in_fin_wait_2_is_a_minisocket_and_a_held_one_is_not() {
    in_own_host(|host| {
        let _population = populate(host);
        let fin_wait_2 = Query::in_states(States::NONE.with(State::FinWait2));
        for row in SocketTable::open().unwrap().collect(&fin_wait_2).unwrap() {
            assert_eq!(row.is_minisocket(), row.inode.is_none(), "{row:?}");
            assert_eq!(row.uid.is_none(), row.is_minisocket(), "{row:?}");
        }
    });
}

#[test]
fn the_kernel_s_own_count_of_minisockets_is_the_number_of_such_rows() {
    in_own_host(|host| {
        let _population = populate(host);
        let sockstat = || fs::read_to_string("/proc/thread-self/net/sockstat").unwrap();
        let (rows, counted) = while_nothing_moves(&mut SocketTable::open().unwrap(), sockstat);
        let minisockets = rows.iter().filter(|row| row.is_minisocket()).count();
        let tcp = counted.lines().find(|line| line.starts_with("TCP:")).unwrap();
        let words: Vec<&str> = tcp.split_whitespace().collect();
        let place = words.iter().position(|&word| word == "tw").unwrap();
        assert_eq!(words[place + 1], minisockets.to_string());
    });
}

#[test]
fn every_timer_is_one_that_has_a_name_and_runs_only_when_on() {
    in_own_host(|host| {
        let _population = populate(host);
        for row in SocketTable::open().unwrap().collect(&Query::in_states(States::all())).unwrap() {
            assert!(!matches!(row.timer.kind, TimerKind::Other(_)), "{row:?}");
            assert!(row.timer.kind != TimerKind::Off || row.timer.expires_ms == 0, "{row:?}");
            assert_eq!(
                row.state == State::TimeWait,
                row.is_minisocket() && row.state != State::FinWait2,
                "{row:?}"
            );
        }
    });
}
