//! What was found, as the contract has it.

use std::io::Write;

use serde::Serialize;
use timewait_model::{Explored, Question};
use timewait_tcp::{Row, Seen, Side, Trace};

use super::{
    ASKED,
    explore::{Found, Sweep},
};
use crate::print::json;

#[derive(Serialize)]
struct Report<'a> {
    v: u8,
    msl: u8,
    losses: u8,
    repeats: u8,
    every: u8,
    retransmissions: u8,
    both_close: bool,
    rst_kills_time_wait: bool,
    any_ack_restarts: bool,
    handshake: bool,
    text_apart: bool,
    reopen_on_newer_syn: bool,
    timestamps: bool,
    wait: u8,
    rows: Vec<Wait>,
    first_wait: First,
    sweep: Option<Vec<Moved<'a>>>,
}

#[derive(Serialize)]
struct Wait {
    wait: usize,
    states: u32,
    steps: u64,
    ends_reliably: bool,
    nothing_old_accepted: bool,
    not_even_an_rst: bool,
    text_is_kept: bool,
    both_end: bool,
    counterexample: Option<Vec<Step>>,
}

#[derive(Serialize)]
struct First {
    ends_reliably: Option<usize>,
    nothing_old_accepted: Option<usize>,
    not_even_an_rst: Option<usize>,
}

#[derive(Serialize)]
struct Moved<'a> {
    moved: &'a str,
    msl: u8,
    losses: u8,
    every: u8,
    first_wait: First,
}

/// A row of the ladder.
#[derive(Serialize)]
struct Step {
    tick: u64,
    #[serde(flatten)]
    seen: Happened,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Happened {
    Segment {
        from: Side,
        connection: u32,
        flags: Vec<&'static str>,
        seq: u32,
        ack: Option<u32>,
        text: String,
        fate: timewait_tcp::Fate,
    },
    State {
        side: Side,
        connection: u32,
        state: &'static str,
    },
    Note {
        side: Option<Side>,
        note: String,
    },
}

pub(super) fn print(out: &mut impl Write, found: &Found, sweep: Option<&Sweep>) -> anyhow::Result<()> {
    let bounds = found.bounds;
    let report = Report {
        v: json::VERSION,
        msl: bounds.msl,
        losses: bounds.losses,
        repeats: bounds.repeats,
        every: bounds.every,
        retransmissions: bounds.retransmissions,
        both_close: bounds.both_close,
        rst_kills_time_wait: bounds.rst_kills_time_wait,
        any_ack_restarts: bounds.any_ack_restarts,
        handshake: bounds.handshake,
        text_apart: bounds.text_apart,
        reopen_on_newer_syn: bounds.reopen_on_newer_syn,
        timestamps: bounds.timestamps,
        wait: found.wait,
        rows: found.rows.iter().enumerate().map(wait).collect(),
        first_wait: First {
            ends_reliably: found.first(Question::EndsReliably),
            nothing_old_accepted: found.first(Question::NothingOldAccepted),
            not_even_an_rst: found.first(Question::NotEvenAnRst),
        },
        sweep: sweep.map(|sweep| sweep.rows.iter().map(moved).collect()),
    };
    json::write_line(out, &report)?;
    Ok(())
}

fn wait((wait, row): (usize, &Explored)) -> Wait {
    let questions = ASKED.into_iter().chain([Question::NotEvenAnRst]);
    let trace = questions.into_iter().find_map(|question| row.counterexample(question));
    Wait {
        wait,
        states: row.states,
        steps: row.steps,
        ends_reliably: row.holds(Question::EndsReliably),
        nothing_old_accepted: row.holds(Question::NothingOldAccepted),
        not_even_an_rst: row.holds(Question::NotEvenAnRst),
        text_is_kept: row.holds(Question::TextIsKept),
        both_end: row.holds(Question::BothEnd),
        counterexample: trace.map(steps),
    }
}

fn moved(moved: &super::explore::Moved) -> Moved<'_> {
    let [ends_reliably, nothing_old_accepted, not_even_an_rst] = moved.first;
    Moved {
        moved: moved.bound,
        msl: moved.bounds.msl,
        losses: moved.bounds.losses,
        every: moved.bounds.every,
        first_wait: First { ends_reliably, nothing_old_accepted, not_even_an_rst },
    }
}

fn steps(trace: Trace) -> Vec<Step> {
    trace.rows.into_iter().map(|Row { at, seen }| Step { tick: at.as_secs(), seen: happened(seen) }).collect()
}

fn happened(seen: Seen) -> Happened {
    match seen {
        Seen::Segment { from, connection, segment, fate, .. } => Happened::Segment {
            from,
            connection,
            flags: segment.flags.names().collect(),
            seq: segment.seq.get(),
            ack: segment.ack.map(timewait_tcp::Seq::get),
            text: segment.text.escape_ascii().to_string(),
            fate,
        },
        Seen::State { side, connection, state } => Happened::State { side, connection, state: state.name() },
        Seen::Note { side, text } => Happened::Note { side, note: text },
    }
}
