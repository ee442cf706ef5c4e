//! JSON as the contract has it: version 1, fields may be added, never renamed.

use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::ser::{CharEscape, Formatter};
use timewait_facts::{Owner, Socket, Untrusted};

/// Of every JSON object that this program prints.
pub(crate) const VERSION: u8 = 1;

/// Writes a value as one line.
///
/// # Errors
/// The writer's.
pub(crate) fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Visible);
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Compact JSON in which no character acts on a terminal: those that [`Untrusted::is_invisible`] names are
/// written as `\uXXXX`, which reads back as the same.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|&(_, c)| Untrusted::is_invisible(c)) {
            let (before, after) = rest.split_at(at);
            out.write_all(before.as_bytes())?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = after.get(hidden.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(out, escape)
    }
}

/// A row of the socket table.
pub(crate) struct Row<'a>(pub(crate) &'a Socket, pub(crate) Option<&'a Owner>);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(socket, owner) = *self;
        let mut row = serializer.serialize_struct("Row", 17)?;
        row.serialize_field("v", &VERSION)?;
        row.serialize_field("state", socket.state.name())?;
        row.serialize_field("local", &End(socket.local))?;
        row.serialize_field("peer", &End(socket.peer))?;
        row.serialize_field("expires_in_ms", &socket.is_minisocket().then_some(socket.timer.expires_ms))?;
        row.serialize_field("cookie", &Shown(socket.cookie))?;
        row.serialize_field("inode", &socket.inode)?;
        row.serialize_field("uid", &socket.uid)?;
        row.serialize_field("owner", &owner.map(OwnerRow))?;
        row.serialize_field("timer", socket.timer.kind.name())?;
        row.serialize_field("timer_ms", &socket.timer.expires_ms)?;
        row.serialize_field("retries", &socket.timer.retries)?;
        row.serialize_field("receive_queue", &socket.receive_queue)?;
        row.serialize_field("send_queue", &socket.send_queue)?;
        row.serialize_field("interface", &socket.interface)?;
        row.serialize_field("mark", &socket.mark)?;
        row.serialize_field("v6only", &socket.v6only)?;
        row.end()
    }
}

/// One end of a connection.
pub(crate) struct End(pub(crate) SocketAddr);

impl Serialize for End {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut end = serializer.serialize_struct("End", 2)?;
        end.serialize_field("addr", &Shown(self.0.ip()))?;
        end.serialize_field("port", &self.0.port())?;
        end.end()
    }
}

/// A value by what it displays, without an allocation.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A process.
pub(crate) struct OwnerRow<'a>(pub(crate) &'a Owner);

impl Serialize for OwnerRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let owner = self.0;
        let text = |text: &Untrusted| String::from_utf8_lossy(text.as_bytes()).into_owned();
        let mut row = serializer.serialize_struct("Owner", 5)?;
        row.serialize_field("pid", &owner.pid)?;
        row.serialize_field("command", &text(&owner.command))?;
        row.serialize_field("unit", &owner.unit().as_ref().map(text))?;
        row.serialize_field("cgroup", &owner.cgroup.as_ref().map(text))?;
        row.serialize_field("processes", &owner.processes)?;
        row.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use timewait_facts::{Cookie, State, Timer, TimerKind};

    fn line(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        write_line(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
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
        let written = line(&Row(&socket, None));
        assert!(written.starts_with(expected), "{written}");
        let listening = Socket { state: State::Listen, timer: Timer::OFF, ..socket };
        assert!(line(&Row(&listening, None)).contains(r#""expires_in_ms":null"#), "a listener never expires");
    }

    proptest! {
        #[test]
        fn a_stranger_s_text_reads_back_as_the_same_and_has_nothing_invisible(text: String) {
            let written = line(&text);
            prop_assert!(!written.trim_end_matches('\n').chars().any(Untrusted::is_invisible));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
