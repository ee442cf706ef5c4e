//! A row a wait, the first waits that do, and the shortest disasters.

use std::io::Write;

use timewait_model::{Bounds, Explored, Question};
use timewait_tcp::draw::Ladder;

use super::{
    ASKED,
    explore::{Found, Sweep, TOLD},
};
use crate::{
    args::Model,
    print::{Paint, Tone, page, print_drawing, wrap},
    words::model as words,
};

const WIDTH: usize = 80;
/// Of a column of answers.
const ANSWER: usize = 17;

pub(super) fn report(
    out: &mut impl Write,
    paint: Paint,
    found: &Found,
    sweep: Option<&Sweep>,
    args: &Model,
) -> anyhow::Result<()> {
    heading(out, paint, found)?;
    table(out, paint, found)?;
    if let Some(sweep) = sweep {
        moves(out, paint, sweep)?;
    }
    disasters(out, paint, found, args)?;
    for line in words::closing(found.bytes(), &found.bounds).iter().flat_map(|text| wrap(text, WIDTH)) {
        writeln!(out, "{}", paint.tone(Tone::Faint, &line))?;
    }
    Ok(())
}

fn heading(out: &mut impl Write, paint: Paint, found: &Found) -> anyhow::Result<()> {
    for line in wrap(&words::opening(&found.bounds), WIDTH) {
        writeln!(out, "{}", paint.tone(Tone::Heading, &line))?;
    }
    for line in words::rules(&found.bounds).iter().flat_map(|text| wrap(text, WIDTH)) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    Ok(())
}

fn table(out: &mut impl Write, paint: Paint, found: &Found) -> anyhow::Result<()> {
    let names = columns(TOLD.map(|question| words::question(question).to_owned()));
    writeln!(out, "{}", paint.tone(Tone::Faint, format!("wait      states{names}").trim_end()))?;
    for (wait, row) in found.rows.iter().enumerate() {
        let answers: String = TOLD.iter().map(|&question| answer(paint, row.holds(question))).collect();
        writeln!(out, "{wait:4}  {:>10}{}", words::count(row.states.into()), answers.trim_end())?;
        for question in [Question::TextIsKept, Question::BothEnd] {
            if !row.holds(question) {
                writeln!(out, "{}", paint.tone(Tone::Bad, words::unusual(question)))?;
            }
        }
    }
    let first = |question| words::from(found.first(question), found.rows.len() - 1, &found.bounds);
    let firsts = columns(TOLD.map(first));
    writeln!(out, "{}\n", paint.tone(Tone::Heading, format!("{:16}{firsts}", "").trim_end()))?;
    Ok(())
}

fn columns(cells: [String; TOLD.len()]) -> String {
    cells.map(|cell| format!("   {cell:ANSWER$}")).concat()
}

fn answer(paint: Paint, holds: bool) -> String {
    let (tone, word) = if holds { (Tone::Good, "yes") } else { (Tone::Bad, "no") };
    format!("   {}{}", paint.tone(tone, word), " ".repeat(ANSWER - word.len()))
}

fn moves(out: &mut impl Write, paint: Paint, sweep: &Sweep) -> anyhow::Result<()> {
    writeln!(out, "{}", paint.tone(Tone::Heading, words::sweep()))?;
    let names = columns(TOLD.map(|question| words::question(question).to_owned()));
    writeln!(out, "{}", paint.tone(Tone::Faint, format!("MSL  losses  every{names}").trim_end()))?;
    let mut before = "";
    for moved in &sweep.rows {
        if !before.is_empty() && before != moved.bound {
            writeln!(out)?;
        }
        before = moved.bound;
        let last = usize::from(moved.bounds.enough());
        let firsts = columns(moved.first.map(|first| words::from(first, last, &moved.bounds)));
        let Bounds { msl, losses, every, .. } = moved.bounds;
        writeln!(out, "{}", format!("{msl:3}  {losses:6}  {every:5}{firsts}").trim_end())?;
    }
    writeln!(out)?;
    Ok(())
}

/// Of the wait asked about if one was; of every wait if so wanted; else of the last that does not do.
fn disasters(out: &mut impl Write, paint: Paint, found: &Found, args: &Model) -> anyhow::Result<()> {
    if args.ladders {
        for row in &found.rows {
            for question in Question::ALL {
                ladder(out, paint, Some(row), question)?;
            }
        }
    } else if args.wait.is_some() {
        for question in Question::ALL {
            ladder(out, paint, found.asked(), question)?;
        }
    } else {
        for question in ASKED {
            ladder(out, paint, found.last_disaster(question), question)?;
        }
    }
    Ok(())
}

fn ladder(
    out: &mut impl Write,
    paint: Paint,
    row: Option<&Explored>,
    question: Question,
) -> anyhow::Result<()> {
    if let Some(trace) = row.and_then(|row| row.counterexample(question)) {
        print_drawing(out, paint, &Ladder::of(&trace).text(page(0)), "")?;
        writeln!(out)?;
    }
    Ok(())
}
