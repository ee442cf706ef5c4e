//! Facts in, findings out: what a machine's sockets mean for a call that failed.
//!
//! Pure: no I/O, no clock, nothing but [facts](timewait_facts). The same facts give the same finding.
//!
//! - [`bind`]: why bind(2) or listen(2) was refused
//! - [`ports`]: how many local ports connect(2) still finds for a destination
//! - [`Finding`]: who holds the port, why that refuses, until when, what to do; data with a stable code
//! - [`words`]: every sentence about a finding, in one place
//!
//! ```
//! use timewait_diagnose::{Until, bind::{self, Answer, Call, Facts, Request}};
//!
//! let request = Request { address: "0.0.0.0:80".parse().unwrap(), reuseaddr: true, reuseport: false, v6only: false };
//! let facts = Facts { unprivileged_from: Some(1024), ..Facts::default() };
//! let finding = bind::explain(&request, Call::Bind, Answer::NotPermitted, &facts);
//! assert_eq!(finding.code.name(), "privileged-port");
//! assert_eq!(finding.until, Until::Changed);
//! ```
#![forbid(unsafe_code)]

pub mod bind;
mod finding;
pub mod ports;
pub mod words;

pub use finding::{Because, Code, Finding, Holder, Remedy, Role, Until};
