//! A host by its calls and its wire: what its users are told, and what its peers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "failing is what tests do"
)]

mod answers;
#[path = "../any/profile.rs"]
mod any_profile;
#[path = "../any/segment.rs"]
mod any_segment;
mod any_use;
mod anything;
mod ending;
mod figures;
mod handles;
mod host;
mod opening;
mod time_wait;
