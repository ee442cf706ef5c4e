//! The owners of the sockets that are listed.

use std::num::NonZeroU32;

use timewait_facts::{Owner, Socket, State, States};
use timewait_linux::owners::Owners;

use super::note;
use crate::words::ls as words;

/// The owners of live sockets, read only where a state asked for can have one.
pub(super) struct Known(Option<Owners>);

impl Known {
    pub(super) const fn nobody() -> Self {
        Self(None)
    }

    pub(super) fn read(states: States) -> Self {
        if states.iter().all(|state| state == State::TimeWait) {
            return Self::nobody();
        }
        Self(Owners::read().map_err(|error| note(&words::no_owners(&error.to_string()))).ok())
    }

    pub(super) fn can_tell(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    pub(super) fn of(&self, socket: &Socket) -> Option<&Owner> {
        self.by_inode(socket.inode)
    }

    pub(super) fn by_inode(&self, inode: Option<NonZeroU32>) -> Option<&Owner> {
        self.0.as_ref()?.of(inode?)
    }

    /// What this user could not see is said at the end, once, if it concerns a row.
    pub(super) fn say_what_is_hidden(&self, concerns: bool) {
        if let (true, Some(owners)) = (concerns, &self.0)
            && owners.hidden_processes() > 0
        {
            note(&words::hidden_owners(owners.hidden_processes()));
        }
    }
}
