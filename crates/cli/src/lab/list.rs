//! The claims, untried.

use std::io::Write;

use serde::Serialize;
use timewait_lab::{Entrant, Family, Pace};

use crate::{
    args::Lab,
    print::{Paint, Tone, json, wrap},
    words::lab as words,
};

const WIDTH: usize = 80;

pub(super) fn print(
    out: &mut impl Write,
    args: &Lab,
    claims: &[&'static Entrant],
    paint: Paint,
) -> anyhow::Result<()> {
    if args.json {
        json::write_line(out, &listing(claims))?;
        return Ok(());
    }
    let widest = claims.iter().map(|claim| claim.about.id.len()).max().unwrap_or(0) + 2;
    for claim in claims {
        let slow = if claim.about.pace == Pace::Slow { words::takes_long() } else { "" };
        let text = format!("{} ({}{slow})", claim.about.says, claim.about.by);
        for (position, line) in wrap(&text, WIDTH - widest).iter().enumerate() {
            let id = if position == 0 { claim.about.id } else { "" };
            writeln!(out, "{}{}{line}", paint.tone(Tone::Heading, id), " ".repeat(widest - id.len()))?;
        }
    }
    Ok(())
}

fn listing(claims: &[&'static Entrant]) -> impl Serialize {
    #[derive(Serialize)]
    struct Listing {
        v: u8,
        claims: Vec<Listed>,
    }
    #[derive(Serialize)]
    struct Listed {
        id: &'static str,
        says: &'static str,
        by: String,
        how: &'static str,
        slow: bool,
        families: &'static [Family],
    }
    let listed = |claim: &&'static Entrant| Listed {
        id: claim.about.id,
        says: claim.about.says,
        by: claim.about.by.to_string(),
        how: claim.about.how,
        slow: claim.about.pace == Pace::Slow,
        families: claim.about.families,
    };
    Listing { v: json::VERSION, claims: claims.iter().map(listed).collect() }
}
