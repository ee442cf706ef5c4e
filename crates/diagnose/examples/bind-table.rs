//! Prints `docs/bind.md`: who may share a port with whom, by the rules. `docs/generate` writes the page anew; a test
//! here says whether it is current.
#![allow(clippy::expect_used, reason = "every address here was written here")]

use std::fmt::Write as _;

use timewait_diagnose::bind::{Facts, Occupant, Request, Verdict, predict};
use timewait_facts::{Cookie, Socket, State, Timer, TimerKind};

fn main() {
    print!("{}", page());
}

fn page() -> String {
    let (before, after) = TEXT.split_once("FLAGS\n").expect("a place for the table of flags");
    let (between, after) = after.split_once("ADDRESSES\n").expect("a place for the table of addresses");
    format!("{before}{}{between}{}{after}", flags_table(), addresses_table())
}

const TEXT: &str = include_str!("bind-table.md");

/// The user who asks.
const UID: u32 = 1000;
const FLAGS: [(&str, bool, bool); 4] =
    [("none", false, false), ("REUSEADDR", true, false), ("REUSEPORT", false, true), ("both", true, true)];

/// What an old socket is doing, and whose it is.
const OLD: [(&str, State, u32); 5] = [
    ("listens", State::Listen, UID),
    ("listens, another user's", State::Listen, 0),
    ("is bound, or an open connection", State::Established, UID),
    ("the same, another user's", State::Established, 0),
    ("waits: TIME-WAIT, orphaned FIN-WAIT-2", State::TimeWait, UID),
];

fn flags_table() -> String {
    let mut table = header("the old socket ... | with", &FLAGS.map(|(name, ..)| name));
    for (what, state, uid) in OLD {
        for (name, reuseaddr, reuseport) in FLAGS {
            let old = Occupant::of(socket("0.0.0.0", state, uid, None), None)
                .with_flags(Some(reuseaddr), Some(reuseport));
            let cells = FLAGS.map(|(_, reuseaddr, reuseport)| {
                let new = Request { reuseaddr, reuseport, ..Request::plain(at("0.0.0.0"), UID) };
                if shares(&new, &old) { "yes" } else { "-" }
            });
            row(&mut table, &format!("{what} | {name}"), &cells);
        }
    }
    table
}

/// Addresses, and IPV6_V6ONLY.
const PLACES: [(&str, &str, bool); 8] = [
    ("0.0.0.0", "0.0.0.0", false),
    ("10.0.0.1", "10.0.0.1", false),
    ("10.0.0.2", "10.0.0.2", false),
    ("[::]", "::", false),
    ("[::] v6only", "::", true),
    ("[fd00::1]", "fd00::1", true),
    ("[::ffff:10.0.0.1]", "::ffff:10.0.0.1", false),
    ("[::ffff:0.0.0.0]", "::ffff:0.0.0.0", false),
];

fn addresses_table() -> String {
    let mut table = header("old", &PLACES.map(|(name, ..)| name));
    let accepted = ("[fd00::1], accepted by [::]", "fd00::1", false);
    for (name, address, v6only) in PLACES.into_iter().chain([accepted]) {
        let old = Occupant::of(socket(address, State::Established, UID, Some(v6only)), None)
            .with_flags(Some(false), Some(false));
        let cells = PLACES.map(|(_, address, v6only)| {
            let new = Request { v6only, ..Request::plain(at(address), UID) };
            if shares(&new, &old) { "-" } else { "meet" }
        });
        row(&mut table, name, &cells);
    }
    table
}

fn shares(new: &Request, old: &Occupant) -> bool {
    let facts = Facts { occupants: vec![old.clone()], ..Facts::default() };
    predict(new, &facts).bind == Verdict::Succeeds
}

fn at(address: &str) -> std::net::SocketAddr {
    std::net::SocketAddr::new(address.parse().expect("an address"), 9000)
}

fn socket(address: &str, state: State, uid: u32, v6only: Option<bool>) -> Socket {
    let waits = Timer { kind: TimerKind::TimeWait, expires_ms: 60_000, retries: 0 };
    Socket {
        state,
        local: at(address),
        peer: at(address),
        timer: if state == State::TimeWait { waits } else { Timer::OFF },
        receive_queue: 0,
        send_queue: 0,
        cookie: Cookie(1),
        interface: None,
        uid: Some(uid),
        inode: None,
        mark: None,
        v6only,
        cgroup: None,
        shutdown: Some(0),
    }
}

fn header(first: &str, columns: &[&str]) -> String {
    let rule = "---|".repeat(first.matches('|').count() + 1 + columns.len());
    format!("| {first} | {} |\n|{rule}\n", columns.join(" | "))
}

fn row(table: &mut String, first: &str, cells: &[&str]) {
    let _ = writeln!(table, "| {first} | {} |", cells.join(" | "));
}

#[test]
fn the_page_in_docs_is_current() {
    assert!(page() == include_str!("../../../docs/bind.md"), "run docs/generate");
}
