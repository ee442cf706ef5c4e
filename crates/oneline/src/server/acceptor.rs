use rustix::io;

use super::{
    RunError, Totals,
    conversation::Conversation,
    crew::Crew,
    door::{self, Knock},
};
use crate::Call;

/// How many are accepted between two looks at how many wait.
const BETWEEN_LOOKS: u64 = 32;

/// So many clients in a round of the worker's, a tenth of a second, are no rush.
const UNHURRIED: u64 = 100;
/// So many are waited for in a round that follows on a rush: one, so that rounds go on.
const UNHURRIED_STILL: u64 = 1;

/// A thread that accepts, says the message, closes, and does nothing else: what takes longer is the worker's.
///
/// Every client is waited for until it closes, unless they come in a rush. Then one recv(2) before our FIN decides. If nothing has
/// come from the client by then, and it is on this host, nothing can be lost any more: the descriptor is closed, and the kernel
/// does the rest. Should the client speak later, it meets an RST, but behind the message, which this same kernel has put
/// into its queue already, and leaves there. A client that is elsewhere, or has said something, is waited for all the same:
/// on a network that loses segments an RST can overtake the message, and other kernels may discard what was not read yet.
pub(super) struct Acceptor<'a> {
    crew: &'a Crew<'a>,
    number: usize,
    /// Clients can only come from this host.
    all_near: bool,
    /// A round of the worker's, how many came in it, and how many of them are no rush.
    round: u32,
    came: u64,
    unhurried: u64,
    totals: Totals,
    scratch: Box<[u8]>,
}

/// How far a client came.
enum Step {
    /// It has the message and our FIN, and has yet to close.
    Linger,
    /// It has both, or will have for sure, and all that is left is the kernel's.
    Settled,
    /// It has closed as well.
    Done,
    /// The worker goes on with it.
    Rest,
}

impl<'a> Acceptor<'a> {
    pub(super) fn new(crew: &'a Crew<'a>, number: usize) -> Self {
        let all_near = crew.setup.address.ip().to_canonical().is_loopback();
        let scratch = vec![0; super::SCRATCH].into();
        Self {
            crew,
            number,
            all_near,
            round: 0,
            came: 0,
            unhurried: UNHURRIED,
            totals: Totals::default(),
            scratch,
        }
    }

    /// Accepts until the listening ends, or all who may come have come.
    pub(super) fn run(mut self) -> Totals {
        if let Err(error) = self.accept_all() {
            self.crew.fail(error);
        }
        self.totals
    }

    /// The first thread accepts all the time, the others when they are called.
    fn accept_all(&mut self) -> Result<(), RunError> {
        if self.number == 0 {
            return self.accept_while(|crew| {
                crew.call_for_help();
                true
            });
        }
        let mut heard = 0;
        while let Some(calls) = self.crew.wait_for_call(heard) {
            heard = calls;
            self.accept_while(|crew| !crew.needs_no_help())?;
        }
        Ok(())
    }

