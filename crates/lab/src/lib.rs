//! Claims about TIME-WAIT, each tried on the running kernel.
//!
//! - [`claims`]: a file each: the sentence, who says it, the experiment, the rule by which the evidence decides
//! - [`Entrant`], [`About`], [`Verdict`]: a claim, what is known of it before, and what came of it
//! - [`Lab`]: where an experiment runs: hosts that nobody else has
//! - [`wire`]: two hosts, joined; packets are passed, dropped, held, delayed, repeated, altered, made up
//! - [`divergences`]: the machine of `timewait_tcp`, held against the running kernel
//! - [`capture`]: what passed, as a pcapng file
//! - [`Finding`], [`Entry`], [`Drawing`]: what was done and seen on the way, for people to read
//! - [`Runner`]: many claims at once, each in a child of its own
//! - [`act`]: a part in an experiment that takes another process
//!
//! ```
//! use timewait_lab::{Family, claims};
//!
//! let claim = claims::find("fin-timeout").unwrap();
//! assert_eq!(claim.about.says, "tcp_fin_timeout shortens TIME-WAIT");
//! assert!(claim.about.families.contains(&Family::Ipv6));
//! ```
#![forbid(unsafe_code)]

mod about;
mod actors;
pub mod capture;
mod claim;
pub mod claims;
pub mod divergences;
mod evidence;
mod journal;
mod lab;
mod runner;
mod site;
mod trouble;
pub mod wire;
mod wired;

pub use about::{About, Family, Pace, Record, Voice};
pub use actors::{ActError, act};
pub use claim::Entrant;
pub use evidence::{Answer, Finding, Verdict};
pub use journal::{Drawing, Entry, SeenSocket};
pub use lab::Lab;
pub use runner::{Job, Runner};
pub use trouble::Trouble;
