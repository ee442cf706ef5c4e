//! The socket table of the namespace that the arguments name.

use anyhow::Context as _;
use timewait_linux::{netns::Netns, sockets::SocketTable};

/// Opens this namespace's table, or that of another one.
pub(crate) fn open(netns: Option<&str>) -> anyhow::Result<SocketTable> {
    let Some(name) = netns else { return Ok(SocketTable::open()?) };
    let netns = Netns::open(name)?;
    SocketTable::open_in(&netns).with_context(|| format!("cannot look into network namespace {name}"))
}
