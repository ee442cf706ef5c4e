use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::{Sample, Table};

/// One run of a contender.
type Run<'a> = Box<dyn FnMut() -> anyhow::Result<Sample> + 'a>;

/// Contenders that take turns, A B C, then C B A, so that what drifts drifts for all and favours none.
pub(crate) struct Rounds<'a> {
    rounds: usize,
    until: Option<Instant>,
    contenders: Vec<(String, Run<'a>)>,
}

impl<'a> Rounds<'a> {
    pub(crate) fn new(rounds: usize) -> Self {
        Self { rounds, until: None, contenders: Vec::new() }
    }

    /// Begins no round after this, but for the first.
    pub(crate) fn until(self, until: Instant) -> Self {
        Self { until: Some(until), ..self }
    }

    /// Adds one. The first is what the others are compared with.
    pub(crate) fn with(
        mut self,
        name: impl Into<String>,
        run: impl FnMut() -> anyhow::Result<Sample> + 'a,
    ) -> Self {
        self.contenders.push((name.into(), Box::new(run)));
        self
    }

    pub(crate) fn run(mut self) -> anyhow::Result<Compared> {
        let mut runs: Vec<(String, Vec<Sample>)> =
            self.contenders.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
        for round in 0..self.rounds {
            if round > 0 && self.until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            for ((name, run), (_, samples)) in self.contenders.iter_mut().zip(&mut runs) {
                samples.push(run().with_context(|| format!("{name}, round {round}"))?);
            }
            self.contenders.reverse();
            runs.reverse();
        }
        // In the order in which they were added: the first is the measure.
        let first = runs.first().map_or(0, |(_, samples)| samples.len());
        if !first.is_multiple_of(2) {
            runs.reverse();
        }
        Ok(Compared { runs })
    }
}

/// What of a sample is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    Wall,
    /// User and system time.
    Cpu,
    User,
}

impl Cost {
    fn of(self, sample: &Sample) -> Duration {
        match self {
            Self::Wall => sample.wall,
            Self::Cpu => sample.cpu(),
            Self::User => sample.user,
        }
    }
}

/// The least, the median, and the most of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        let median = *numbers.get(numbers.len() / 2)?;
        Some(Self { least: *numbers.first()?, median, most: *numbers.last()? })
    }

    /// `1.04 (1.02 to 1.09)`
    pub(crate) fn text(self) -> String {
        format!("{:.2} ({:.2} to {:.2})", self.median, self.least, self.most)
    }
}

/// What contenders cost, round by round.
#[derive(Debug)]
pub(crate) struct Compared {
    runs: Vec<(String, Vec<Sample>)>,
}

impl Compared {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn samples(&self, name: &str) -> &[Sample] {
        self.runs.iter().find(|(of, _)| of == name).map_or(&[], |(_, samples)| samples)
    }

    /// The median cost of a contender, in milliseconds.
    pub(crate) fn median_ms(&self, name: &str, cost: Cost) -> Option<f64> {
        let times = self.samples(name).iter().map(|sample| cost.of(sample).as_secs_f64() * 1e3).collect();
        Spread::of(times).map(|spread| spread.median)
    }

    /// The cost of one by that of another in the same round.
    pub(crate) fn ratio(&self, name: &str, to: &str, cost: Cost) -> Option<Spread> {
        let pairs = self.samples(name).iter().zip(self.samples(to));
        Spread::of(
            pairs.map(|(one, other)| cost.of(one).as_secs_f64() / cost.of(other).as_secs_f64()).collect(),
        )
    }

    pub(crate) fn peak_mib(&self, name: &str) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "no memory is that large")]
        let peaks = self.samples(name).iter().map(|sample| sample.peak_kib as f64 / 1024.0).collect();
        Spread::of(peaks).map(|spread| spread.most)
    }

    /// A row for each contender, the first of which is 1; `what` stands in the first column of all.
    pub(crate) fn table(&self, heading: &str, what: &str) -> Table {
        let mut table = Table::new([
            heading,
            "by",
            "CPU",
            "wall",
            "CPU, ratio (least to most)",
            "wall, ratio (least to most)",
            "most memory",
        ]);
        let first = self.runs.first().map_or("", |(name, _)| name);
        for (name, _) in &self.runs {
            let ms = |cost| self.median_ms(name, cost).map_or_else(String::new, |ms| format!("{ms:.1} ms"));
            let ratio = |cost| match self.ratio(name, first, cost) {
                Some(_) if name == first => "1".to_owned(),
                Some(spread) => spread.text(),
                None => String::new(),
            };
            let peak = match self.peak_mib(name) {
                Some(peak) if peak > 0.0 => format!("{peak:.0} MiB"),
                _ => String::new(),
            };
            table.row([
                what.to_owned(),
                name.clone(),
                ms(Cost::Cpu),
                ms(Cost::Wall),
                ratio(Cost::Cpu),
                ratio(Cost::Wall),
                peak,
            ]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn who_was_last_in_a_round_is_first_in_the_next_and_the_first_stays_the_measure() {
        for (rounds, expected) in [(3, "ABCCBAABC"), (2, "ABCCBA")] {
            let order = RefCell::new(String::new());
            let run = |name: &str, ms| {
                order.borrow_mut().push_str(name);
                Ok(Sample { user: Duration::from_millis(ms), ..Sample::default() })
            };

            let compared = Rounds::new(rounds)
                .with("A", || run("A", 10))
                .with("B", || run("B", 5))
                .with("C", || run("C", 20))
                .run()
                .unwrap();

            assert_eq!(*order.borrow(), expected);
            assert_eq!(compared.names().collect::<String>(), "ABC");
            let ratio = |name| compared.ratio(name, "A", Cost::Cpu).unwrap().text();
            assert_eq!([ratio("B"), ratio("C")], ["0.50 (0.50 to 0.50)", "2.00 (2.00 to 2.00)"]);
        }
    }
}
