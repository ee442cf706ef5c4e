//! What passed, byte for byte.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Packets as they were seen, in order, each with what was done to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// What the whole is: the claim's name and the kernel's.
    pub comment: String,
    /// When it began, by the wall clock, since 1970.
    pub began: Duration,
    /// The interfaces' names: `client`, `server`.
    pub interfaces: Vec<String>,
    /// In order of time.
    pub packets: Vec<Captured>,
    /// How many more there were, for which there was no room.
    pub left_out: u64,
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// When, from the beginning of the capture.
    pub at: Duration,
    /// Where: the place of an interface among the capture's.
    pub interface: u32,
    /// The IP packet.
    pub bytes: Vec<u8>,
    /// What was done to it, and why; empty where it went its way.
    pub comment: String,
}
