//! Sums of closes: a row for each service, container or program, and port.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use timewait_facts::{Owner, Untrusted, Workload};

use super::{Close, First, Known, Port};

/// Rows at most; what belongs to none of them is counted in one row without a process.
const ROWS: usize = 4096;
/// Process ids kept for a row; with more, their number is a lower bound.
const IDS: usize = 1024;

/// What was counted, in total and row by row.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    rows: Vec<Row>,
    by_key: HashMap<Key, usize>,
}

/// The closes of one service, container or program on one port.
#[derive(Clone, Debug)]
pub struct Row {
    /// A process of the row: the first that was seen.
    pub owner: Option<Arc<Owner>>,
    /// How the processes of this row are known; `None` where they are not.
    pub known: Option<Known>,
    /// The port; `None` in the row of those for which there was no room.
    pub port: Option<Port>,
    /// What was counted.
    pub counts: Counts,
    ids: BTreeSet<u32>,
}

/// Numbers of closed ends of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// This side closed first.
    pub us: u64,
    /// The peer did.
    pub peer: u64,
    /// Both at once.
    pub both: u64,
    /// Ended by an RST, or without a word.
    pub reset: u64,
    /// Gone, and nobody saw who was first.
    pub unseen: u64,
    /// Of these, who was first is a conclusion.
    pub inferred_first: u64,
    /// Of these, seen in TIME-WAIT in the socket table.
    pub time_wait: u64,
}

impl Counts {
    /// All closed ends.
    pub fn closed(&self) -> u64 {
        self.us + self.peer + self.both + self.reset + self.unseen
    }

    /// Those that go to TIME-WAIT, if nothing prevents it.
    pub fn may_wait(&self) -> u64 {
        self.us + self.both
    }

    fn add(&mut self, close: &Close) {
        match close.first {
            First::Us => self.us += 1,
            First::Peer => self.peer += 1,
            First::Both => self.both += 1,
            First::Reset(_) => self.reset += 1,
            First::Unseen => self.unseen += 1,
        }
        self.inferred_first += u64::from(close.first_inferred.is_some());
    }

    fn plus(self, other: Self) -> Self {
        Self {
            us: self.us + other.us,
            peer: self.peer + other.peer,
            both: self.both + other.both,
            reset: self.reset + other.reset,
            unseen: self.unseen + other.unseen,
            inferred_first: self.inferred_first + other.inferred_first,
            time_wait: self.time_wait + other.time_wait,
        }
    }
}

/// How many closes have a process, by how that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributed {
    /// The kernel ran the close in the process's context.
    pub probed: u64,
    /// Sampled while it lived.
    pub sampled: u64,
    /// Concluded.
    pub inferred: u64,
    /// None.
    pub unknown: u64,
}

/// Which row of a [`Tally`] a close was counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowNumber(usize);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    who: Option<(Who, Known)>,
    port: Option<Port>,
}

/// Processes of one service or container belong together, whatever their names; else those of one name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Workload(Workload),
    Command(Untrusted),
}

impl Who {
    fn of(owner: &Owner) -> Self {
        owner.workload().map_or_else(|| Self::Command(owner.command.clone()), Self::Workload)
    }
}

impl Row {
    /// How many processes were seen.
    pub fn processes(&self) -> usize {
        self.ids.len()
    }
}

