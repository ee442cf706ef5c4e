//! Groups as a table, and as JSON.

use std::io::{self, Write};

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{Group, Key, Line};
use crate::{
    args::By,
    ls::{Asked, Known},
    print::{
        grid,
        json::{self, OwnerRow, Shown},
        owner_text, time_of_day_in,
    },
    words::ls as words,
};

pub(super) fn as_text(
    out: &mut impl Write,
    asked: &Asked<'_>,
    lines: &[Line],
    owners: &Known,
) -> io::Result<()> {
    let by = asked.args.arrange.by.map_or("", By::name);
    let rows: Vec<_> = lines
        .iter()
        .map(|(key, group)| {
            let shared = owners.by_inode(group.inode).filter(|_| matches!(key, Key::Process(_)));
            let left = group.last_ms.map_or_else(|| "-".to_owned(), words::seconds);
            ([shared.map_or_else(|| key.to_string(), owner_text), words::count(group.count), left], None)
        })
        .collect();
    grid(out, asked.paint, ([by, "sockets", "left"], 1), &rows)
}

/// `2 groups; 1,212 sockets in time-wait; the last expires at 14:02:31`
pub(super) fn footer(
    asked: &Asked<'_>,
    (shown, found): (usize, usize),
    rows: u64,
    last_ms: Option<u32>,
) -> String {
    let mut text = format!("{}; {}", words::groups(shown, found), words::total(rows, asked.query.states));
    if let Some(last) = last_ms {
        let at = time_of_day_in(std::time::Duration::from_millis(last.into()));
        text = format!("{text}; {}", words::last_expires(rows, &at));
    }
    text
}

pub(super) fn as_json(out: &mut impl Write, by: By, lines: &[Line], owners: &Known) -> io::Result<()> {
    lines.iter().try_for_each(|line| json::write_line(out, &Row { by, line, owners }))
}

struct Row<'a> {
    by: By,
    line: &'a Line,
    owners: &'a Known,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct End {
            addr: Shown<std::net::IpAddr>,
            port: Option<u16>,
        }
        let (key, Group { count, last_ms, inode }) = *self.line;
        let mut row = serializer.serialize_map(None)?;
        row.serialize_entry("v", &json::VERSION)?;
        row.serialize_entry("by", self.by.name())?;
        match key {
            Key::End(ip, port) => row.serialize_entry(self.by.name(), &End { addr: Shown(ip), port })?,
            Key::NoPeer => row.serialize_entry(self.by.name(), &None::<End>)?,
            Key::State(state) => row.serialize_entry("state", state.name())?,
            Key::Process(_) => row.serialize_entry("owner", &self.owners.by_inode(inode).map(OwnerRow))?,
            Key::Unseen | Key::NoProcess => {
                row.serialize_entry("owner", &None::<()>)?;
                let reason = if key == Key::Unseen { "not-seen" } else { "no-process" };
                row.serialize_entry("reason", reason)?;
            }
        }
        row.serialize_entry("count", &count)?;
        row.serialize_entry("last_expires_in_ms", &last_ms)?;
        row.end()
    }
}
