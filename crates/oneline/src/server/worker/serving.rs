use std::{os::fd::AsFd as _, time::Duration};

use rustix::io;

use super::Worker;
use crate::{
    Side,
    server::{Event, RunError, conversation::Conversation, slots::Ticket},
};

/// How long a client has to close after our FIN. All have equally long, so the queue of those who linger is in the
/// order of its deadlines.
const PATIENCE: Duration = Duration::from_secs(5);

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
        let lingered = talk.first().is_some();
        match self.go_on_or_wait(&mut talk, ticket) {
            Ok(Step::Wait) => {
                if talk.first().is_some() && !lingered {
                    self.lingering.push_back((self.now + self.patience(), ticket));
                }
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
            talk.await_more(self.epoll.as_fd(), ticket.to_bits())?;
        }
        Ok(step)
    }

    /// Says what is still to be said, hears what there is to hear, and sends our FIN when it is our turn.
    fn go_on(&mut self, talk: &mut Conversation) -> io::Result<Step> {
        if !talk.has_said() {
            self.totals.bytes_sent += talk.say(&self.setup.message)?;
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
        self.end_pause()
    }

    pub(super) fn count_first(&mut self, talk: &Conversation) {
        if let Some(first) = talk.first() {
            self.totals.closed_first.count(first);
        }
    }

    pub(super) fn hang_up(&self, talk: Conversation) {
        match self.setup.linger {
            None | Some(0) => drop(talk),
            Some(_) => talk.close_without_waiting(),
        }
    }

    fn patience(&self) -> Duration {
        self.setup.linger.map_or(PATIENCE, |seconds| Duration::from_secs(seconds.into()))
    }
}
