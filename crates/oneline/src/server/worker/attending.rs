use std::time::Duration;

use super::{Worker, failed};
use crate::{
    Call,
    server::{Event, RunError, conversation::Conversation, crew::Crew, door::Door},
};

/// How often the worker looks after those whom the threads that accept have served last, while there are any.
const ROUND: Duration = Duration::from_millis(100);

/// How many connections are shed at once, for a descriptor each.
const SHED_AT_ONCE: usize = 64;

impl<O: FnMut(Event)> Worker<'_, O> {
    /// The bell rang: somebody is to be taken over, or looked after, or a thread has ended.
    pub(super) fn attend(&mut self) -> Result<(), RunError> {
        let Some(crew) = self.crew else { return Ok(()) };
        crew.answer_bell();
        if let Some(error) = crew.failure() {
            return Err(error);
        }
        let hunger = crew.hunger();
        // Those who came in this round stay where they are; most have closed before the next.
        self.take_over(crew, hunger.is_some() || self.end.is_some())?;
        if let Some(errno) = hunger {
            self.shed_for(crew, errno)?;
        }
        if crew.is_attended() {
            self.next_round.get_or_insert(self.now + ROUND);
        }
        Ok(())
    }

    fn shed_for(&mut self, crew: &Crew<'_>, errno: rustix::io::Errno) -> Result<(), RunError> {
        let mut shed = 0;
        while shed < SHED_AT_ONCE && self.shed_the_oldest()? {
            shed += 1;
        }
        // If one has ended meanwhile, the threads know already.
        if shed == 0 && crew.hunger().is_some() {
            self.tell_of_pause(errno);
        }
        Ok(())
    }

    /// It is time to look after them again.
    pub(super) fn look_round(&mut self) -> Result<(), RunError> {
        let Some(crew) = self.crew else { return Ok(()) };
        let any_left = self.take_over(crew, self.end.is_some())?;
        let goes_on = any_left || crew.cease_to_attend();
        self.next_round = goes_on.then_some(self.now + ROUND);
        Ok(())
    }

    fn take_over(&mut self, crew: &Crew<'_>, all: bool) -> Result<bool, RunError> {
        let mut outcome = Ok(());
        let any_left = crew.collect(all, &mut |talk| {
            let adopted = self.adopt(talk);
            if outcome.is_ok() {
                outcome = adopted;
            }
        });
        outcome.map(|()| any_left)
    }

    /// Goes on with a conversation that a thread began, and counted.
    fn adopt(&mut self, talk: Conversation) -> Result<(), RunError> {
        let ticket = self.talks.insert(talk);
        self.resume(ticket)
    }

    /// From here on the threads that accept find nobody, and the worker is at the door itself.
    pub(in crate::server) fn relieve_crew(&mut self) -> Result<(), RunError> {
        let Some(crew) = self.crew else { return Ok(()) };
        if !crew.is_closed() {
            rustix::io::ioctl_fionbio(crew.listener(), true).map_err(failed(Call::SetOption("FIONBIO")))?;
            let left = crew.withdraw_permits();
            let door = Door::open(crew.listener().clone(), self.epoll(), left);
            self.door = Some(door.map_err(failed(Call::Epoll("epoll_ctl")))?);
        }
        self.take_over(crew, true)?;
        Ok(())
    }

    /// Whether there is anything left to do. Once nobody is at the door after the wish to stop, the threads that accept are
    /// to end; and when they have, all that they left is taken over.
    pub(super) fn goes_on(&mut self) -> Result<bool, RunError> {
        if let Some(crew) = self.crew {
            if self.end.is_some() && self.door.is_none() {
                crew.close();
            }
            if crew.is_alive() {
                return Ok(true);
            }
            self.take_over(crew, true)?;
        }
        Ok(self.door.is_some() || self.talks.len() > 0)
    }
}
