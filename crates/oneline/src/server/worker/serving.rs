use std::{os::fd::AsFd as _, time::Duration};

use rustix::io;

use super::Worker;
use crate::{
    Side,
    server::{
        Event, RunError,
        conversation::{Conversation, Wait},
    },
    slots::Ticket,
};

/// How long a client has to close after our FIN. All have equally long, so the queue of those who linger is in the
/// order of its deadlines.
const LINGER: Duration = Duration::from_secs(5);

/// How far a conversation came.
#[derive(Debug)]
enum Step {
    /// It goes on when the client does.
    Wait,
    /// Both FINs were sent, or ours goes with the close.
    Orderly,
    /// The close is to be an RST.
    Reset,
}

impl<O: FnMut(Event)> Worker<'_, O> {
    /// Lets a conversation go on as far as it can.
    pub(super) fn resume(&mut self, ticket: Ticket) -> Result<(), RunError> {
        let Some(mut talk) = self.talks.take(ticket) else { return Ok(()) };
        let outcome = self.go_on_or_wait(&mut talk, ticket);
        self.settle(ticket, talk, outcome)
    }

    /// Waits with a conversation, or ends and counts it.
    fn settle(&mut self, ticket: Ticket, talk: Conversation, step: io::Result<Step>) -> Result<(), RunError> {
        match step {
            Ok(Step::Wait) => {
                self.talks.put_back(ticket, talk);
                return Ok(());
            }
            Ok(Step::Orderly) => {
                self.totals.orderly += 1;
                self.count_first(&talk);
            }
            Ok(Step::Reset) => self.totals.reset_by_us += 1,
            Err(errno) => {
                self.totals.lost += 1;
                let (peer, served) = (talk.peer(), talk.has_said());
                (self.observer)(Event::Lost { peer, errno: errno.into(), served });
            }
        }
        self.end(ticket, talk)
    }

    fn go_on_or_wait(&mut self, talk: &mut Conversation, ticket: Ticket) -> io::Result<Step> {
        let step = self.go_on(talk)?;
        if let Step::Wait = step {
            self.await_more(talk, ticket)?;
        }
        Ok(step)
    }

    /// It goes on when the client does, or when its time is over.
    fn await_more(&mut self, talk: &mut Conversation, ticket: Ticket) -> io::Result<()> {
        let lingers = talk.first().is_some();
        match talk.waits_for(if lingers { Wait::Fin } else { Wait::Turn }) {
            Some(Wait::Fin) => self.lingering.push_back((self.now + self.linger_time(), ticket)),
            Some(Wait::Turn) => self.pending.push_back((self.now + self.setup.patience, ticket)),
            None => {}
        }
        talk.await_more(self.epoll.as_fd(), ticket.to_bits())
    }

    /// Says what is still to be said, hears what there is to hear, and sends our FIN when it is our turn.
    fn go_on(&mut self, talk: &mut Conversation) -> io::Result<Step> {
        if !talk.has_said() {
            self.totals.bytes_sent += talk.say(&self.setup.message, self.setup.fin_rides())?;
            if talk.has_said() {
                self.totals.served += 1;
                (self.observer)(Event::Served { peer: talk.peer() });
            }
        }
        self.totals.bytes_discarded += talk.hear(&mut self.scratch)?;
        let our_turn = self.setup.close_first == Side::Server || talk.has_heard_fin();
        if talk.has_said() && our_turn && talk.first().is_none() {
            if self.setup.linger == Some(0) {
                return Ok(Step::Reset);
            }
            talk.send_fin()?;
        }
        let both = talk.first().is_some() && talk.has_heard_fin();
        Ok(if both { Step::Orderly } else { Step::Wait })
    }

    /// The client was to read, or to close first, and had its time. One that has the whole message gets our FIN after all;
    /// half a message ends in an RST, lest it look like a whole one.
    pub(super) fn lose_patience(&mut self, ticket: Ticket) -> Result<(), RunError> {
        let Some(mut talk) = self.talks.take(ticket) else { return Ok(()) };
        if talk.first().is_some() {
            self.talks.put_back(ticket, talk);
            return Ok(());
        }
        if talk.has_moved() {
            self.pending.push_back((self.now + self.setup.patience, ticket));
            self.talks.put_back(ticket, talk);
            return Ok(());
        }
        self.totals.impatient += 1;
        if !talk.has_said() {
            self.totals.cut += 1;
            // If it fails, the client sees a FIN where an RST would be better.
            let _ = talk.cut();
            return self.end(ticket, talk);
        }
        let parted = talk.send_fin().and_then(|()| self.await_more(&mut talk, ticket));
        self.settle(ticket, talk, parted.map(|()| Step::Wait))
    }

    /// Ends a conversation whose client has not answered our FIN.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Result<(), RunError> {
        let Some(mut talk) = self.talks.take(ticket) else { return Ok(()) };
        // What was said meanwhile would make the close an RST; an error would be the end that it is anyway.
        self.totals.bytes_discarded += talk.hear(&mut self.scratch).unwrap_or(0);
        self.totals.left += 1;
        self.count_first(&talk);
        self.end(ticket, talk)
    }

    /// Closes, which may be what accepting waited for.
    fn end(&mut self, ticket: Ticket, talk: Conversation) -> Result<(), RunError> {
        self.talks.vacate(ticket);
        self.hang_up(talk);
        if let Some(crew) = self.crew {
            crew.feed();
        }
        self.end_pause()
    }

    pub(super) fn count_first(&mut self, talk: &Conversation) {
        self.totals.closed_first.count(talk.first());
    }

    pub(super) fn hang_up(&self, talk: Conversation) {
        match self.setup.linger {
            None | Some(0) => drop(talk),
            Some(_) => talk.close_without_waiting(),
        }
    }

    fn linger_time(&self) -> Duration {
        self.setup.linger.map_or(LINGER, |seconds| Duration::from_secs(seconds.into()))
    }
}
