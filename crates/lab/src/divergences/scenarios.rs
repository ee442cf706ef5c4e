//! The scenarios, by what a connection is about to do.

mod closing;
mod guarding;
mod listening;
mod opening;
mod sending;
mod talking;
mod waiting;

use super::{Difference, Scenario, Setting};

/// Every scenario, in the order of a connection's life.
pub fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    PARTS.into_iter().flatten()
}

/// The same in parts: opening and listening, talking, what is guarded against, sending and closing, waiting.
pub const PARTS: [&[Scenario]; 7] =
    [opening::ALL, listening::ALL, talking::ALL, guarding::ALL, sending::ALL, closing::ALL, waiting::ALL];

/// Nothing is otherwise than usual, and nothing differs.
const fn alike(id: &'static str, about: &'static str, by: &'static str, script: &'static str) -> Scenario {
    Scenario { id, about, by, setting: Setting::Usual, script, differs: &[] }
}
