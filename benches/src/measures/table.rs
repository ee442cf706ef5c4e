use std::{process::Command, time::Duration};

use anyhow::ensure;
use timewait_linux::hosts::Host;

use crate::{
    crowd::Crowd,
    frame::{Bar, Bench, Compared, Cost, Figure, Measurement, Peer, Rounds, Sample, Section},
};

pub(crate) const MEASUREMENT: Measurement = Measurement {
    name: "table",
    title: "The socket table",
    about: "Sockets in TIME-WAIT on one port, read by `timewait` to a pipe, by `ss` and by `netstat`. The measure is a dump \
        that only counts the kernel's messages and looks into none: the kernel's own cost. With CAP_NET_ADMIN it is told each socket's \
        mark; `timewait` does without the capability where it shows none, so its rows are shorter then, and counting them can cost \
        less than the measure. Beside it stands the same dump when it writes as many bytes as the lists have, which say nothing: what \
        no program that prints such a list can do without.",
    needs: &[Peer::Ss, Peer::Netstat],
    cases: [&["1000", "10000", "100000", "1000000"], &["1000", "100000"]],
    figures: &[Figure {
        name: "growth",
        title: "CPU time by the sockets in the table",
        across: "sockets in TIME-WAIT",
        up: "ms",
    }],
    perform,
};

/// The kernel's mask for TIME-WAIT.
const TIME_WAIT: &str = "64";
const BARE: &str = "a dump that counts";
/// Groups that `--by` is tried with: so many servers' addresses.
const GROUPS: u32 = 1_000;

/// What is asked of `timewait`, and the most that it may cost, as a ratio, at a million.
const QUESTIONS: [(&str, &[&str], f64); 4] = [
    ("`timewait ls`", &["ls"], 1.10),
    ("`timewait ls --json`", &["ls", "--json"], 1.25),
    ("`timewait ls --count`", &["ls", "--count"], 1.05),
    ("`timewait ls --by local`", &["ls", "--by", "local"], 1.10),
];
/// A port that no socket has: the kernel walks all of its table for it.
const NOBODY: &str = "9";
/// What writing costs by itself: as many bytes a row, about nothing.
const WRITING: [(&str, &[&str]); 2] = [
    ("a dump that counts, and writes as much as `timewait ls`", &["ls"]),
    ("a dump that counts, and writes as much as `timewait ls --json`", &["ls", "--json"]),
];
const BARE_NOBODY: &str = "a dump that counts, of a port that nobody has";
const LS_NOBODY: &str = "`timewait ls :9 --count`, of a port that nobody has";
const WHY: &str = "`timewait why --no-try`";
const PORTS: &str = "`timewait ports`";

fn perform(bench: &Bench<'_>, host: &Host, case: &str) -> anyhow::Result<Section> {
    let size: u32 = case.parse()?;
    let crowd = Crowd::gather(host, size, GROUPS)?;
    bench.progress(&format!("{size} sockets in TIME-WAIT after {:.1} s", crowd.took().as_secs_f64()));
    let bare = bench.ourselves(&["bare", TIME_WAIT]);
    let check = |sample: Sample, lines: u64| {
        // A dump is no snapshot: of a million, one or two may have gone.
        ensure!(sample.lines >= lines - lines / 1_000, "{} lines of {lines}", sample.lines);
        Ok(sample)
    };
    let rounds = bench.pick(if size > 100_000 { 7 } else { 15 }, 3);
    let mut ours = Rounds::new(rounds).until(crowd.whole_for(Duration::from_secs(18)));
    ours = ours.with(BARE, || Sample::of(&bare));
    for (name, arguments, _) in QUESTIONS {
        let command = bench.timewait(arguments);
        let lines = match arguments {
            [_] | [_, "--json"] => size,
            [_, "--by", _] => GROUPS.min(size),
            _ => 1,
        };
        let lines = u64::from(lines);
        ours = ours.with(name, move || check(Sample::of(&command)?, lines));
    }
    for (name, arguments) in WRITING {
        let bytes = Sample::of(&bench.timewait(arguments))?.bytes / u64::from(size);
        let command = bench.ourselves(&["bare", TIME_WAIT, "writing", &bytes.to_string()]);
        ours = ours.with(name, move || Sample::of(&command));
    }
    let bare_nobody = bench.ourselves(&["bare", TIME_WAIT, "either", NOBODY]);
    let nobody = bench.timewait(&["ls", &format!(":{NOBODY}"), "--count"]);
    ours =
        ours.with(BARE_NOBODY, move || Sample::of(&bare_nobody)).with(LS_NOBODY, move || Sample::of(&nobody));
    let ours = ours.run()?;
    let others = others(bench, &crowd, bench.pick(3, 2))?;
    let mut section = Section {
        tables: vec![ours.table("sockets", case), others.table("sockets", case)],
        ..Section::default()
    };
    draw(&mut section, f64::from(size), &[&ours, &others]);
    if size == 1_000_000 {
        promise(&mut section, &ours, &others);
    }
    Ok(section)
}

