//! `--all-netns`: every network namespace, by a name that people know.

use std::io::{self, Write as _};

use timewait_facts::Untrusted;
use timewait_linux::netns::{self, Found, Netns};

use crate::words::everywhere as words;

/// No more namespaces are looked into.
const MOST: usize = 4_096;

/// A network namespace to look into.
pub(crate) struct Space {
    /// Unit or container, and a process; or the place where it is mounted.
    pub(crate) name: String,
    /// What `--netns` takes; `None` for the one that this process is in.
    pub(crate) handle: Option<String>,
    /// The namespace; `None` likewise.
    pub(crate) netns: Option<Netns>,
}

/// All that can be opened. What cannot be is said on standard error, and does not count.
///
/// # Errors
/// `/proc` cannot be listed.
pub(crate) fn spaces() -> io::Result<Vec<Space>> {
    let everywhere = netns::everywhere(MOST)?;
    let mut spaces = Vec::new();
    for found in everywhere.found {
        let (name, handle) = (name(&found), handle(&found));
        match found.netns {
            Ok(_) if found.is_own => spaces.push(Space { name, handle: None, netns: None }),
            Ok(netns) => spaces.push(Space { name, handle, netns: Some(netns) }),
            Err(error) => not_entered(&name, &error.into()),
        }
    }
    if everywhere.hidden > 0 {
        note(&words::hidden(everywhere.hidden));
    }
    if everywhere.beyond > 0 {
        note(&words::beyond(everywhere.beyond));
    }
    Ok(spaces)
}

/// Says that a namespace is left out, and why.
pub(crate) fn not_entered(name: &str, error: &anyhow::Error) {
    note(&words::not_entered(name, &format!("{error:#}")));
}

fn note(text: &str) {
    // A note that nobody can read is no failure.
    let _ = writeln!(io::stderr(), "timewait: {text}");
}

fn name(found: &Found) -> String {
    let mount = found.mount.as_ref().map(Untrusted::to_string);
    match (&found.workload, found.pid) {
        (Some(workload), Some(pid)) => format!("{workload} ({pid})"),
        (_, Some(pid)) => format!("process {pid}"),
        (_, None) => mount.unwrap_or_else(|| format!("net:[{}]", found.inode)),
    }
}

fn handle(found: &Found) -> Option<String> {
    let mount = || found.mount.as_ref().map(|place| String::from_utf8_lossy(place.as_bytes()).into_owned());
    found.pid.map(|pid| pid.to_string()).or_else(mount)
}
