//! What came of each experiment in many runs.

use std::{collections::BTreeMap, time::Duration};

use super::lab::{Key, Run, Told};

/// What came of one experiment in all runs.
#[derive(Default)]
pub(super) struct Tally {
    /// How often each verdict came.
    verdicts: BTreeMap<String, u32>,
    /// What every run should say: the record, or what the first run said.
    expected: String,
    /// The longest, without the start and the end of its child.
    pub(super) slowest_ms: u64,
}

impl Tally {
    /// `98 confirmed, 2 could-not-try`
    pub(super) fn verdicts(&self) -> String {
        let told: Vec<String> =
            self.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        told.join(", ")
    }

    /// Runs that said something else.
    pub(super) fn changed(&self) -> u32 {
        self.verdicts.iter().filter(|(verdict, _)| **verdict != self.expected).map(|(_, count)| count).sum()
    }
}

/// What came of every experiment in all runs.
#[derive(Default)]
pub(super) struct Tallies {
    /// In the order in which the lab tells them.
    pub(super) of: Vec<(Key, Tally)>,
    pub(super) took: Vec<Duration>,
}

impl Tallies {
    /// Counts a run, and hands out what in it is not as it should be.
    pub(super) fn count<'r>(&mut self, run: &'r Run) -> Vec<&'r Told> {
        self.took.push(run.took);
        run.claims.iter().filter(|told| !self.count_one(told)).collect()
    }

    /// Whether it is as it should be.
    fn count_one(&mut self, told: &Told) -> bool {
        let key = told.key();
        let known = self.of.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
            let expected = told.expected().unwrap_or(&told.verdict).to_owned();
            self.of.push((key, Tally { expected, ..Tally::default() }));
            self.of.len() - 1
        });
        let Some((_, tally)) = self.of.get_mut(known) else { return false };
        *tally.verdicts.entry(told.verdict.clone()).or_default() += 1;
        tally.slowest_ms = tally.slowest_ms.max(told.took_ms);
        told.verdict == tally.expected && told.verdict != "could-not-try"
    }

    /// Verdicts that are not as they should be, in all runs.
    pub(super) fn changed(&self) -> u32 {
        let untried = |tally: &Tally| tally.verdicts.get("could-not-try").copied().unwrap_or(0);
        self.of.iter().map(|(_, tally)| tally.changed().max(untried(tally))).sum()
    }

    /// The median of the runs' times, and the longest.
    pub(super) fn median_and_slowest(&self) -> (Duration, Duration) {
        let mut took = self.took.clone();
        took.sort();
        let median = took.get(took.len() / 2).copied().unwrap_or_default();
        (median, took.last().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(verdict: &str, recorded: Option<&str>, contrary: Option<&str>) -> Told {
        Told {
            id: "fin-timeout".to_owned(),
            family: "ipv4".to_owned(),
            contrary: contrary.map(str::to_owned),
            verdict: verdict.to_owned(),
            reason: None,
            recorded: recorded.map(str::to_owned),
            decided_by: String::new(),
            took_ms: 7,
        }
    }

    /// How many of these, each told by a run of its own, are not as they should be.
    fn changed(all: Vec<Told>) -> u32 {
        let mut tallies = Tallies::default();
        let mut reported = 0;
        for told in all {
            let run = Run { took: Duration::ZERO, claims: vec![told] };
            reported += u32::try_from(tallies.count(&run).len()).unwrap();
        }
        assert_eq!(tallies.changed(), reported, "what is counted is what is shown");
        reported
    }

    #[test]
    fn a_verdict_that_is_not_the_recorded_one_is_counted_and_so_is_what_could_not_be_tried() {
        let refuted = || told("refuted", Some("refuted"), None);
        assert_eq!(changed(vec![refuted(), refuted()]), 0);
        assert_eq!(changed(vec![refuted(), told("confirmed", Some("refuted"), None)]), 1);
        assert_eq!(changed(vec![told("could-not-try", Some("refuted"), None), refuted()]), 1);
    }

    #[test]
    fn in_the_contrary_setup_the_other_verdict_is_the_right_one() {
        assert_eq!(changed(vec![told("confirmed", Some("refuted"), Some("nothing held"))]), 0);
        assert_eq!(changed(vec![told("refuted", Some("refuted"), Some("nothing held"))]), 1);
    }

    #[test]
    fn without_a_record_the_first_run_counts_unless_it_could_not_try() {
        assert_eq!(changed(vec![told("confirmed", None, None), told("refuted", None, None)]), 1);
        assert_eq!(changed(vec![told("could-not-try", None, None)]), 1);
    }
}
