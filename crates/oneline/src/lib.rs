//! The article's server and client: the one says a line to whoever connects and closes first, the other tells how
//! the connection ended. Values and events; a command prints them.
//!
//! - [`server`]: [`Setup`], [`Server`], the [`Event`]s of its run and its [`Totals`]
//! - [`client`]: [`Dial`], [`Connection`], and the [`Ending`] of its talk
//! - [`load`]: connections opened and closed at a rate, and how long they took
//! - [`Side`], [`First`]: who is to close first, and who did
//! - [`Call`]: the system call that an error is about
//!
//! ```
//! use std::{io, os::fd::AsFd as _, thread};
//! use timewait_oneline::{Connection, Dial, End, Server, Setup};
//!
//! let setup = Setup { address: "127.0.0.1:0".parse()?, connections: Some(1), ..Setup::default() };
//! let server = Server::listen(&setup)?;
//! let dial = Dial::to(server.local_address());
//! // A byte written to its other end would stop who watches it.
//! let (stop, _wish) = io::pipe()?;
//! let serving = thread::spawn({
//!     let stop = stop.try_clone()?;
//!     move || server.run(stop.as_fd(), &mut |_event| ())
//! });
//!
//! let mut line = Vec::new();
//! let connection = Connection::open(&dial, stop.as_fd())?;
//! let ending = connection.talk(None, stop.as_fd(), &mut |bytes| line.extend_from_slice(bytes));
//!
//! assert_eq!(line, b"I sent sth to client!\n");
//! assert_eq!(ending.end, End::PeerClosedFirst);
//! assert_eq!(serving.join().unwrap()?.served, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod call;
pub mod client;
mod closing;
pub mod load;
pub mod server;
mod slots;

pub use call::Call;
pub use client::{Connection, Dial, DialError, End, Ending, Input};
pub use closing::{First, Side};
pub use load::{Load, LoadError, Report};
pub use server::{ClosedFirst, Event, RunError, Server, Setup, SetupError, Totals};
pub use timewait_linux::Errno;
