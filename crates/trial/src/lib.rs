//! What the tests of this workspace stand on. Only ever a dev-dependency.
//!
//! - [`in_own_host`]: the body of a `#[test]`, run by a child in namespaces of its own; [`send_again_soon`] there
//! - [`have_tool`], [`skip`]: what is missing is said, counted, and a failure where `TIMEWAIT_REQUIRE` names it
//! - [`eventually`]: waits for a condition, with a deadline
//! - [`forbid`], [`forbid_request`]: a system call that fails for this thread, as under a container's profile
//! - [`zone_where_it_is`]: a time zone for a time of day
//! - [`Process`]: a child whose output is kept, and which ends with the test
#![forbid(unsafe_code)]
#![allow(clippy::panic, clippy::expect_used, clippy::missing_panics_doc, reason = "failing is what tests do")]

mod forbid;
mod host;
mod process;
mod skip;
mod zone;

use std::{
    thread,
    time::{Duration, Instant},
};

pub use forbid::{forbid, forbid_request};
pub use host::{in_own_host, send_again_soon};
pub use process::{Finished, Process};
pub use skip::{Need, have_tool, skip};
pub use zone::zone_where_it_is;

/// How long anything in a test may take before it counts as hanging. Generous, since it decides nothing but failure: on
/// busy cores the kernel takes up to half a minute to make or remove a network namespace.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// Waits until `condition` gives a value; fails with `what` after [`DEADLINE`].
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