/// What takes longer, in rounds of their own: not to wait for it with the quick ones.
fn others(bench: &Bench<'_>, crowd: &Crowd, rounds: usize) -> anyhow::Result<Compared> {
    let bare = bench.ourselves(&["bare", TIME_WAIT]);
    let mut all = Rounds::new(rounds).until(crowd.whole_for(Duration::from_secs(9)));
    all = all.with(BARE, move || Sample::of(&bare));
    let mut with = |name: &str, command: Option<Command>| {
        if let Some(command) = command {
            let old = std::mem::replace(&mut all, Rounds::new(0));
            all = old.with(name, move || Sample::of(&command));
        }
    };
    with(WHY, Some(bench.timewait(&["why", ":9000", "--no-try"])));
    with(PORTS, Some(bench.timewait(&["ports"])));
    with("`ss -tan state time-wait`", bench.peer(Peer::Ss, &["-tan", "state", "time-wait"]));
    with("`netstat -tan`", bench.peer(Peer::Netstat, &["-tan"]));
    all.run()
}

fn draw(section: &mut Section, size: f64, compared: &[&Compared]) {
    for compared in compared {
        for name in compared.names() {
            if let Some(ms) = compared.median_ms(name, Cost::Cpu) {
                section.point("growth", &name.replace('`', ""), (size, ms));
            }
        }
    }
}

fn promise(section: &mut Section, ours: &Compared, others: &Compared) {
    for (name, _, bound) in QUESTIONS {
        for (cost, word) in [(Cost::Cpu, "CPU"), (Cost::Wall, "wall")] {
            if let Some(ratio) = ours.ratio(name, BARE, cost) {
                let what = format!("{name}, 1,000,000 sockets: {word}, of the kernel's own");
                section.bars.push(Bar::at_most(what, bound, ratio.median));
            }
        }
        if let Some(peak) = ours.peak_mib(name) {
            section.bars.push(Bar::at_most(format!("{name}: most memory"), 16.0, peak).unit("MiB"));
        }
    }
    for (cost, word) in [(Cost::Cpu, "CPU"), (Cost::Wall, "wall")] {
        if let Some(ratio) = ours.ratio(LS_NOBODY, BARE_NOBODY, cost) {
            let what =
                format!("{LS_NOBODY}, among 1,000,000: {word}, of the kernel's own with the same condition");
            section.bars.push(Bar::at_most(what, 1.05, ratio.median));
        }
    }
    for (name, bound) in [("`ss -tan state time-wait`", 4.5), ("`netstat -tan`", 10.0)] {
        // Each by the bare dump of its own rounds.
        let theirs = others.ratio(name, BARE, Cost::Wall);
        let text = ours.ratio("`timewait ls`", BARE, Cost::Wall);
        if let Some((theirs, text)) = theirs.zip(text) {
            let what = format!("`timewait ls`, 1,000,000 sockets: faster than {name}, times");
            section.bars.push(Bar::at_least(what, bound, theirs.median / text.median));
        }
    }
}
