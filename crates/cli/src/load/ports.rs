use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use timewait_diagnose::ports::{self, Budget, Facts, Question};
use timewait_facts::State;
use timewait_oneline::{Load, load::Sources};

use crate::why::to;

/// The local ports towards the destination, as they were before the run.
///
/// A source of which no connection was there has the budget of any other such: it is worked out once.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) to: SocketAddr,
    from: IpAddr,
    sources: u64,
    facts: Facts,
    /// Of the source with the fewest left.
    scarcest: Budget,
}

/// So many sources are looked at one by one.
const LOOKED_AT: u64 = 256;

impl Ports {
    pub(super) fn read(load: &Load) -> anyhow::Result<Self> {
        let sources = Sources::new(&load.from);
        let facts = to::facts(None)?;
        let from = match sources.nth(0) {
            Some(from) => from,
            None => to::source(load.to, None)?,
        };
        // Of more sources, those that have sockets.
        let used: HashSet<IpAddr> =
            facts.sockets.iter().map(|socket| socket.local.ip().to_canonical()).collect();
        let listed = (1..sources.count().min(LOOKED_AT)).filter_map(|number| sources.nth(number));
        let asked = listed.filter(|source| used.contains(source));
        let budget = |from| ports::budget(&Question { from, to: load.to }, &facts);
        let scarcest = asked.map(budget).fold(budget(from), |scarcest, other| {
            if room(&other) < room(&scarcest) { other } else { scarcest }
        });
        Ok(Self { to: load.to, from, sources: sources.count().max(1), facts, scarcest })
    }

    /// How many addresses are connected from.
    pub(super) fn sources(&self) -> u64 {
        self.sources
    }

    /// How many ports this run may hold before connect(2) becomes slow: half of the range for each source, less what
    /// was held before.
    pub(super) fn most(&self) -> u64 {
        self.sources.saturating_mul(room(&self.scarcest).into())
    }

    /// How long a connection of this run keeps its port when it waits.
    pub(super) fn held_for(&self) -> Duration {
        ports::held_for(&Question { from: self.from, to: self.to }, &self.facts)
    }

    /// How many are left while this run holds so many.
    pub(super) fn left(&self, held: u64) -> u64 {
        self.sources.saturating_mul(self.scarcest.left().into()).saturating_sub(held)
    }

    /// How many there are.
    pub(super) fn all(&self) -> u64 {
        self.sources.saturating_mul(self.scarcest.range.len().into())
    }

    /// The facts as they are now, and the budget of the first source: what the advice is about.
    pub(super) fn now(&self) -> anyhow::Result<(Budget, Facts)> {
        let facts = to::facts(None)?;
        Ok((ports::budget(&Question { from: self.from, to: self.to }, &facts), facts))
    }

    /// How many sockets in TIME-WAIT the table had towards the destination, before the run.
    pub(super) fn waited_before(&self) -> usize {
        self.facts.sockets.iter().filter(|socket| self.is_ours(socket)).count()
    }

    fn is_ours(&self, socket: &timewait_facts::Socket) -> bool {
        socket.state == State::TimeWait && socket.peer == self.to
    }
}

fn room(budget: &Budget) -> u32 {
    budget.cliff_at.saturating_sub(budget.taken + budget.time_wait)
}
