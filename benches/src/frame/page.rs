//! The page: Markdown, every number in it from a measurement.

use std::fmt::Write as _;

use super::{Bar, Measurement, Peer, Plan, Section, Table, outside::Told};

pub(super) fn write(told: &[Told], machine: &str, plan: &Plan) -> String {
    let mut page = String::from("# Performance\n\n");
    page += if plan.is_whole() {
        "Written by `cargo xtask bench`, which says what it needs and repeats all of this elsewhere.\n\n"
    } else {
        "Not the whole: some measurements only, or quick ones.\n\n"
    };
    page += machine;
    page += "\n\nContenders take turns (A B B A) in network namespaces of their own. Times are medians, of this machine on \
        this day; a ratio is the median of the ratios of a round's pairs, then the least and the most of them. CPU is user and \
        system time. The ratios are what holds.\n\n";
    write_peers(&mut page, told);
    write_bars(&mut page, told);
    for (measurement, section) in told {
        write_section(&mut page, measurement, section);
    }
    page.truncate(page.trim_end().len());
    page + "\n"
}

fn write_peers(page: &mut String, told: &[Told]) {
    let mut peers: Vec<Peer> = Vec::new();
    for peer in told.iter().flat_map(|(measurement, _)| measurement.needs) {
        if !peers.contains(peer) {
            peers.push(*peer);
        }
    }
    if peers.is_empty() {
        return;
    }
    page.push_str("Compared with:\n\n");
    for peer in peers {
        let version = match peer.find() {
            Some(_) => peer.version().unwrap_or_else(|| "a version it does not tell".to_owned()),
            None => format!("**not installed, so not compared** (Debian: {})", peer.package()),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "- `{}`: {version}", peer.name());
    }
    page.push('\n');
}

fn write_bars(page: &mut String, told: &[Told]) {
    let mut bars = told.iter().flat_map(|(_, section)| &section.bars).peekable();
    if bars.peek().is_none() {
        return;
    }
    page.push_str("## What was promised\n\n");
    let mut table = Table::new(["what", "promised", "measured", ""]);
    for Bar { what, promised, measured, met } in bars {
        let verdict = if *met { "kept" } else { "**not kept**" };
        table.row([what.clone(), promised.clone(), measured.clone(), verdict.to_owned()]);
    }
    write_table(page, &table);
}

fn write_section(page: &mut String, measurement: &Measurement, section: &Section) {
    let _ = write!(page, "## {}\n\n{}\n\n", measurement.title, measurement.about);
    for table in &section.tables {
        write_table(page, table);
    }
    for figure in measurement.figures {
        let _ = write!(page, "![{}]({})\n\n", figure.title, figure.file());
    }
    for note in &section.notes {
        let _ = write!(page, "{note}\n\n");
    }
}

fn write_table(page: &mut String, table: &Table) {
    page.push_str(&table.markdown());
    page.push('\n');
}
