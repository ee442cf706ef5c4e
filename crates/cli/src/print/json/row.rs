//! A row of the socket table, written piece by piece.
#![allow(clippy::inline_always, reason = "so that of a socket only what is shown is computed")]

use std::{net::SocketAddr, num::NonZeroU32};

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;
use timewait_facts::{Owner, Socket};

use super::{OwnerRow, write_value};
use crate::print::line::{Line, Pen, Piece};

/// A row of the socket table, as a part of a larger value.
pub(crate) struct Row<'a>(pub(crate) &'a Socket, pub(crate) Option<&'a Owner>);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = Line::default();
        write_row(&mut line, self.0, self.1);
        let text = String::from_utf8_lossy(line.as_bytes()).into_owned();
        RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// Writes a row as an object. Nothing is allocated for it, but for an owner.
#[inline(always)]
pub(crate) fn write_row(line: &mut Line, socket: &Socket, owner: Option<&Owner>) {
    let timer_ms = Piece::decimal(socket.timer.expires_ms);
    let Some(pen) = line.open() else { return };
    let mut pen = before_owner(pen, socket, timer_ms);
    if owner.is_none() {
        pen = behind_owner(pen.put(b"null"), socket, timer_ms);
    }
    let written = pen.length();
    line.keep(written);
    if let Some(owner) = owner {
        write_from_owner_on(line, *socket, owner);
    }
}

#[inline(never)]
fn write_from_owner_on(line: &mut Line, socket: Socket, owner: &Owner) {
    // Writing to a line cannot fail.
    let _ = write_value(line, &OwnerRow(owner));
    line.pen(|pen| behind_owner(pen, &socket, Piece::decimal(socket.timer.expires_ms)));
}

