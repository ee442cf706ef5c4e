//! "`tcp_fin_timeout` shortens TIME-WAIT": the most copied of all pieces of advice.

use std::{
    net::Shutdown,
    time::{Duration, Instant},
};

use serde::Serialize;
use timewait_facts::{Socket, State};

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, Site},
};

pub(super) struct FinTimeout;

/// Of which of the closer's states the rest is read.
#[derive(Clone, Copy)]
pub(super) enum Setup {
    TimeWait,
    /// As if TIME-WAIT were what the setting is really about.
    OrphanedFinWait2,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    waits: Vec<Wait>,
}

/// What a fresh socket had left, under one value of the setting.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Wait {
    fin_timeout_s: u32,
    time_wait: Rest,
    /// The control: an orphan in FIN-WAIT-2, which the setting does govern. `None` over 60 s, where it is no minisocket at
    /// first: the kernel keeps it whole for what is over, and reports that (linux v6.12 net/ipv4/tcp.c `__tcp_close`).
    orphan: Option<Rest>,
}

/// What a minisocket had left.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Rest {
    left_ms: u64,
    /// It was no older than this when that was read.
    age_ms: u64,
}

/// Values on both sides of the 60 s of TIME-WAIT, and that itself.
const VALUES: [u32; 4] = [5, 30, 60, 120];

impl Claim for FinTimeout {
    type Setup = Setup;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "fin-timeout",
        says: "tcp_fin_timeout shortens TIME-WAIT",
        by: Voice::Folklore,
        how: "With the setting at 5, 30, 60 and 120 s: a connection closed by the server, and what its row in TIME-WAIT has left. \
              Control: an orphan in FIN-WAIT-2 has what the setting says. Confirmed if TIME-WAIT follows the setting, refuted if \
              it does not move.",
        if_confirmed: "On this kernel the setting does govern TIME-WAIT.",
        if_refuted: "The setting is about orphans in FIN-WAIT-2; the length of TIME-WAIT is fixed when the kernel is built \
                     (TCP_TIMEWAIT_LEN).",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: Setup = Setup::TimeWait;
    const CONTRARY: Option<Contrary<Setup>> =
        Some(Contrary { what: "FIN-WAIT-2 read in place of TIME-WAIT", setup: Setup::OrphanedFinWait2 });

    fn experiment(lab: &Lab, setup: Setup) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let mut waits = Vec::new();
        for value in VALUES {
            lab.case(format!("tcp_fin_timeout = {value}"));
            lab.set("net.ipv4.tcp_fin_timeout", &value)?;
            let port = PORT + u16::try_from(waits.len()).unwrap_or(0);
            let orphan = (value <= 60).then(|| orphan(&host, port + 10)).transpose()?;
            let time_wait = match (setup, orphan) {
                (Setup::OrphanedFinWait2, Some(left)) => left,
                (Setup::OrphanedFinWait2, None) => continue,
                (Setup::TimeWait, _) => time_wait(&host, port)?,
            };
            waits.push(Wait { fin_timeout_s: value, time_wait, orphan });
        }
        Ok(Evidence { waits })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let orphans = evidence.waits.iter().filter_map(|wait| Some((wait, wait.orphan?)));
        let follows = |(wait, orphan): (&Wait, Rest)| orphan.was_set_to(wait.fin_timeout_s);
        let control = orphans.clone().count() > 1 && orphans.clone().all(follows);
        let moves = evidence.waits.iter().all(|wait| wait.time_wait.was_set_to(wait.fin_timeout_s));
        Verdict::given(control, "an orphan in FIN-WAIT-2 does not follow the setting either", moves)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Some(wait) = evidence.waits.first() else { return String::new() };
        let orphan = wait
            .orphan
            .map_or_else(String::new, |rest| format!(" (an orphaned fin-wait-2: {})", seconds(rest.left_ms)));
        format!("{} s set: {} left{orphan}", wait.fin_timeout_s, seconds(wait.time_wait.left_ms))
    }
}

