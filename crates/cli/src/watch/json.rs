//! Closes and their sums as JSON, documented in `docs/json.md`.

use std::io::{self, Write};

use serde::Serialize;
use timewait_facts::{Untrusted, Workload};
use timewait_linux::closes::{
    Close, Counts, First, FirstBecause, Known, Lost, OwnerBecause, Port, Reset, Row,
};

use super::Seen;
use crate::{
    args,
    print::json::{End, OwnerRow, Shown, VERSION, write_line},
};

#[derive(Serialize)]
struct CloseLine<'a> {
    v: u8,
    event: &'static str,
    at_ms: u64,
    local: End,
    peer: End,
    cookie: Option<Shown<timewait_facts::Cookie>>,
    first: &'static str,
    reset: Option<&'static str>,
    first_inferred: Option<&'static str>,
    owner: Option<OwnerRow<'a>>,
    known_by: Option<&'static str>,
    inferred_from: Option<&'static str>,
}

pub(super) fn close(out: &mut impl Write, close: &Close) -> io::Result<()> {
    let known = close.by.as_ref().map(|by| by.known);
    let line = CloseLine {
        v: VERSION,
        event: "close",
        at_ms: ms(close.at),
        local: End(close.local),
        peer: End(close.peer),
        cookie: close.cookie.map(Shown),
        first: first(close.first),
        reset: reset(close.first),
        first_inferred: close.first_inferred.map(first_because),
        owner: close.by.as_ref().map(|by| OwnerRow(&by.owner)),
        known_by: known.map(known_by),
        inferred_from: known.and_then(inferred_from),
    };
    write_line(out, &line)
}

#[derive(Serialize)]
struct Summary<'a> {
    v: u8,
    event: &'static str,
    netns: Option<&'a str>,
    probe: bool,
    no_probe: Option<String>,
    watched_ms: u64,
    opened: Option<u64>,
    closed: Closed,
    attributed: Attributed,
    lost: Option<LostRow>,
    complete: bool,
    cost: CostRow,
    rows: Vec<RowLine>,
}

#[derive(Serialize)]
struct Closed {
    us: u64,
    peer: u64,
    both: u64,
    reset: u64,
    unseen: u64,
    inferred_first: u64,
    time_wait: u64,
}

#[derive(Serialize)]
struct Attributed {
    probe: u64,
    sample: u64,
    inferred: u64,
    unknown: u64,
}

#[derive(Serialize)]
struct LostRow {
    full: u64,
    nested: u64,
}

#[derive(Serialize)]
struct CostRow {
    cpu_ms: u64,
    looks: u64,
    passes: u64,
}

#[derive(Serialize)]
struct RowLine {
    command: Option<String>,
    unit: Option<String>,
    container: Option<String>,
    pid: Option<u32>,
    processes: usize,
    known_by: Option<&'static str>,
    inferred_from: Option<&'static str>,
    side: Option<&'static str>,
    port: Option<u16>,
    #[serde(flatten)]
    closed: Closed,
}

pub(super) fn summary(
    out: &mut impl Write,
    seen: &Seen<'_>,
    args: &args::Watch,
    no_probe: Option<String>,
) -> io::Result<()> {
    let Seen { watch, lost, opened } = *seen;
    let (tally, cost) = (watch.tally(), watch.cost());
    let attributed = tally.attributed();
    let summary = Summary {
        v: VERSION,
        event: "summary",
        netns: args.netns.as_deref(),
        probe: lost.is_some(),
        no_probe,
        watched_ms: ms(watch.elapsed()),
        opened,
        closed: tally.total().into(),
        attributed: Attributed {
            probe: attributed.probed,
            sample: attributed.sampled,
            inferred: attributed.inferred,
            unknown: attributed.unknown,
        },
        lost: lost.map(|Lost { full, nested }| LostRow { full, nested }),
        complete: lost.is_some_and(|lost| lost.changes() == 0) && !watch.overflowed(),
        cost: CostRow { cpu_ms: ms(cost.cpu), looks: cost.looks, passes: cost.passes },
        rows: tally.rows().into_iter().map(row).collect(),
    };
    write_line(out, &summary)
}

fn row(row: &Row) -> RowLine {
    let text = |text: &Untrusted| String::from_utf8_lossy(text.as_bytes()).into_owned();
    let owner = row.owner.as_ref();
    let workload = owner.and_then(|owner| owner.workload());
    let (side, port) = match row.port {
        Some(Port::Local(port)) => (Some("local"), Some(port)),
        Some(Port::Destination(port)) => (Some("destination"), Some(port)),
        None => (None, None),
    };
    RowLine {
        command: owner.map(|owner| text(&owner.command)),
        unit: match &workload {
            Some(Workload::Unit(unit)) => Some(text(unit)),
            Some(Workload::Container(_)) | None => None,
        },
        container: match &workload {
            Some(Workload::Container(id)) => Some(text(id)),
            Some(Workload::Unit(_)) | None => None,
        },
        pid: owner.map(|owner| owner.pid),
        processes: row.processes(),
        known_by: row.known.map(known_by),
        inferred_from: row.known.and_then(inferred_from),
        side,
        port,
        closed: row.counts.into(),
    }
}

impl From<Counts> for Closed {
    fn from(counts: Counts) -> Self {
        Self {
            us: counts.us,
            peer: counts.peer,
            both: counts.both,
            reset: counts.reset,
            unseen: counts.unseen,
            inferred_first: counts.inferred_first,
            time_wait: counts.time_wait,
        }
    }
}

fn ms(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn first(first: First) -> &'static str {
    match first {
        First::Us => "us",
        First::Peer => "peer",
        First::Both => "both",
        First::Reset(_) => "reset",
        First::Unseen => "unseen",
    }
}

fn reset(first: First) -> Option<&'static str> {
    match first {
        First::Reset(Reset::ByUs) => Some("us"),
        First::Reset(Reset::ByPeer) => Some("peer"),
        First::Reset(Reset::TimedOut) => Some("timeout"),
        First::Reset(Reset::Aborted) => Some("aborted"),
        First::Us | First::Peer | First::Both | First::Unseen => None,
    }
}

fn first_because(because: FirstBecause) -> &'static str {
    match because {
        FirstBecause::TimeWaitAlone => "time-wait",
        FirstBecause::OtherEndWaits => "other-end-waits",
    }
}

fn known_by(known: Known) -> &'static str {
    match known {
        Known::Probed => "probe",
        Known::Sampled => "sample",
        Known::Inferred(_) => "inferred",
    }
}

fn inferred_from(known: Known) -> Option<&'static str> {
    match known {
        Known::Inferred(OwnerBecause::Listener) => Some("listener"),
        Known::Inferred(OwnerBecause::OnlyClient) => Some("only-client"),
        Known::Probed | Known::Sampled => None,
    }
}
