//! `ls --by`: how many sockets share an end, a state or a process.

mod key;
mod print;

use std::{io::Write, num::NonZeroU32, ops::ControlFlow};

use anyhow::bail;
use hashbrown::HashMap;
use timewait_facts::States;
use timewait_linux::sockets::{Query, Row, SocketTable};

use super::{Asked, Known, order::First};
use key::{Key, Packed};

use crate::{
    args::{By, Sort},
    port_facts,
    words::ls as words,
};

/// What is known of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Group {
    count: u64,
    /// Milliseconds until the last of its minisockets goes.
    last_ms: Option<u32>,
    /// The file behind one of them.
    inode: Option<NonZeroU32>,
}

type Line = (Key, Group);

pub(super) fn list(
    out: &mut impl Write,
    table: &mut SocketTable,
    asked: &Asked<'_>,
    by: By,
) -> anyhow::Result<()> {
    if by == By::Process && asked.query.states == States::TIME_WAIT {
        bail!(words::no_processes_in_time_wait());
    }
    let owners = if by == By::Process { Known::read(asked.query.states) } else { Known::nobody() };
    if by == By::Process && !owners.can_tell() {
        bail!(words::no_groups_without_owners());
    }
    let serving =
        if matches!(by, By::Local | By::Peer) { Serving::read(table, asked)? } else { Serving::NONE };
    // Its hash is seeded at random: strangers' addresses cannot be aimed at it.
    let mut groups = HashMap::<Packed, Group>::new();
    let rows = table
        .dump(&asked.query, |row| {
            let key = Packed::of(row, by, &serving, &owners);
            match groups.get_mut(&key) {
                Some(group) => group.add(row),
                None => groups.entry(key).or_default().add(row),
            }
            ControlFlow::Continue(())
        })?
        .rows;
    let found = groups.len();
    let sort = asked.args.arrange.sort.unwrap_or(Sort::Count);
    let mut first =
        First::new(asked.args.arrange.limit, |one: &Line, other: &Line| of_groups(sort, one, other));
    let last_ms = groups.values().filter_map(|group| group.last_ms).max();
    for (key, group) in groups {
        first.add((key.unpack(), group));
    }
    let lines = first.in_order();
    if asked.args.json {
        print::as_json(out, by, &lines, &owners)?;
    } else if rows == 0 {
        return super::empty::nothing_there(out, table, asked);
    } else {
        print::as_text(out, asked, &lines, &owners)?;
        writeln!(out, "{}", print::footer(asked, (lines.len(), found), rows, last_ms))?;
    }
    owners.say_what_is_hidden(lines.iter().any(|(key, _)| *key == Key::Unseen));
    Ok(())
}

fn of_groups(sort: Sort, one: &Line, other: &Line) -> std::cmp::Ordering {
    match sort {
        Sort::Count => other.1.count.cmp(&one.1.count),
        Sort::Left => other.1.last_ms.cmp(&one.1.last_ms),
        Sort::Local | Sort::Peer => std::cmp::Ordering::Equal,
    }
    .then_with(|| one.0.cmp(&other.0))
}

impl Group {
    #[inline]
    fn add(&mut self, row: Row<'_>) {
        self.count += 1;
        self.last_ms = self.last_ms.max(row.expires_ms());
        self.inode = self.inode.or(row.inode());
    }
}

/// The local ports of services: those that listen, and those that the kernel does not choose for outgoing connections.
/// On such a port this side was called, and the port of the peer is any; on another it called, and its own port is.
struct Serving(Vec<bool>);

impl Serving {
    const NONE: Self = Self(Vec::new());

    fn read(table: &mut SocketTable, asked: &Asked<'_>) -> anyhow::Result<Self> {
        let chosen = port_facts::local_ports(asked.netns);
        let mut serving: Vec<bool> = (0..=u16::MAX).map(|port| !chosen.offers(port)).collect();
        table.dump(&Query::in_states(States::LISTEN), |row| {
            let [local, _] = row.ends();
            if let Some(port) = serving.get_mut(usize::from(local.port())) {
                *port = true;
            }
            ControlFlow::Continue(())
        })?;
        Ok(Self(serving))
    }

    fn has(&self, port: u16) -> bool {
        self.0.get(usize::from(port)).copied().unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering;

    #[test]
    fn groups_are_ordered_by_count_the_largest_first_then_by_what_they_share() {
        let line = |octet, count, last_ms| {
            (Key::End([10, 0, 0, octet].into(), None), Group { count, last_ms, inode: None })
        };
        let (many, few, also_few) = (line(9, 5, Some(1)), line(1, 2, Some(3)), line(2, 2, None));
        assert_eq!(of_groups(Sort::Count, &many, &few), Ordering::Less);
        assert_eq!(of_groups(Sort::Count, &few, &also_few), Ordering::Less);
        assert_eq!(of_groups(Sort::Left, &few, &many), Ordering::Less);
        assert_eq!(
            of_groups(Sort::Left, &many, &also_few),
            Ordering::Less,
            "what expires before what does not"
        );
        assert_eq!(of_groups(Sort::Peer, &few, &also_few), Ordering::Less);
    }
}
