//! The machine, by what goes in and what comes out. States are reached, never forged.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::cast_sign_loss,
    reason = "failing is what tests do"
)]

#[path = "../any/profile.rs"]
mod any_profile;
#[path = "../any/segment.rs"]
mod any_segment;
mod calls;
mod cells;
mod channel;
mod laws;
mod opening;
mod profile;
mod reach;
mod retransmission;
mod table;
mod time_wait;
mod timestamps;
