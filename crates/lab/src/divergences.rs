//! The machine of [`timewait_tcp`], held against the running kernel: the same script for both, and what differs.
//!
//! - [`scenarios`]: a few lines each: what a peer sends, what a user calls
//! - [`by_kernel`], [`by_machine`]: a scenario performed, over a wire whose other end is the script
//! - [`differences`]: where the two answered differently; [`Scenario::differs`] lists what is known, and why
//! - [`page`]: what is known, as `docs/divergences.md`
//!
//! After each line comes a segment to a closed port. Its RST tells that everything has been said that there was to say,
//! so that an answer that does not come is seen without waiting for it.

mod notation;
mod page;
mod play;
mod scenarios;
mod subject;

use std::time::{Duration, Instant};

use timewait_linux::hosts::Host;
use timewait_tcp::{Flags, Row, Seen, Side, Trace};

use crate::{
    Family, Trouble,
    wire::{Cable, Station, Wire},
};

pub use page::page;
pub use scenarios::{PARTS, scenarios};

use play::Play;
use subject::{KernelSide, MachineSide, Subject};

/// One thing that can happen to a TCP, and where the kernel and the machine do not do the same.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub id: &'static str,
    /// What it is about, in a clause.
    pub about: &'static str,
    /// The rule that it is about.
    pub by: &'static str,
    /// What is otherwise than usual.
    pub setting: Setting,
    /// What is done, a line each.
    pub script: &'static str,
    /// Where they are known to differ.
    pub differs: &'static [Difference],
}

/// Where the kernel and the machine answer differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line of the script.
    pub at: &'static str,
    /// What the kernel answers.
    pub kernel: &'static str,
    /// What the machine answers.
    pub machine: &'static str,
    /// Why.
    pub because: &'static str,
}

/// What is otherwise than usual, on both sides alike.
///
/// Usual is [`Profile::LINUX`](timewait_tcp::Profile::LINUX), but for three things, so that no answer depends on how fast this computer is: every ACK
/// goes out at once (`quickack` on the kernel's route), no challenge is held back, and nothing is sent again within a
/// minute. And the kernel's sockets have TCP_NODELAY, as the profile has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Nothing is.
    Usual,
    /// What stays without an ACK is sent again, after 400 ms at first.
    Retransmits,
    /// One challenge a minute at most.
    Limited,
    /// `tcp_rfc1337` = 1.
    Rfc1337,
    /// No timestamps: `tcp_timestamps` = 0.
    NoTimestamps,
    /// A small receive buffer.
    SmallBuffer,
}

/// A line of a script, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line.
    pub step: String,
    /// What was answered: segments, what a call returned, a state; `nothing`.
    pub answer: String,
}

/// A scenario, performed.
#[derive(Debug)]
pub struct Performed {
    /// Line by line.
    pub lines: Vec<Line>,
    /// What was on the wire.
    pub trace: Trace,
    /// How long it took.
    took: Duration,
}

/// Where two performances differ: the line, and both answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The line of the script.
    pub at: String,
    /// What the kernel answered.
    pub kernel: String,
    /// What the machine answered.
    pub machine: String,
}

impl Difference {
    /// Whether this is the one that was found.
    pub fn is(&self, found: &Found) -> bool {
        (self.at, self.kernel, self.machine) == (&found.at, &found.kernel, &found.machine)
    }
}

/// The kernel performs a scenario, as a host of its own.
///
/// # Errors
/// There is no such host to be had, or the script cannot go on.
pub fn by_kernel(host: &Host, scenario: &Scenario, family: Family) -> Result<Performed, Trouble> {
    in_time(scenario, || once_by_kernel(host, scenario, family))
}

fn once_by_kernel(host: &Host, scenario: &Scenario, family: Family) -> Result<Performed, Trouble> {
    let neighbour = host.neighbour("kernel")?;
    let (wire, plug) = Wire::to_program(Cable::default().without_states(), &neighbour, "script")?;
    scenario.setting.of_kernel(&neighbour, family)?;
    let mut subject = Subject::Kernel(KernelSide::new(neighbour, family)?);
    let began = Instant::now();
    let lines = Play::new(&mut subject, &plug, family).perform(scenario.script)?;
    Ok(Performed { lines, trace: wire.trace(), took: began.elapsed() })
}

/// The machine performs a scenario. It takes no privilege and no host: it is a program at the wire's left end.
///
/// # Errors
/// The script cannot go on.
pub fn by_machine(scenario: &Scenario, family: Family) -> Result<Performed, Trouble> {
    in_time(scenario, || once_by_machine(scenario, family))
}

fn once_by_machine(scenario: &Scenario, family: Family) -> Result<Performed, Trouble> {
    let (wire, at_machine, plug) = Wire::between_programs("machine", "script")?;
    let profile = scenario.setting.of_machine(family.mss());
    let station = Station::start(at_machine, profile, subject::isn).map_err(Trouble::thread)?;
    let mut subject = Subject::Machine(MachineSide::new(station, family));
    let began = Instant::now();
    let lines = Play::new(&mut subject, &plug, family).perform(scenario.script)?;
    Ok(Performed { lines, trace: wire.trace(), took: began.elapsed() })
}

/// Performs a script until no SYN in it was sent again by a clock, whatever came of it.
///
/// That wait of 1 s is the only one that no setting of the kernel's changes. A script that this computer interrupted for so
/// long may see a SYN that nothing in it asked for, and then tells nothing.
fn in_time(
    scenario: &Scenario,
    perform: impl Fn() -> Result<Performed, Trouble>,
) -> Result<Performed, Trouble> {
    const SYN_WAITS: Duration = Duration::from_secs(1);
    /// On a computer that is always so slow, nobody can tell.
    const PATIENCE: usize = 20;
    for _ in 0..PATIENCE {
        let performed = perform()?;
        let by_the_clock = performed.took >= SYN_WAITS && sends_a_syn_again(&performed.trace);
        if scenario.setting == Setting::Retransmits || !by_the_clock {
            return Ok(performed);
        }
    }
    Err(Trouble::Otherwise(format!("the script '{}' never took less than {SYN_WAITS:?}", scenario.id)))
}

/// Whether the subject, on the left, sent a SYN that it had sent before.
fn sends_a_syn_again(trace: &Trace) -> bool {
    let syn = |row: &Row| match &row.seen {
        Seen::Segment { from: Side::Left, segment, .. } if segment.has(Flags::SYN) => Some(segment.seq),
        _ => None,
    };
    let syns: Vec<_> = trace.rows.iter().filter_map(syn).collect();
    syns.iter().enumerate().any(|(index, seq)| syns.iter().skip(index + 1).any(|later| later == seq))
}

/// Where two performances of the same script differ.
pub fn differences(kernel: &[Line], machine: &[Line]) -> Vec<Found> {
    let pairs = kernel.iter().zip(machine);
    let differ = pairs.filter(|(kernel, machine)| kernel.answer != machine.answer);
    differ
        .map(|(kernel, machine)| Found {
            at: kernel.step.clone(),
            kernel: kernel.answer.clone(),
            machine: machine.answer.clone(),
        })
        .collect()
}

impl Family {
    /// What an MTU of 1,500 leaves for text (RFC 9293 §3.7.1).
    const fn mss(self) -> u16 {
        match self {
            Self::Ipv4 => 1460,
            Self::Ipv6 => 1440,
        }
    }
}

impl Trouble {
    fn thread(source: std::io::Error) -> Self {
        Self::Call { host: "machine".to_owned(), what: "a thread".to_owned(), source }
    }
}
