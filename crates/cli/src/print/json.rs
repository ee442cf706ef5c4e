//! JSON as the contract has it: version 1, fields may be added, never renamed.

mod row;

use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::ser::{CharEscape, Formatter};
use timewait_facts::{Owner, Untrusted};

pub(crate) use row::{Row, write_minisocket_line, write_row};

/// Of every JSON object that this program prints.
pub(crate) const VERSION: u8 = 1;

/// Writes a value as one line.
///
/// # Errors
/// The writer's.
pub(crate) fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    write_value(out, value)?;
    out.write_all(b"\n")
}

/// Writes a value within a line.
fn write_value(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Visible);
    Ok(value.serialize(&mut serializer)?)
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

    fn line(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        write_line(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
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
