//! Facts in, findings out: what a machine's sockets mean for a call that failed.
//!
//! Pure: no I/O, no clock, nothing but [facts](timewait_facts). The same facts give the same finding.
//!
//! - [`bind`]: the rules of bind(2) and listen(2): what they will answer, and why one was refused
//! - [`ports`]: how many local ports connect(2) still finds for a destination
//! - [`settings`]: what the settings near TIME-WAIT really do, by kernel version
//! - [`Finding`]: who holds the port, why that refuses, until when, what to do; data with a stable code
//! - [`words`]: every sentence about a finding, in one place
//!
//! ```
//! use timewait_diagnose::{Until, bind::{self, Answer, Call, Facts, Request}};
//!
//! let request = Request { reuseaddr: true, ..Request::plain("0.0.0.0:80".parse().unwrap(), 1000) };
//! let facts = Facts { unprivileged_from: Some(1024), ..Facts::default() };
//! assert_eq!(bind::predict(&request, &facts).bind.failure().unwrap().answer, Answer::NotPermitted);
//!
//! let finding = bind::explain(&request, Call::Bind, Answer::NotPermitted, &facts);
//! assert_eq!(finding.code.name(), "privileged-port");
//! assert_eq!(finding.until, Until::Changed);
//! ```
#![forbid(unsafe_code)]

pub mod bind;
mod finding;
pub mod ports;
pub mod settings;
pub mod words;

pub use finding::{Because, Code, Finding, Holder, Note, Remedy, Role, Until};
