//! "`tcp_tw_reuse` lets new outgoing connections use waiting ports": what the setting is for.

use std::{thread, time::Duration};

use serde::Serialize;

use super::outgoing;
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Dial, Flags, PORT, Site},
};

pub(super) struct TwReuseConnect;

/// Whether connections have timestamps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Timestamps {
    On,
    Off,
}

/// Connections that so many ports gave, of those that were asked for.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Evidence {
    ports: usize,
    asked: usize,
    /// tcp_tw_reuse 0, paced: the control.
    off: usize,
    /// tcp_tw_reuse 1, paced.
    on: usize,
    /// The same at full speed, within the delay.
    on_at_full_speed: usize,
    /// The same, paced, without timestamps.
    on_without_timestamps: usize,
}

const PORTS: u16 = 100;
const ASKED: usize = 150;
/// tcp_tw_reuse_delay in the paced runs, and at full speed, where this kernel has it.
const SHORT_MS: u64 = 20;
const LONG_MS: u64 = 60_000;

impl Claim for TwReuseConnect {
    type Setup = Timestamps;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "tw-reuse-connect",
        says: "tcp_tw_reuse lets new outgoing connections use ports that wait",
        by: Voice::KernelDocs,
        how: "100 local ports, and 150 connections to one server, each closed first by the client: slower than tcp_tw_reuse_delay, at \
              full speed, and without timestamps. Control: with 0 they end at 100. Confirmed if with 1 all can be opened.",
        if_confirmed: "It helps a client that runs out of ports, if both sides have timestamps, and not within tcp_tw_reuse_delay (1 s) of \
                       a port's last use.",
        if_refuted: "The setting does not give waiting ports to new connections here.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Timestamps = Timestamps::On;
    const CONTRARY: Option<Contrary<Timestamps>> =
        Some(Contrary { what: "timestamps are off", setup: Timestamps::Off });

    fn experiment(lab: &Lab, timestamps: Timestamps) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        outgoing::leave_ports(lab, PORTS)?;
        let case = |port, tw_reuse, paced, timestamps| {
            let case = Case { tw_reuse, paced, timestamps };
            opened(lab, &host, port, case)
        };
        Ok(Evidence {
            ports: PORTS.into(),
            asked: ASKED,
            off: case(PORT, 0, true, timestamps)?,
            on: case(PORT + 1, 1, true, timestamps)?,
            on_at_full_speed: case(PORT + 2, 1, false, timestamps)?,
            on_without_timestamps: case(PORT + 3, 1, true, Timestamps::Off)?,
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = evidence.off == evidence.ports;
        Verdict::given(control, "the ports do not run out without it", evidence.on == evidence.asked)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { ports, off, on, on_at_full_speed, on_without_timestamps, .. } = evidence;
        format!(
            "{ports} ports: {off} off, {on} on; {on_at_full_speed} at once; {on_without_timestamps} no timestamps"
        )
    }
}

#[derive(Clone, Copy)]
struct Case {
    tw_reuse: u8,
    paced: bool,
    timestamps: Timestamps,
}

/// How many connections there were.
fn opened(lab: &Lab, host: &Site, port: u16, case: Case) -> Result<usize, Trouble> {
    let Case { tw_reuse, paced, timestamps } = case;
    let speed = if paced { "slower than the delay" } else { "at full speed" };
    lab.case(format!("tcp_tw_reuse = {tw_reuse}, {speed}"));
    lab.set("net.ipv4.tcp_tw_reuse", &tw_reuse)?;
    lab.set("net.ipv4.tcp_timestamps", &u8::from(timestamps == Timestamps::On))?;
    let delay = outgoing::reuse_delay(lab, if paced { SHORT_MS } else { LONG_MS })?;
    // All ports once take twice the delay at least: the oldest wait is over it when they have run out.
    let pause = if paced { (delay * 2 / u32::from(PORTS)).max(PACE) } else { Duration::ZERO };
    let listener = host.listen(host.at(port), Flags::NONE)?;
    let run = outgoing::run(host, &listener, ASKED, |_| {
        thread::sleep(pause);
        Dial::default()
    })?;
    Ok(run.made)
}

/// The shortest pause between two connections in a paced run.
const PACE: Duration = Duration::from_micros(400);

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(off: usize, on: usize) -> Evidence {
        Evidence { ports: 100, asked: 150, off, on, on_at_full_speed: 100, on_without_timestamps: 100 }
    }

    #[test]
    fn only_a_run_that_goes_on_past_the_ports_confirms() {
        assert_eq!(TwReuseConnect::judge(&opened(100, 150)), Verdict::Confirmed);
        assert_eq!(TwReuseConnect::judge(&opened(100, 100)), Verdict::Refuted);
        assert_eq!(TwReuseConnect::judge(&opened(100, 149)), Verdict::Refuted);
    }

    #[test]
    fn ports_that_do_not_run_out_without_the_setting_decide_nothing() {
        assert!(matches!(TwReuseConnect::judge(&opened(150, 150)), Verdict::CouldNotTry(_)));
        assert!(matches!(TwReuseConnect::judge(&opened(60, 150)), Verdict::CouldNotTry(_)));
    }
}
