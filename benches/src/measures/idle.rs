use std::time::Duration;

use timewait_linux::hosts::Host;

use crate::frame::{Bar, Bench, Compared, Measurement, Rounds, Sample, Section};

pub(crate) const MEASUREMENT: Measurement = Measurement {
    name: "idle",
    title: "A host with nothing in its table",
    about: "What a question costs where there is nothing to find: the kernel's walk of its empty table, a program's start, \
        and what is ours. `bare` asks with the same condition and looks at nothing.",
    needs: &[],
    cases: [&["empty"], &["empty"]],
    figures: &[],
    perform,
};

const BARE: &str = "bare, any state";
const BARE_EITHER: &str = "bare, `:9000` on either end";
const LS: &str = "`timewait ls`";
const LS_PORT: &str = "`timewait ls :9000 --count`";
const WHY: &str = "`timewait why :9000`";

fn perform(bench: &Bench<'_>, _host: &Host, _case: &str) -> anyhow::Result<Section> {
    let any = bench.ourselves(&["bare", "12286"]);
    let either = bench.ourselves(&["bare", "64", "either", "9000"]);
    let [ls, port, why] =
        [&["ls"][..], &["ls", ":9000", "--count"], &["why", ":9000"]].map(|it| bench.timewait(it));
    let compared = Rounds::new(bench.pick(101, 15))
        .with(BARE, || Sample::of(&any))
        .with(BARE_EITHER, || Sample::of(&either))
        .with(LS, || Sample::of(&ls))
        .with(LS_PORT, || Sample::of(&port))
        .with(WHY, || Sample::of(&why))
        .run()?;
    let mut section = Section { tables: vec![compared.table("asked", "")], ..Section::default() };
    for name in [LS, WHY] {
        let more = mean_user(&compared, name).saturating_sub(mean_user(&compared, BARE));
        let what = format!("{name} on an idle host: user CPU beyond the kernel's walk");
        section.bars.push(Bar::at_most(what, 2.0, more.as_secs_f64() * 1e3).unit("ms"));
    }
    Ok(section)
}

/// The kernel divides a short run's time between user and system by chance; over many runs that evens out.
fn mean_user(compared: &Compared, name: &str) -> Duration {
    let samples = compared.samples(name);
    let total: Duration = samples.iter().map(|sample| sample.user).sum();
    u32::try_from(samples.len()).ok().and_then(|count| total.checked_div(count)).unwrap_or_default()
}
