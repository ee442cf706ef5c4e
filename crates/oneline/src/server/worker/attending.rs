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
        if let Some(errno) = crew.hunger() {
            self.take_over(crew, true)?;
            let mut shed = 0;
            while shed < SHED_AT_ONCE && self.shed_the_oldest()? {
                shed += 1;
            }
            if shed == 0 {
                self.tell_of_pause(errno);
            }
        }
        // Those who came in this round stay where they are; most have closed before the next.
        crew.attend();
        self.take_over(crew, self.end.is_some())?;
        self.next_round.get_or_insert(self.now + ROUND);
        Ok(())
    }

    /// It is time to look after them again.
    pub(super) fn look_round(&mut self) -> Result<(), RunError> {
        let Some(crew) = self.crew else { return Ok(()) };
        let any_left = self.take_over(crew, self.end.is_some())?;
        let somebody = any_left || crew.leave_unattended();
        self.next_round = somebody.then_some(self.now + ROUND);
        if somebody {
            crew.attend();
        }
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
        let lingers = talk.first().is_some();
        let ticket = self.talks.insert(talk);
        if lingers {
            self.lingering.push_back((self.now + self.patience(), ticket));
        }
        self.resume(ticket)
    }

    /// From here on the threads that accept find nobody, and the worker is at the door itself.
    pub(super) fn relieve_crew(&mut self) -> Result<(), RunError> {
        let Some(crew) = self.crew else { return Ok(()) };
        let control = failed(Call::Epoll("epoll_ctl"));
        if !crew.is_closed() {
            rustix::io::ioctl_fionbio(crew.listener(), true).map_err(control)?;
            let listener = crew.listener().clone();
            let left = crew.withdraw_permits();
            self.door = Some(Door::open(listener, self.epoll(), left).map_err(control)?);
        }
        self.take_over(crew, true)?;
        Ok(())
    }

    /// Whether connections may still come from the threads that accept. Once nobody is at the door after the wish to
    /// stop, they are to end.
    pub(super) fn crew_goes_on(&self) -> bool {
        let Some(crew) = self.crew else { return false };
        if self.end.is_some() && self.door.is_none() {
            crew.close();
        }
        crew.is_alive()
    }
}