#[inline(always)]
fn before_owner<'p>(pen: Pen<'p>, socket: &Socket, timer_ms: Piece) -> Pen<'p> {
    let pen = pen.put(br#"{"v":1,"state":""#).piece(Piece::state(socket.state));
    let pen = end(pen.put(br#"","local":{"addr":""#), socket.local);
    let pen = end(pen.put(br#","peer":{"addr":""#), socket.peer);
    let pen = pen.put(br#","expires_in_ms":"#);
    let pen = pen.piece(if socket.is_minisocket() { timer_ms } else { Piece::NULL });
    let pen = pen.put(br#","cookie":""#).hexadecimal(socket.cookie.0);
    if (socket.inode, socket.uid) == (None, None) {
        return pen.put(br#"","inode":null,"uid":null,"owner":"#);
    }
    let pen = pen.put(br#"","inode":"#).piece(decimal_or_null(socket.inode.map(NonZeroU32::get)));
    pen.put(br#","uid":"#).piece(decimal_or_null(socket.uid)).put(br#","owner":"#)
}

/// Nearly all rows of a large table are minisockets, of which nothing is queued.
#[inline(always)]
fn behind_owner<'p>(pen: Pen<'p>, socket: &Socket, timer_ms: Piece) -> Pen<'p> {
    let Socket { timer, receive_queue, send_queue, .. } = socket;
    let pen = if socket.is_minisocket() {
        pen.put(br#","timer":"time-wait","timer_ms":"#)
    } else {
        pen.put(br#","timer":""#).text(timer.kind.name()).put(br#"","timer_ms":"#)
    };
    let pen = pen.piece(timer_ms);
    let pen = if (timer.retries, *receive_queue, *send_queue) == (0, 0, 0) {
        pen.put(br#","retries":0,"receive_queue":0,"send_queue":0,"interface":"#)
    } else {
        let pen = pen.put(br#","retries":"#).decimal(u32::from(timer.retries));
        let pen = pen.put(br#","receive_queue":"#).decimal(*receive_queue);
        pen.put(br#","send_queue":"#).decimal(*send_queue).put(br#","interface":"#)
    };
    let pen = pen.piece(decimal_or_null(socket.interface.map(NonZeroU32::get)));
    let pen = pen.put(br#","mark":"#).piece(decimal_or_null(socket.mark));
    match socket.v6only {
        None => pen.put(br#","v6only":null}"#),
        Some(true) => pen.put(br#","v6only":true}"#),
        Some(false) => pen.put(br#","v6only":false}"#),
    }
}

/// The rest of an end's object.
#[inline(always)]
fn end(pen: Pen<'_>, end: SocketAddr) -> Pen<'_> {
    pen.address(end.ip()).put(br#"","port":"#).decimal(u32::from(end.port())).put(b"}")
}

#[inline]
fn decimal_or_null(value: Option<u32>) -> Piece {
    value.map_or(Piece::NULL, Piece::decimal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use timewait_facts::{Cookie, State, Timer, TimerKind, Untrusted};

    fn written(socket: &Socket, owner: Option<&Owner>) -> String {
        let mut line = Line::default();
        write_row(&mut line, socket, owner);
        String::from_utf8(line.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_row_in_time_wait_begins_as_the_contract_has_it() {
        let socket = Socket {
            timer: Timer { kind: TimerKind::TimeWait, expires_ms: 59_976, retries: 0 },
            cookie: Cookie(0x27_cbfc),
            ..Socket::bare(
                State::TimeWait,
                "127.0.0.1:9000".parse().unwrap(),
                "127.0.0.1:51234".parse().unwrap(),
            )
        };
        let expected = r#"{"v":1,"state":"time-wait","local":{"addr":"127.0.0.1","port":9000},"peer":{"addr":"127.0.0.1","port":51234},"expires_in_ms":59976,"cookie":"27cbfc","inode":null,"uid":null,"owner":null,"#;
        assert!(written(&socket, None).starts_with(expected), "{}", written(&socket, None));
        let listening = Socket { state: State::Listen, timer: Timer::OFF, ..socket };
        assert!(written(&listening, None).contains(r#""expires_in_ms":null"#), "a listener never expires");
    }

    #[test]
    fn an_owner_s_name_reads_back_as_it_is_and_shows_nothing_invisible() {
        let command = Untrusted::from(&b"\x1b[2J\"\\"[..]);
        let owner = Owner { pid: 7, command, cgroup: None, processes: 2 };
        let socket = Socket::bare(State::Listen, "[::]:9000".parse().unwrap(), "[::]:0".parse().unwrap());
        let line = written(&socket, Some(&owner));
        assert!(!line.contains('\x1b'), "{line}");
        let row: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&row["owner"]["command"], &row["owner"]["processes"]),
            (&json!("\x1b[2J\"\\"), &json!(2))
        );
        assert_eq!(
            serde_json::to_value(Row(&socket, Some(&owner))).unwrap(),
            row,
            "as a part of another value"
        );
    }

    #[test]
    fn rows_cost_no_allocation() {
        let row = |number: u32| {
            let peer = SocketAddr::from(([10, 0, 0, 1], u16::try_from(number).unwrap()));
            Socket {
                uid: Some(number),
                ..Socket::bare(State::TimeWait, "[2001:db8::1]:9000".parse().unwrap(), peer)
            }
        };
        let mut line = Line::default();
        write_row(&mut line, &row(u32::from(u16::MAX)), None);
        let made = allocation_counter::measure(|| {
            for number in 0..1_000 {
                line.clear();
                write_row(&mut line, &row(number), None);
            }
        });
        assert_eq!(made.count_total, 0);
    }

    proptest! {
        #[test]
        fn every_number_of_a_row_reads_back_as_the_same(
            numbers in prop::array::uniform8(prop_oneof![Just(0_u32), any::<u32>()]), cookie: u64, v6only: Option<bool>,
            retries in 0_u8..3, waits: bool,
        ) {
            let [expires_ms, receive_queue, send_queue, interface, uid, inode, mark, port] = numbers;
            let port = u16::try_from(port % 65_536).unwrap();
            let kind = if waits { TimerKind::TimeWait } else { TimerKind::KeepAlive };
            let known = |number: u32| (number != 0).then_some(number);
            let socket = Socket {
                timer: Timer { kind, expires_ms, retries },
                receive_queue, send_queue, v6only, cookie: Cookie(cookie),
                interface: NonZeroU32::new(interface), inode: NonZeroU32::new(inode),
                uid: known(uid), mark: known(mark),
                ..Socket::bare(State::Established, ([10, 0, 0, 1], port).into(), "[2001:db8::1]:443".parse().unwrap())
            };
            let row: Value = serde_json::from_str(&written(&socket, None)).unwrap();
            prop_assert_eq!(row, json!({
                "v": 1, "state": "established", "local": {"addr": "10.0.0.1", "port": port},
                "peer": {"addr": "2001:db8::1", "port": 443}, "expires_in_ms": waits.then_some(expires_ms), "cookie": format!("{cookie:x}"),
                "inode": NonZeroU32::new(inode), "uid": known(uid), "owner": null, "timer": kind.name(),
                "timer_ms": expires_ms, "retries": retries, "receive_queue": receive_queue,
                "send_queue": send_queue, "interface": NonZeroU32::new(interface), "mark": known(mark), "v6only": v6only,
            }));
        }
    }
}
