//! What several claims do: an old server leaves a connection behind, and a new one takes its place.

use serde::Serialize;

use crate::{
    Answer, Lab, Trouble,
    site::{Close, Flags, waiting_at},
};

/// The two servers.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) old: Flags,
    pub(super) new: Flags,
    /// Whether the old server goes on listening beside the new one.
    pub(super) stays: bool,
}

impl Plan {
    /// The old server has ended.
    pub(super) const fn of(old: Flags, new: Flags) -> Self {
        Self { old, new, stays: false }
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Restart {
    pub(super) old: Flags,
    pub(super) new: Flags,
    /// Rows in TIME-WAIT on the server's side when the new one was started.
    pub(super) waiting: usize,
    /// What bind(2), and then listen(2), answered to the new one.
    pub(super) answer: Answer,
}

impl Restart {
    /// Something stood in its way, which is the control of every claim about getting past it.
    pub(super) const fn had_to_pass(&self) -> bool {
        self.waiting > 0
    }
}

pub(super) fn restart(lab: &Lab, port: u16, plan: Plan) -> Result<Restart, Trouble> {
    let Plan { old, new, stays } = plan;
    lab.case(format!("old server: {old}; new server: {new}"));
    let host = lab.alone()?;
    let listener = host.listen(host.any(port), old)?;
    host.pair(&listener)?.close(Close::SERVER_FIRST).map_err(host.failed("the conversation"))?;
    let listener = Some(listener).filter(|_| stays);
    lab.did(if stays { "the old server goes on" } else { "the old server ends" });
    host.settled(port)?;
    let rows = host.look("before the new one", port)?;
    let answer = host.start(host.any(port), new).answer();
    drop(listener);
    Ok(Restart { old, new, waiting: waiting_at(&rows, port), answer })
}

#[cfg(test)]
pub(super) fn seen(old: Flags, new: Flags, answer: &str) -> Restart {
    let answer = if answer == "OK" { Answer::ok() } else { Answer::errno(answer) };
    Restart { old, new, waiting: 1, answer }
}