    /// Accepts for as long as somebody may come and, asked now and then, there is a reason to.
    fn accept_while(&mut self, reason: impl Fn(&Crew<'_>) -> bool) -> Result<(), RunError> {
        while (!self.totals.accepted.is_multiple_of(BETWEEN_LOOKS) || reason(self.crew)) && self.crew.permit()
        {
            let Some(talk) = self.next()? else { break };
            self.totals.accepted += 1;
            self.crew.came();
            self.serve(talk);
        }
        Ok(())
    }

    /// The next client; `None` once the listening has ended.
    fn next(&mut self) -> Result<Option<Conversation>, RunError> {
        loop {
            // The address is a twentieth of what there is to do for a connection.
            let ask = if self.all_near { door::accept_unasked } else { door::accept };
            match ask(self.crew.listener()) {
                Ok(Knock::Came(socket, peer)) => return Ok(Some(Conversation::new(socket, peer))),
                Ok(Knock::Interrupted) => {}
                Ok(Knock::Gone(_)) => self.totals.aborted += 1,
                // It does not block any more: the worker closes the door behind those who are there.
                Ok(Knock::Nobody) => return Ok(None),
                Ok(Knock::Starved(_)) | Err(_) if self.crew.is_closed() => return Ok(None),
                Ok(Knock::Starved(errno)) => self.crew.starve(self.number, errno),
                Err(errno) => return Err(RunError { call: Call::Accept, errno: errno.into() }),
            }
        }
    }

    fn serve(&mut self, mut talk: Conversation) {
        match self.begin(&mut talk) {
            Ok(Step::Settled) => {
                self.totals.settled += 1;
                self.totals.closed_first.count(talk.first());
            }
            Ok(Step::Linger) => self.linger(talk),
            Ok(Step::Rest) => self.pass_on(talk, true),
            Ok(Step::Done) => self.done(talk),
            // The worker would find the same, and tells of it; the close is all that is left.
            Err(_) => self.totals.lost += 1,
        }
    }

    fn begin(&mut self, talk: &mut Conversation) -> io::Result<Step> {
        let setup = self.crew.setup;
        if !setup.closes_at_once() {
            return Ok(Step::Rest);
        }
        self.totals.bytes_sent += talk.say(&setup.message, setup.fin_rides())?;
        if !talk.has_said() {
            return Ok(Step::Rest);
        }
        self.totals.served += 1;
        let settles = self.is_rush() && (self.all_near || talk.is_near()) && setup.linger.is_none();
        let heard = talk.hear(&mut self.scratch)?;
        self.totals.bytes_discarded += heard;
        if settles && heard == 0 && !talk.has_heard_fin() {
            // Nothing is held back for a FIN of its own: the close can send it.
            talk.send_fin_in_silence(!setup.fin_rides())?;
            return Ok(Step::Settled);
        }
        talk.send_fin()?;
        Ok(if talk.has_heard_fin() { Step::Done } else { Step::Linger })
    }

    /// Whether the client that has come now is one of too many. A rush lasts until there is a round without one.
    fn is_rush(&mut self) -> bool {
        let round = self.crew.round();
        if round != self.round {
            let goes_on = self.came > UNHURRIED && round == self.round.wrapping_add(1);
            self.unhurried = if goes_on { UNHURRIED_STILL } else { UNHURRIED };
            (self.round, self.came) = (round, 0);
        }
        self.came += 1;
        if self.came > self.unhurried {
            return true;
        }
        // Rounds pass while the worker is asked to look.
        self.crew.ask_for_attention();
        false
    }

    /// Puts a client where it is found again, and looks whether the oldest of those has closed.
    fn linger(&mut self, talk: Conversation) {
        let round = self.crew.round();
        let Some(mut place) = self.crew.place(self.number) else { return };
        let oldest = place.linger(round, talk);
        drop(place);
        self.crew.ask_for_attention();
        if let Some(oldest) = oldest {
            self.look_at(oldest);
        }
    }

    /// Closes if the client has, and leaves it to the worker if it has not.
    fn look_at(&mut self, mut talk: Conversation) {
        match talk.hear(&mut self.scratch) {
            Ok(heard) => {
                self.totals.bytes_discarded += heard;
                if talk.has_heard_fin() { self.done(talk) } else { self.pass_on(talk, false) }
            }
            Err(_) => self.totals.lost += 1,
        }
    }

    fn pass_on(&self, talk: Conversation, at_once: bool) {
        let Some(mut place) = self.crew.place(self.number) else { return };
        let many = place.pass_on(talk);
        drop(place);
        if many || at_once {
            self.crew.ring();
        } else {
            self.crew.ask_for_attention();
        }
    }

    /// Both FINs were sent.
    fn done(&mut self, talk: Conversation) {
        self.totals.orderly += 1;
        self.totals.closed_first.count(talk.first());
        if self.crew.setup.linger.is_some() {
            talk.close_without_waiting();
        }
    }
}

#[cfg(test)]
mod tests;
