//! A row of the socket table, written piece by piece.
#![allow(clippy::inline_always, reason = "so that of a socket only what is shown is computed")]

use std::num::NonZeroU32;

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;
use timewait_facts::{Minisocket, Owner, Socket, State};

use super::{OwnerRow, write_value};
use crate::print::line::{Endpoint, Line, Pen, Piece};

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
pub(crate) fn write_row(line: &mut Line, socket: &Socket, owner: Option<&Owner>) {
    // Of some minisockets there may be more to say one day.
    let plain = socket.minisocket().filter(|mini| owner.is_none() && Socket::from(*mini) == *socket);
    if let Some(mini) = plain {
        return line.pen(|pen| behind_cookie(up_to_cookie(pen, mini), mini.interface, mini.mark));
    }
    line.pen(|pen| before_owner(pen, socket));
    match owner {
        None => line.text("null"),
        // Writing to a line cannot fail.
        Some(owner) => drop(write_value(line, &OwnerRow(owner))),
    }
    line.pen(|pen| behind_owner(pen, socket));
}

/// Writes a minisocket as an object on a line of its own, without the fields of what it has not: nearly all rows of a large
/// table are such.
#[inline(always)]
pub(crate) fn write_minisocket_line(pen: Pen<'_>, mini: Minisocket<impl Endpoint>) -> Pen<'_> {
    let pen = up_to_cookie(pen, mini);
    if (mini.interface, mini.mark.unwrap_or_default()) == (None, 0) {
        return pen.put(b"\",\"inode\":null,\"uid\":null,\"owner\":null}\n");
    }
    behind_cookie(pen, mini.interface, mini.mark).put(b"\n")
}

#[inline(always)]
fn up_to_cookie(pen: Pen<'_>, mini: Minisocket<impl Endpoint>) -> Pen<'_> {
    let pen = if mini.state == State::TimeWait {
        pen.put(br#"{"v":1,"state":"time-wait","local":{"addr":""#)
    } else {
        front(pen, mini.state)
    };
    let pen = end(end(pen, mini.local).put(br#"},"peer":{"addr":""#), mini.peer);
    let pen = pen.put(br#"},"expires_in_ms":"#).decimal(mini.expires_ms);
    pen.put(br#","cookie":""#).hexadecimal(mini.cookie.0)
}

#[cold]
fn behind_cookie(pen: Pen<'_>, interface: Option<NonZeroU32>, mark: Option<u32>) -> Pen<'_> {
    let mut pen = pen.put(br#"","inode":null,"uid":null,"owner":null"#);
    if let Some(interface) = interface {
        pen = pen.put(br#","interface":"#).decimal(interface.get());
    }
    if let Some(mark) = mark.filter(|mark| *mark != 0) {
        pen = pen.put(br#","mark":"#).decimal(mark);
    }
    pen.put(b"}")
}

fn before_owner<'p>(pen: Pen<'p>, socket: &Socket) -> Pen<'p> {
    let pen = end(front(pen, socket.state), socket.local);
    let pen = end(pen.put(br#"},"peer":{"addr":""#), socket.peer);
    let pen = pen.put(br#"},"expires_in_ms":"#);
    let pen = pen.piece(decimal_or_null(socket.minisocket().map(|mini| mini.expires_ms)));
    let pen = pen.put(br#","cookie":""#).hexadecimal(socket.cookie.0);
    let pen = pen.put(br#"","inode":"#).piece(decimal_or_null(socket.inode.map(NonZeroU32::get)));
    pen.put(br#","uid":"#).piece(decimal_or_null(socket.uid)).put(br#","owner":"#)
}

fn behind_owner<'p>(pen: Pen<'p>, socket: &Socket) -> Pen<'p> {
    let Socket { timer, receive_queue, send_queue, .. } = socket;
    let pen = pen.put(br#","timer":""#).text(timer.kind.name());
    let pen = pen.put(br#"","timer_ms":"#).decimal(timer.expires_ms);
    let pen = pen.put(br#","retries":"#).decimal(u32::from(timer.retries));
    let pen = pen.put(br#","receive_queue":"#).decimal(*receive_queue);
    let pen = pen.put(br#","send_queue":"#).decimal(*send_queue);
    let pen = pen.put(br#","interface":"#).piece(decimal_or_null(socket.interface.map(NonZeroU32::get)));
    let pen = pen.put(br#","mark":"#).piece(decimal_or_null(socket.mark));
    match socket.v6only {
        None => pen.put(br#","v6only":null}"#),
        Some(true) => pen.put(br#","v6only":true}"#),
        Some(false) => pen.put(br#","v6only":false}"#),
    }
}

/// A row up to its local address.
fn front(pen: Pen<'_>, state: State) -> Pen<'_> {
    pen.put(br#"{"v":1,"state":""#).piece(Piece::state(state)).put(br#"","local":{"addr":""#)
}

/// The rest of an end's object, but for what closes it.
#[inline(always)]
fn end(pen: Pen<'_>, end: impl Endpoint) -> Pen<'_> {
    end.write_address(pen).put(br#"","port":"#).decimal(end.port().into())
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
    use std::net::SocketAddr;
    use timewait_facts::{Cookie, Timer, TimerKind, Untrusted};

    fn written(socket: &Socket, owner: Option<&Owner>) -> String {
        let mut line = Line::default();
        write_row(&mut line, socket, owner);
        String::from_utf8(line.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_row_in_time_wait_is_as_the_contract_has_it() {
        let socket = Socket {
            timer: Timer { kind: TimerKind::TimeWait, expires_ms: 59_976, retries: 0 },
            cookie: Cookie(0x27_cbfc),
            ..Socket::bare(
                State::TimeWait,
                "127.0.0.1:9000".parse().unwrap(),
                "127.0.0.1:51234".parse().unwrap(),
            )
        };
        let expected = r#"{"v":1,"state":"time-wait","local":{"addr":"127.0.0.1","port":9000},"peer":{"addr":"127.0.0.1","port":51234},"expires_in_ms":59976,"cookie":"27cbfc","inode":null,"uid":null,"owner":null}"#;
        assert_eq!(written(&socket, None), expected);
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
            let mut expected = json!({
                "v": 1, "state": "established", "local": {"addr": "10.0.0.1", "port": port},
                "peer": {"addr": "2001:db8::1", "port": 443}, "expires_in_ms": waits.then_some(expires_ms), "cookie": format!("{cookie:x}"),
                "inode": NonZeroU32::new(inode), "uid": known(uid), "owner": null, "timer": kind.name(),
                "timer_ms": expires_ms, "retries": retries, "receive_queue": receive_queue,
                "send_queue": send_queue, "interface": NonZeroU32::new(interface), "mark": known(mark), "v6only": v6only,
            });
            let more_than_a_minisocket = !waits
                || (u32::from(retries), receive_queue, send_queue, uid, inode) != (0, 0, 0, 0, 0)
                || v6only.is_some();
            if !more_than_a_minisocket {
                let fields = expected.as_object_mut().unwrap();
                fields.retain(|name, value| match &**name {
                    "timer" | "timer_ms" | "retries" | "receive_queue" | "send_queue" | "v6only" => false,
                    "interface" | "mark" => !value.is_null(),
                    _ => true,
                });
            }
            prop_assert_eq!(row, expected);
        }

        #[test]
        fn a_minisocket_s_row_has_what_there_is_and_no_more(
            numbers in prop::array::uniform4(prop_oneof![Just(0_u32), any::<u32>()]), cookie: u64, told: bool, long: bool,
        ) {
            let [expires_ms, interface, mark, port] = numbers;
            let port = u16::try_from(port % 65_536).unwrap();
            let local = SocketAddr::from(([10, 0, 0, 1], port));
            let peer: SocketAddr = if long { "[2001:db8::1]:443" } else { "10.0.0.2:443" }.parse().unwrap();
            let mini = Minisocket {
                state: State::FinWait2, local, peer, expires_ms, cookie: Cookie(cookie),
                interface: NonZeroU32::new(interface), mark: told.then_some(mark),
            };
            let row: Value = serde_json::from_str(&written(&mini.into(), None)).unwrap();
            let mut expected = json!({
                "v": 1, "state": "fin-wait-2", "local": {"addr": "10.0.0.1", "port": port},
                "peer": {"addr": peer.ip().to_string(), "port": 443}, "expires_in_ms": expires_ms, "cookie": format!("{cookie:x}"),
                "inode": null, "uid": null, "owner": null,
            });
            if interface != 0 {
                expected["interface"] = interface.into();
            }
            if told && mark != 0 {
                expected["mark"] = mark.into();
            }
            prop_assert_eq!(row, expected);
        }
    }
}
