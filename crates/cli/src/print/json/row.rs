//! A row of the socket table, written piece by piece.

use std::{net::SocketAddr, num::NonZeroU32};

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;
use timewait_facts::{Owner, Socket, State};

use super::{OwnerRow, write_value};
use crate::print::line::Line;

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
    match socket.state {
        State::TimeWait => line.put(br#"{"v":1,"state":"time-wait","local":{"addr":""#),
        state => {
            line.put(br#"{"v":1,"state":""#);
            line.text(state.name());
            line.put(br#"","local":{"addr":""#);
        }
    }
    write_end(line, socket.local);
    line.put(br#","peer":{"addr":""#);
    write_end(line, socket.peer);
    line.put(br#","expires_in_ms":"#);
    decimal_or_null(line, socket.is_minisocket().then_some(socket.timer.expires_ms));
    line.put(br#","cookie":""#);
    line.hexadecimal(socket.cookie.0);
    if is_plain(socket) {
        line.put(br#"","inode":null,"uid":null,"owner":null,"timer":"time-wait","timer_ms":"#);
        line.decimal(socket.timer.expires_ms);
        line.put(PLAIN_END);
        return;
    }
    line.put(br#"","inode":"#);
    decimal_or_null(line, socket.inode.map(NonZeroU32::get));
    line.put(br#","uid":"#);
    decimal_or_null(line, socket.uid);
    line.put(br#","owner":"#);
    match owner {
        // Writing to a line cannot fail.
        Some(owner) => drop(write_value(line, &OwnerRow(owner))),
        None => line.put(b"null"),
    }
    line.put(br#","timer":""#);
    line.text(socket.timer.kind.name());
    line.put(br#"","timer_ms":"#);
    line.decimal(socket.timer.expires_ms);
    write_rest(line, socket);
}

/// What ends the row of a minisocket that has nothing but its ends and its timer.
const PLAIN_END: &[u8; 89] =
    br#","retries":0,"receive_queue":0,"send_queue":0,"interface":null,"mark":null,"v6only":null}"#;

/// Nearly all rows of a large table are such.
fn is_plain(socket: &Socket) -> bool {
    socket.is_minisocket()
        && (socket.timer.retries, socket.receive_queue, socket.send_queue) == (0, 0, 0)
        && (socket.inode, socket.uid, socket.interface, socket.mark, socket.v6only)
            == (None, None, None, None, None)
}

fn write_rest(line: &mut Line, socket: &Socket) {
    line.put(br#","retries":"#);
    line.decimal(u32::from(socket.timer.retries));
    line.put(br#","receive_queue":"#);
    line.decimal(socket.receive_queue);
    line.put(br#","send_queue":"#);
    line.decimal(socket.send_queue);
    line.put(br#","interface":"#);
    decimal_or_null(line, socket.interface.map(NonZeroU32::get));
    line.put(br#","mark":"#);
    decimal_or_null(line, socket.mark);
    line.put(br#","v6only":"#);
    match socket.v6only {
        None => line.put(b"null"),
        Some(true) => line.put(b"true"),
        Some(false) => line.put(b"false"),
    }
    line.put(b"}");
}

fn write_end(line: &mut Line, end: SocketAddr) {
    line.address(end.ip());
    line.put(br#"","port":"#);
    line.decimal(u32::from(end.port()));
    line.put(b"}");
}

fn decimal_or_null(line: &mut Line, value: Option<u32>) {
    match value {
        Some(value) => line.decimal(value),
        None => line.put(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use timewait_facts::{Cookie, Timer, TimerKind, Untrusted};

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