impl Rest {
    /// Whether its timer was set to so many seconds. The kernel's timer wheel rounds up, by less than an eighth at these
    /// lengths (linux v6.12 kernel/time/timer.c); on a busy machine it is read late, but not before it was set.
    fn was_set_to(self, s: u32) -> bool {
        /// A tick of the slowest kernel's clock, and what rounding to milliseconds takes away.
        const TICK_MS: u64 = 20;
        let set = u64::from(s) * 1000;
        (set..=set + set / 8 + self.age_ms + TICK_MS).contains(&(self.left_ms + self.age_ms + TICK_MS))
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", Duration::from_millis(ms).as_secs_f64())
}

fn time_wait(host: &Site, port: u16) -> Result<Rest, Trouble> {
    let before = Instant::now();
    let listener = host.listen(host.at(port), Flags::NONE)?;
    host.pair(&listener)?.close(Close::SERVER_FIRST).map_err(host.failed("the conversation"))?;
    rest(host, port, State::TimeWait, before)
}

/// A FIN-WAIT-2 whose process is gone. Its FIN is acknowledged before it is closed, so that it becomes a minisocket, whose
/// timer is the one in question.
fn orphan(host: &Site, port: u16) -> Result<Rest, Trouble> {
    let listener = host.listen(host.at(port), Flags::NONE)?;
    let pair = host.pair(&listener)?;
    pair.server.shutdown(Shutdown::Write).map_err(host.failed("shutdown"))?;
    host.until("the FIN is acknowledged", port, |rows| has(rows, port, State::FinWait2))?;
    let before = Instant::now();
    drop(pair.server);
    rest(host, port, State::FinWait2, before)
}

fn has(rows: &[Socket], port: u16, state: State) -> bool {
    rows.iter().any(|row| row.state == state && row.local.port() == port)
}

/// What a minisocket on this port has left, which was not there `before`.
fn rest(host: &Site, port: u16, state: State, before: Instant) -> Result<Rest, Trouble> {
    let fresh = |row: &&Socket| row.state == state && row.local.port() == port && row.is_minisocket();
    let rows = host.until("a minisocket", port, |rows| rows.iter().any(|row| fresh(&row)))?;
    let age = before.elapsed();
    host.show(&format!("a fresh {state}"), &rows);
    let expires = rows.iter().find(fresh).and_then(Socket::expires_in).unwrap_or_default();
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Ok(Rest { left_ms: ms(expires), age_ms: ms(age) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(waits: [(u32, u64, Option<u64>); 3]) -> Evidence {
        let rest = |left_ms| Rest { left_ms, age_ms: 5 };
        let wait = |(fin_timeout_s, time_wait, orphan): (_, _, Option<_>)| Wait {
            fin_timeout_s,
            time_wait: rest(time_wait),
            orphan: orphan.map(rest),
        };
        Evidence { waits: waits.map(wait).to_vec() }
    }

    #[test]
    fn a_wait_that_stays_refutes_and_one_that_follows_confirms() {
        let stays = with([(5, 60_000, Some(5_000)), (60, 59_996, Some(60_004)), (120, 60_000, None)]);
        assert_eq!(FinTimeout::judge(&stays), Verdict::Refuted);
        let follows = with([(5, 5_000, Some(5_000)), (60, 60_000, Some(60_000)), (120, 120_000, None)]);
        assert_eq!(FinTimeout::judge(&follows), Verdict::Confirmed);
    }

    #[test]
    fn a_setting_that_takes_no_effect_at_all_decides_nothing() {
        let dead = with([(5, 60_000, Some(60_000)), (60, 60_000, Some(60_000)), (120, 60_000, None)]);
        assert!(matches!(FinTimeout::judge(&dead), Verdict::CouldNotTry(_)));
    }

    #[test]
    fn a_control_that_was_not_made_decides_nothing() {
        let unknown = with([(5, 60_000, None), (60, 60_000, None), (120, 60_000, None)]);
        assert!(matches!(FinTimeout::judge(&unknown), Verdict::CouldNotTry(_)));
    }

    #[test]
    fn what_is_read_late_was_set_to_more_than_is_left() {
        let rest = |left_ms, age_ms| Rest { left_ms, age_ms };
        assert!(rest(4_996, 5).was_set_to(5) && rest(5_600, 5).was_set_to(5));
        assert!(rest(57_000, 3_100).was_set_to(60), "read after three seconds");
        assert!(!rest(57_000, 100).was_set_to(60) && !rest(60_000, 5).was_set_to(5));
        assert!(!rest(60_000, 5).was_set_to(120));
    }
}
