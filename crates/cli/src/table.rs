//! The socket table of the namespace that the arguments name.

use anyhow::Context as _;
use timewait_linux::{netns::Netns, sockets::SocketTable};

/// Opens this namespace's table, or that of another one.
pub(crate) fn open(netns: Option<&str>) -> anyhow::Result<SocketTable> {
    Ok(open_at(netns)?.1)
}

/// Likewise, with that other namespace.
pub(crate) fn open_at(netns: Option<&str>) -> anyhow::Result<(Option<Netns>, SocketTable)> {
    let Some(name) = netns else { return Ok((None, SocketTable::open()?)) };
    let netns = Netns::open(name)?;
    let table =
        SocketTable::open_in(&netns).with_context(|| format!("cannot look into network namespace {name}"))?;
    Ok((Some(netns), table))
}
