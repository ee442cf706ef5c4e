//! The running host: settings, listeners, counters.

use timewait_diagnose::settings::{
    self, Values,
    known::KNOWN,
    live::{self, Host, Listener, Restart},
};
use timewait_linux::{
    kernel_version,
    netns::Netns,
    settings::{self as kernel, SettingError},
};

use super::{Diagnosis, sorted};
use crate::{
    everywhere::{not_entered, spaces},
    port_facts::Look,
    why::restart::{self, Outcome},
};

pub(super) fn examine(netns: Option<&Netns>, name: Option<String>, peek: bool) -> anyhow::Result<Diagnosis> {
    let (values, unreadable) = values(netns);
    let counters = netns.map_or_else(kernel::tcp_counters, kernel::tcp_counters_in)?;
    let look = Look { netns, all_rows: false };
    let restarts = restart::judge_all(look, None, peek)?;
    let host = Host { listeners: restarts.iter().map(listener).collect(), counters };
    let version = kernel_version();
    let mut findings = settings::judge(&values, &version);
    findings.extend(live::judge(&host, &values));
    Ok(Diagnosis {
        kernel: version,
        files: None,
        handle: name.clone(),
        netns: name,
        findings: sorted(findings),
        unreadable,
        settings: KNOWN.iter().filter(|known| values.get(known.name).is_some()).count(),
        left_out: 0,
    })
}

/// Every namespace that can be looked into; what cannot be is said.
pub(super) fn everywhere(peek: bool) -> anyhow::Result<Vec<Diagnosis>> {
    let mut all = Vec::new();
    for space in spaces()? {
        match examine(space.netns.as_ref(), None, peek) {
            Ok(diagnosis) => {
                all.push(Diagnosis { netns: Some(space.name), handle: space.handle, ..diagnosis });
            }
            Err(error) => not_entered(&space.name, &error),
        }
    }
    Ok(all)
}

/// What can be read, and what could not. A setting that the namespace does not have is neither.
fn values(netns: Option<&Netns>) -> (Values, Vec<(String, String)>) {
    let (mut values, mut unreadable) = (Values::default(), Vec::new());
    for known in &KNOWN {
        let read = netns.map_or_else(|| kernel::read(known.name), |netns| kernel::read_in(netns, known.name));
        match read {
            Ok(value) => values.set_live(known.name, &value),
            Err(SettingError::Absent(_)) => {}
            Err(why) => unreadable.push((known.name.to_owned(), format!("{:#}", anyhow::Error::from(why)))),
        }
    }
    (values, unreadable)
}

fn listener(restart: &restart::Restart) -> Listener {
    Listener {
        address: restart.socket.local,
        queue: restart.socket.receive_queue,
        backlog: restart.socket.send_queue,
        restart: match restart.outcome {
            Outcome::Succeeds => Restart::Succeeds,
            Outcome::Fails(_) => Restart::Fails { connections: restart.connections },
            Outcome::Depends(_) => Restart::Depends,
        },
    }
}
