//! The report as text, and as JSON.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;
use timewait_diagnose::ports::{Question, Reuse, forecast::Reached};

use super::judge::{First, Motion, Report, Row};
use crate::{
    print::{Paint, Tone, grid, json as print_json, label},
    words::ports as words,
};

/// Destinations for which it is said at length what helps.
const TOLD: usize = 3;

pub(super) fn text(out: &mut impl Write, report: &Report, paint: Paint) -> io::Result<()> {
    if let Some(name) = &report.name {
        writeln!(out, "{}", paint.tone(Tone::Heading, &words::namespace(name)))?;
    }
    writeln!(out, "{}", words::range(&report.facts, &report.common))?;
    if report.rows.is_empty() {
        return writeln!(out, "{}", words::none(report.address.as_ref()));
    }
    writeln!(out)?;
    let tone = |row: &Row| row.is_bad.then_some(Tone::Bad);
    let rows: Vec<_> =
        report.rows.iter().map(|row| (words::row(&row.share, &report.common), tone(row))).collect();
    grid(out, paint, (words::HEADINGS, 2), &rows)?;
    if report.more > 0 {
        writeln!(out, "{}", words::more(report.more))?;
    }
    if report.uncounted > 0 {
        writeln!(out, "{}", words::uncounted(report.uncounted))?;
    }
    writeln!(out, "{}", words::inferred(&report.facts))?;
    if let Some(sum) = report.watched {
        writeln!(out)?;
        let moving: Vec<_> = report.rows.iter().filter_map(|row| Some((forecast(row)?, tone(row)))).collect();
        if !moving.is_empty() {
            grid(out, paint, (words::FORECAST, 3), &moving)?;
        }
        for line in words::watched(sum.time, sum.opened, sum.seen) {
            writeln!(out, "{line}")?;
        }
    }
    for row in report.rows.iter().filter(|row| !row.advice.is_empty()).take(TOLD) {
        let Question { from, to } = row.share.question;
        writeln!(out, "\n{}", paint.tone(Tone::Heading, &words::pair(from, to)))?;
        let lines: Vec<String> = row.advice.iter().map(|&advice| words::advice(advice)).collect();
        label(out, paint, "do", &lines)?;
    }
    Ok(())
}

/// A row of the forecast, for a destination that moves or is short.
fn forecast(row: &Row) -> Option<[String; 6]> {
    let motion = row.motion.filter(|motion| motion.new > 0.0 || row.is_bad)?;
    let Question { from, to } = row.share.question;
    Some([
        from.to_string(),
        to.to_string(),
        words::first(motion.first == First::Here, motion.first == First::There, motion.first == First::Both)
            .to_owned(),
        words::rate(motion.new),
        words::when(motion.cliff),
        words::when(motion.refused),
    ])
}

#[derive(Serialize)]
struct Object<'a> {
    v: u8,
    netns: Option<&'a str>,
    range: [u16; 2],
    reserved: u32,
    bound: u32,
    usable: u32,
    cliff_at: u32,
    uneven: bool,
    tcp_tw_reuse: u8,
    tcp_tw_reuse_delay_ms: u64,
    timestamps: bool,
    watched_ms: Option<u64>,
    opened_per_second: Option<f64>,
    destinations: Vec<Destination>,
    more: usize,
    uncounted: u64,
    inferred: &'static [&'static str],
}

/// Fields that no table shows as such.
const INFERRED: [&str; 7] =
    ["reusable", "left", "assumed", "closes_first", "cliff_in_ms", "refused_in_ms", "levels_off_at"];

#[derive(Serialize)]
struct End {
    addr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

#[derive(Serialize)]
struct Destination {
    from: End,
    to: End,
    bound: u32,
    taken: u32,
    time_wait: u32,
    reusable: u32,
    free: u32,
    left: u32,
    assumed: u32,
    short: bool,
    forecast: Option<Forecast>,
    remedies: Vec<Remedy>,
}

#[derive(Serialize)]
struct Forecast {
    new_per_second: f64,
    time_wait_per_second: f64,
    open_growth_per_second: f64,
    closes_first: Option<&'static str>,
    cliff_in_ms: Option<u64>,
    refused_in_ms: Option<u64>,
    levels_off_at: Option<u32>,
}

#[derive(Serialize)]
struct Remedy {
    code: &'static str,
    text: String,
}

pub(super) fn json(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let (facts, common) = (&report.facts, &report.common);
    print_json::write_line(
        out,
        &Object {
            v: print_json::VERSION,
            netns: report.name.as_deref(),
            range: [facts.range.first(), facts.range.last()],
            reserved: common.reserved,
            bound: common.bound,
            usable: common.usable(),
            cliff_at: common.cliff_at,
            uneven: common.uneven,
            tcp_tw_reuse: match facts.reuse {
                Reuse::Never => 0,
                Reuse::Always => 1,
                Reuse::Loopback => 2,
            },
            tcp_tw_reuse_delay_ms: ms(facts.reuse_delay),
            timestamps: facts.timestamps,
            watched_ms: report.watched.map(|sum| ms(sum.time)),
            opened_per_second: report.watched.and_then(|sum| sum.opened).map(rounded),
            destinations: report.rows.iter().map(|row| destination(row, common.bound)).collect(),
            more: report.more,
            uncounted: report.uncounted,
            inferred: &INFERRED,
        },
    )
}

fn destination(row: &Row, bound: u32) -> Destination {
    let share = &row.share;
    let Question { from, to } = share.question;
    Destination {
        from: End { addr: from.to_string(), port: None },
        to: End { addr: to.ip().to_string(), port: Some(to.port()) },
        bound,
        taken: share.taken,
        time_wait: share.time_wait,
        reusable: share.reusable,
        free: share.free,
        left: share.left(),
        assumed: share.assumed,
        short: row.is_bad,
        forecast: row.motion.map(|motion| foretold(&motion)),
        remedies: row
            .advice
            .iter()
            .map(|&advice| Remedy { code: advice.name(), text: words::advice(advice) })
            .collect(),
    }
}

fn foretold(motion: &Motion) -> Forecast {
    let when = |reached| match reached {
        Reached::Already => Some(0),
        Reached::In(time) => Some(ms(time)),
        Reached::Not { .. } => None,
    };
    Forecast {
        new_per_second: rounded(motion.new),
        time_wait_per_second: rounded(motion.pace.made),
        open_growth_per_second: rounded(motion.pace.growth),
        closes_first: match motion.first {
            First::Here => Some("here"),
            First::There => Some("there"),
            First::Both => Some("both"),
            First::Unknown => None,
        },
        cliff_in_ms: when(motion.cliff),
        refused_in_ms: when(motion.refused),
        levels_off_at: match motion.refused {
            Reached::Not { most } => Some(most),
            Reached::Already | Reached::In(_) => None,
        },
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// To a thousandth: more would be noise.
fn rounded(rate: f64) -> f64 {
    (rate * 1e3).round() / 1e3
}