impl Tally {
    /// The rows, those with most closes first.
    pub fn rows(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().filter(|row| row.counts != Counts::default()).collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.counts.closed()), row.port));
        rows
    }

    /// The sums over all rows.
    pub fn total(&self) -> Counts {
        self.rows.iter().fold(Counts::default(), |sum, row| sum.plus(row.counts))
    }

    /// How many have a process.
    pub fn attributed(&self) -> Attributed {
        let mut sum = Attributed::default();
        for row in &self.rows {
            let of_kind = match row.known {
                Some(Known::Probed) => &mut sum.probed,
                Some(Known::Sampled) => &mut sum.sampled,
                Some(Known::Inferred(_)) => &mut sum.inferred,
                None => &mut sum.unknown,
            };
            *of_kind += row.counts.closed();
        }
        sum
    }

    pub(super) fn add(&mut self, close: &Close, port: Port) -> RowNumber {
        let who = close.by.as_ref().map(|by| (Who::of(&by.owner), by.known));
        let mut number = self.number(Key { who, port: Some(port) }, close);
        if number.0 >= ROWS {
            number = self.number(Key { who: None, port: None }, close);
        }
        if let Some(row) = self.rows.get_mut(number.0) {
            row.counts.add(close);
            if let Some(by) = close.by.as_ref().filter(|_| row.known.is_some() && row.ids.len() < IDS) {
                row.ids.insert(by.owner.pid);
            }
        }
        number
    }

    /// A close that was counted in this row has now been seen in TIME-WAIT.
    pub(super) fn waits(&mut self, number: RowNumber) {
        if let Some(row) = self.rows.get_mut(number.0) {
            row.counts.time_wait += 1;
        }
    }

    /// The row with this key; made where there is room, and always for those that belong to none.
    fn number(&mut self, key: Key, close: &Close) -> RowNumber {
        if let Some(&number) = self.by_key.get(&key) {
            return RowNumber(number);
        }
        if self.rows.len() >= ROWS && key.port.is_some() {
            return RowNumber(usize::MAX);
        }
        let by = key.who.as_ref().and(close.by.as_ref());
        self.rows.push(Row {
            owner: by.map(|by| Arc::clone(&by.owner)),
            known: by.map(|by| by.known),
            port: key.port,
            counts: Counts::default(),
            ids: BTreeSet::new(),
        });
        self.by_key.insert(key, self.rows.len() - 1);
        RowNumber(self.rows.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::closes::{Attribution, OwnerBecause};

    fn close(first: First, by: Option<(&str, u32, Known)>) -> Close {
        let by = by.map(|(command, pid, known)| {
            let command = Untrusted::from(command.as_bytes());
            Attribution { owner: Arc::new(Owner { pid, command, cgroup: None, processes: 1 }), known }
        });
        Close {
            at: Duration::ZERO,
            local: "127.0.0.1:9000".parse().unwrap(),
            peer: "127.0.0.1:40000".parse().unwrap(),
            cookie: None,
            first,
            first_inferred: None,
            by,
        }
    }

    #[test]
    fn processes_of_one_name_share_a_row_and_what_is_inferred_has_its_own() {
        let mut tally = Tally::default();
        let port = Port::Local(9000);
        let inferred = Known::Inferred(OwnerBecause::Listener);
        let number = tally.add(&close(First::Us, Some(("web", 1, Known::Sampled))), port);
        tally.add(&close(First::Peer, Some(("web", 2, Known::Sampled))), port);
        tally.add(&close(First::Us, Some(("web", 1, inferred))), port);
        tally.add(&close(First::Unseen, None), port);
        tally.waits(number);

        let rows = tally.rows();
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[0].counts.us, rows[0].counts.peer, rows[0].counts.time_wait), (1, 1, 1));
        assert_eq!(rows[0].processes(), 2);
        let by_kind = Attributed { probed: 0, sampled: 2, inferred: 1, unknown: 1 };
        assert_eq!(tally.attributed(), by_kind);
        assert_eq!(tally.total().closed(), 4);
    }

    #[test]
    fn processes_of_one_unit_share_a_row_whatever_their_names() {
        let mut tally = Tally::default();
        for (pid, command) in [(1, "master"), (2, "worker")] {
            let mut close = close(First::Us, Some((command, pid, Known::Probed)));
            let owner = Owner {
                cgroup: Some(Untrusted::from(&b"/system.slice/web.service"[..])),
                ..(*close.by.as_ref().unwrap().owner).clone()
            };
            close.by.as_mut().unwrap().owner = Arc::new(owner);
            tally.add(&close, Port::Local(80));
        }
        assert_eq!(tally.rows().len(), 1);
    }

    #[test]
    fn beyond_the_last_row_closes_are_counted_all_the_same() {
        let mut tally = Tally::default();
        let count = u32::try_from(ROWS).unwrap() + 10;
        for pid in 0..count {
            let name = format!("p{pid}");
            tally.add(&close(First::Us, Some((&name, pid, Known::Probed))), Port::Destination(443));
        }
        assert_eq!(tally.total().us, u64::from(count));
        assert_eq!(tally.attributed().unknown, 10);
        assert_eq!(tally.rows().len(), ROWS + 1);
    }
}
