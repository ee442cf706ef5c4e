//! `timewait model`: everything that can happen, for each wait.

mod explore;
mod json;
mod print;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use timewait_model::Question;
use timewait_tcp::draw::diagram::{self, Highlight};

use self::explore::{Found, Sweep};
use crate::{
    args::{Form, Model},
    print::{Paint, page, print_drawing},
};

/// With the wait asked about, something goes wrong.
const BAD_NEWS: u8 = 1;

/// What is asked of the wait; that not even an RST is accepted is told, and asked of none.
const ASKED: [Question; 4] =
    [Question::EndsReliably, Question::NothingOldAccepted, Question::TextIsKept, Question::BothEnd];

pub(crate) fn run(args: &Model, paint: Paint) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    if let Some(form) = args.diagram {
        draw(&mut out, args, form, paint)?;
        return Ok(ExitCode::SUCCESS);
    }
    let bounds = args.bounds();
    bounds.check()?;
    let found = Found::of(bounds, args.wait)?;
    let sweep = if args.sweep { Some(Sweep::around(bounds)?) } else { None };
    if args.json {
        json::print(&mut out, &found, sweep.as_ref())?;
    } else {
        print::report(&mut out, paint, &found, sweep.as_ref(), args)?;
    }
    let holds = found.asked().is_some_and(|row| ASKED.iter().all(|&question| row.holds(question)));
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(BAD_NEWS) })
}

fn draw(out: &mut impl Write, args: &Model, form: Form, paint: Paint) -> anyhow::Result<()> {
    let highlight = args.highlight.map_or_else(Highlight::closer, Highlight::state);
    match form {
        Form::Text => print_drawing(out, paint, &diagram::text(&highlight, page(0)), "")?,
        Form::Mermaid => write!(out, "{}", diagram::mermaid(&highlight))?,
        Form::Svg => writeln!(out, "{}", diagram::svg(&highlight, "states").trim_end())?,
    }
    Ok(())
}
