//! What would help a destination that is short of ports, with the numbers of this place.

use core::time::Duration;

use super::{Facts, Reuse, tally};
use super::{
    forecast::Pace,
    tally::{Common, Share},
};

/// Below this, ports need a privilege that servers have, and many of them listen.
const LOWEST: u32 = 1024;
/// Ports of the range that a kernel begins with, 32768 to 60999 (linux v6.12 net/ipv4/af_inet.c `inet_init_net`).
const DEFAULT: u32 = 28_232;
/// One beyond the highest port.
const END: u32 = 1 << 16;

/// Something that helps. Numbers are for the pace that was seen, or for what is there now where none was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Keep connections open and use them again.
    KeepAlive {
        /// Ports in TIME-WAIT that it would save.
        saves: u32,
        /// Connections that are open at once now: so many would have to be kept.
        open: u32,
    },
    /// Let the server close first: then it waits.
    LetServerClose {
        /// Ports in TIME-WAIT that would be the server's.
        moves: u32,
    },
    /// tcp_tw_reuse is in effect towards there.
    ReuseApplies {
        /// After so long a port in TIME-WAIT is used again.
        delay: Duration,
    },
    /// tcp_tw_reuse would be, if it were set to 1.
    SetReuse {
        /// What it is.
        now: Reuse,
        /// After so long a port in TIME-WAIT would be used again.
        delay: Duration,
        /// Ports that would be lost to TIME-WAIT then; only a pace tells.
        lost: Option<u32>,
    },
    /// tcp_tw_reuse does nothing without timestamps.
    ReuseNeedsTimestamps,
    /// Connect from more addresses, bound with IP_BIND_ADDRESS_NO_PORT.
    MoreAddresses {
        /// So many source addresses in all would stay below the cliff.
        addresses: u32,
        /// Ports that each has to there.
        each: u32,
    },
    /// The source address's ports for all destinations together: a program that binds the address first without
    /// IP_BIND_ADDRESS_NO_PORT has one pool for all of them.
    LeavePortToConnect {
        /// Destinations that this source has.
        destinations: u32,
        /// Ports that they hold together.
        held: u32,
    },
    /// Widen `ip_local_port_range`.
    WidenRange {
        /// The first port.
        first: u16,
        /// How many ports it would have.
        ports: u32,
        /// Ports above the first on which something listens now: to be reserved.
        listeners: u32,
    },
}

impl Advice {
    /// The name, stable for scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeepAlive { .. } => "keep-alive",
            Self::LetServerClose { .. } => "let-server-close",
            Self::ReuseApplies { .. } => "tw-reuse-applies",
            Self::SetReuse { .. } => "set-tw-reuse",
            Self::ReuseNeedsTimestamps => "tw-reuse-needs-timestamps",
            Self::MoreAddresses { .. } => "more-addresses",
            Self::LeavePortToConnect { .. } => "bind-address-no-port",
            Self::WidenRange { .. } => "widen-range",
        }
    }
}

/// All that advice depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The destination.
    pub share: &'a Share,
    /// What all destinations have in common.
    pub common: Common,
    /// The settings.
    pub facts: &'a Facts,
    /// What was seen to happen, if it was watched.
    pub pace: Option<Pace>,
    /// Destinations of the same source, this one included, and the ports that they hold together.
    pub siblings: (u32, u32),
}

/// What helps, the most thorough first.
pub fn advice(situation: &Situation<'_>, bound_from: impl Fn(u16) -> u32) -> Vec<Advice> {
    let Situation { share, common, .. } = *situation;
    let mut all = Vec::new();
    let waits = situation.waiting(Duration::from_secs(60));
    if waits > share.taken {
        all.push(Advice::KeepAlive { saves: waits, open: share.taken });
        all.push(Advice::LetServerClose { moves: waits });
        all.push(situation.reuse());
    }
    let demand = situation.demand();
    let cliff = common.cliff_at.max(1);
    all.push(Advice::MoreAddresses { addresses: demand.div_ceil(cliff).max(2), each: common.usable() });
    let (destinations, held) = situation.siblings;
    if destinations > 1 && held >= common.cliff_at {
        all.push(Advice::LeavePortToConnect { destinations, held });
    }
    all.extend(wider(situation.facts, common, demand).map(|(first, ports)| Advice::WidenRange {
        first,
        ports,
        listeners: bound_from(first),
    }));
    all
}

impl Situation<'_> {
    /// Ports in TIME-WAIT at a time, if each is lost for so long.
    fn waiting(&self, lost_for: Duration) -> u32 {
        self.pace.map_or(self.share.time_wait, |pace| whole(pace.made * lost_for.as_secs_f64()))
    }

    /// Ports that are wanted at a time, as things are.
    fn demand(&self) -> u32 {
        let wait = self.pace.map_or(Duration::from_secs(60), |pace| pace.lost_for);
        self.share.lost().max(self.share.taken + self.waiting(wait))
    }

    fn reuse(&self) -> Advice {
        let (facts, delay) = (self.facts, self.facts.reuse_delay);
        if !facts.timestamps {
            Advice::ReuseNeedsTimestamps
        } else if tally::is_reuse_allowed(&self.share.question, facts) {
            Advice::ReuseApplies { delay }
        } else {
            Advice::SetReuse { now: facts.reuse, delay, lost: self.pace.map(|_| self.waiting(delay)) }
        }
    }
}

/// A range in which the demand stays below half, from as high a port as possible; `None` if this one is as wide.
fn wider(facts: &Facts, common: Common, demand: u32) -> Option<(u16, u32)> {
    let lost = common.reserved + common.bound;
    let wanted = demand.saturating_mul(2).saturating_add(lost).max(facts.range.len() + 2).max(DEFAULT);
    let ports = wanted.next_multiple_of(1024).min(END - LOWEST);
    let first = u16::try_from(END - ports).ok()?;
    (ports > facts.range.len()).then_some((first, ports))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is meant")]
fn whole(ports: f64) -> u32 {
    ports.ceil() as u32
}

#[cfg(test)]
mod tests;
