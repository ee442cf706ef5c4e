use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use timewait_facts::{Pattern, Socket, State, States};
use timewait_linux::sockets::Query;

use super::{PATIENCE, Site};
use crate::{Answer, Entry, SeenSocket, Trouble};

const LOOK_AGAIN: Duration = Duration::from_micros(300);

impl Site {
    /// The sockets with this port on either end, in any state, this side's first.
    ///
    /// # Errors
    /// The socket table did not answer.
    pub(crate) fn rows(&self, port: u16) -> Result<Vec<Socket>, Trouble> {
        let at = Pattern { prefix: None, port: Some(port) };
        let query = Query::in_states(States::all()).either(at);
        let mut rows = self.table.borrow_mut().collect(&query)?;
        rows.sort_by_key(|row| (row.local.port() != port, row.peer.port() != 0, row.state, row.peer));
        Ok(rows)
    }

    /// The rows as they are now, written down.
    ///
    /// # Errors
    /// The socket table did not answer.
    pub(crate) fn look(&self, when: &str, port: u16) -> Result<Vec<Socket>, Trouble> {
        let rows = self.rows(port)?;
        self.show(when, &rows);
        Ok(rows)
    }

    /// Writes rows down.
    pub(crate) fn show(&self, when: &str, rows: &[Socket]) {
        /// Rows of a crowd that are written down.
        const SHOWN: usize = 12;
        if rows.len() > SHOWN {
            self.did(format!("{} rows; the first {SHOWN}:", rows.len()));
        }
        self.journal.write(Entry::Rows {
            host: self.name.to_owned(),
            when: when.to_owned(),
            rows: rows.iter().take(SHOWN).map(SeenSocket::from).collect(),
        });
    }

    /// Waits until the rows with this port meet a condition.
    ///
    /// # Errors
    /// They do not within some seconds.
    pub(crate) fn until(
        &self,
        what: &str,
        port: u16,
        holds: impl Fn(&[Socket]) -> bool,
    ) -> Result<Vec<Socket>, Trouble> {
        let start = Instant::now();
        loop {
            let rows = self.rows(port)?;
            if holds(&rows) {
                return Ok(rows);
            }
            if start.elapsed() > PATIENCE {
                self.show("when patience ended", &rows);
                return Err(self.in_vain(what));
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits until no connection with this port is on its way from one state to another: all wait, listen, or are gone.
    ///
    /// # Errors
    /// Some still are after some seconds.
    pub(crate) fn settled(&self, port: u16) -> Result<Vec<Socket>, Trouble> {
        let rest = |row: &Socket| matches!(row.state, State::Listen | State::TimeWait | State::BoundInactive);
        self.until("all connections closed", port, |rows| rows.iter().all(rest))
    }

    /// One connection, as this host has it.
    ///
    /// # Errors
    /// The socket table did not answer.
    pub(crate) fn find(&self, local: SocketAddr, peer: SocketAddr) -> Result<Option<Socket>, Trouble> {
        Ok(self.table.borrow_mut().find(local, peer)?)
    }

    /// Ends a socket in TIME-WAIT (SOCK_DESTROY).
    ///
    /// # Errors
    /// The kernel did not.
    pub(crate) fn end(&self, socket: &Socket) -> Result<(), Trouble> {
        self.table.borrow_mut().end(socket)?;
        self.called(format!("SOCK_DESTROY {} {}", socket.local, socket.peer), &Answer::ok());
        Ok(())
    }
}

/// How many of these rows wait, with this port on their own side.
pub(crate) fn waiting_at(rows: &[Socket], port: u16) -> usize {
    rows.iter().filter(|row| row.state == State::TimeWait && row.local.port() == port).count()
}

/// How many of these rows wait, with this port on the other side.
pub(crate) fn waiting_towards(rows: &[Socket], port: u16) -> usize {
    rows.iter().filter(|row| row.state == State::TimeWait && row.peer.port() == port).count()
}
