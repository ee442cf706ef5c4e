use std::{
    net::SocketAddr,
    os::fd::{AsFd as _, OwnedFd},
    time::Duration,
};

use rustix::io::Errno;

use super::{Worker, failed};
use crate::{
    Call,
    server::{Event, RunError, conversation::Conversation, door::Knock},
};

/// How many are accepted before those who are being served have their turn.
const ACCEPTS_IN_A_ROW: usize = 64;

/// How long until accept(2) is tried again when it lacked something that no connection of ours gave back.
const PAUSE: Duration = Duration::from_millis(100);

impl<O: FnMut(Event)> Worker<'_, O> {
    pub(super) fn welcome(&mut self) -> Result<(), RunError> {
        for _ in 0..ACCEPTS_IN_A_ROW {
            let Some(door) = self.door.as_ref().filter(|door| door.paused_until.is_none()) else { break };
            match door.accept().map_err(failed(Call::Accept))? {
                Knock::Came(socket, peer) => self.begin(socket, peer)?,
                Knock::Interrupted => {}
                Knock::Gone(errno) => {
                    self.totals.aborted += 1;
                    (self.observer)(Event::Aborted { errno: errno.into() });
                }
                Knock::Starved(errno) => {
                    if !self.shed_the_oldest()? {
                        self.pause(errno)?;
                    }
                }
                Knock::Nobody => {
                    if self.door.as_ref().is_some_and(|door| door.closing) {
                        self.close_door();
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, socket: OwnedFd, peer: Option<SocketAddr>) -> Result<(), RunError> {
        self.totals.accepted += 1;
        if let Some(left) = self.door.as_mut().and_then(|door| door.left.as_mut()) {
            *left -= 1;
        }
        self.close_door_if_done();
        let ticket = self.talks.insert(Conversation::new(socket, peer));
        self.resume(ticket)
    }

    pub(super) fn close_door_if_done(&mut self) {
        if self.door.as_ref().is_some_and(|door| door.left == Some(0)) {
            self.close_door();
        }
    }

    pub(super) fn close_door(&mut self) {
        if let Some(door) = self.door.take() {
            door.close(self.epoll.as_fd());
        }
    }

    fn pause(&mut self, errno: Errno) -> Result<(), RunError> {
        if let Some(door) = &mut self.door {
            door.pause(self.epoll.as_fd(), self.now + PAUSE).map_err(failed(Call::Epoll("epoll_ctl")))?;
            self.tell_of_pause(errno);
        }
        Ok(())
    }

    pub(super) fn tell_of_pause(&mut self, errno: Errno) {
        self.totals.pauses += 1;
        (self.observer)(Event::Paused { errno: errno.into(), open: self.talks.len() });
    }

    pub(super) fn end_pause(&mut self) -> Result<(), RunError> {
        match self.door.as_mut().filter(|door| door.paused_until.is_some()) {
            Some(door) => door.resume(self.epoll.as_fd()).map_err(failed(Call::Epoll("epoll_ctl"))),
            None => Ok(()),
        }
    }

    /// Closes the connection that has waited longest for its client's FIN: all that the client is to get is with the
    /// kernel already. Gives whether there was one.
    pub(super) fn shed_the_oldest(&mut self) -> Result<bool, RunError> {
        while let Some((_, ticket)) = self.lingering.pop_front() {
            if self.talks.holds(ticket) {
                self.totals.shed += 1;
                self.leave(ticket)?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}
