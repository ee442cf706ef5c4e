//! What was done and seen in an experiment, for people to read. Never evidence.

use std::{cell::RefCell, net::SocketAddr};

use serde::{Deserialize, Serialize};
use timewait_facts::Socket;
use timewait_tcp::Trace;

use crate::capture::Capture;

/// One thing that was done or seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// A part of the experiment begins: `with tcp_fin_timeout = 5`.
    Case(String),
    /// Something was done, or happened: `the server closes first`.
    Did(String),
    /// A setting of this host was written, and read back.
    Set {
        /// On which host.
        host: String,
        /// The setting.
        name: String,
        /// Its value now.
        value: String,
    },
    /// A system call was made.
    Called {
        /// On which host.
        host: String,
        /// `bind 0.0.0.0:9000 with SO_REUSEADDR`
        call: String,
        /// `OK`, an errno's name, or what was read.
        answer: String,
    },
    /// The socket table, at a moment.
    Rows {
        /// On which host.
        host: String,
        /// When: `after both have closed`.
        when: String,
        /// The rows.
        rows: Vec<SeenSocket>,
    },
    /// What was on the wire: the drawing with this number.
    Drawn(usize),
}

/// A row of the socket table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSocket {
    /// Its state, as `ss` names it.
    pub state: String,
    /// This side.
    pub local: SocketAddr,
    /// The other side.
    pub peer: SocketAddr,
    /// Milliseconds until a timewait minisocket goes by itself.
    pub expires_in_ms: Option<u64>,
}

impl From<&Socket> for SeenSocket {
    fn from(socket: &Socket) -> Self {
        let expires = socket.expires_in().map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        Self {
            state: socket.state.name().to_owned(),
            local: socket.local,
            peer: socket.peer,
            expires_in_ms: expires,
        }
    }
}

/// Where entries are written while an experiment runs.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: RefCell<Vec<Entry>>,
    drawings: RefCell<Vec<Drawing>>,
}

/// What was on a wire, to be drawn and to be written to a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drawing {
    /// For a ladder.
    pub trace: Trace,
    /// For Wireshark.
    pub capture: Capture,
}

impl Journal {
    pub(crate) fn write(&self, entry: Entry) {
        self.entries.borrow_mut().push(entry);
    }

    pub(crate) fn draw(&self, drawing: Drawing) {
        let mut drawings = self.drawings.borrow_mut();
        self.write(Entry::Drawn(drawings.len()));
        drawings.push(drawing);
    }

    pub(crate) fn take(&self) -> (Vec<Entry>, Vec<Drawing>) {
        (self.entries.take(), self.drawings.take())
    }
}
