use std::{thread, time::Duration};

use rustix::io::{self, Errno};

use super::{
    RunError, Totals,
    conversation::Conversation,
    crew::Crew,
    door::{self, Knock},
};
use crate::Call;

/// How long until accept4(2) is tried again when it lacked something.
const PAUSE: Duration = Duration::from_millis(10);

/// After so many clients in a row that have closed without a word, the next are taken for such.
const SILENT_IN_A_ROW: u64 = 1000;

/// Of those, one in so many is waited for all the same, to see whether it holds.
const SAMPLE: u64 = 64;

/// How many are accepted between two looks at how many wait.
const BETWEEN_LOOKS: u64 = 32;

/// A thread that accepts, says the message, closes, and does nothing else: what takes longer is the worker's.
///
/// A client that has its message and our FIN is kept for as long as it takes until a few more have come. Nearly always
/// it has closed by then, and closing the descriptor is all that is left to do; so epoll never hears of it.
///
/// What a client says after close(2) is answered by an RST. Where the clients say nothing, there is nothing to wait for:
/// then most descriptors are closed as soon as our FIN is sent, and the kernel does the rest, without the descriptor's
/// weight.
pub(super) struct Acceptor<'a> {
    crew: &'a Crew<'a>,
    number: usize,
    totals: Totals,
    /// How many clients have closed since one of them last said a word.
    silent: u64,
    scratch: Box<[u8]>,
}

/// How far a client came.
enum Step {
    /// It has the message and our FIN, and has yet to answer.
    Linger,
    /// It has said nothing, and is not expected to.
    Leave,
    /// It has closed as well.
    Done,
    /// The worker goes on with it.
    Rest,
}

impl<'a> Acceptor<'a> {
    pub(super) fn new(crew: &'a Crew<'a>, number: usize) -> Self {
        Self { crew, number, totals: Totals::default(), silent: 0, scratch: vec![0; super::SCRATCH].into() }
    }

    /// Accepts until the listening ends, or all who may come have come.
    pub(super) fn run(mut self) -> Totals {
        let outcome = self.accept_all();
        if let Some(mut place) = self.crew.place(self.number) {
            place.leave();
        }
        self.crew.end(outcome);
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
            loop {
                match door::accept(self.crew.listener()) {
                    Ok(Knock::Came(socket, peer)) => {
                        self.totals.accepted += 1;
                        self.crew.came();
                        self.serve(Conversation::new(socket, peer));
                        break;
                    }
                    Ok(Knock::Interrupted) => {}
                    Ok(Knock::Gone(_)) => self.totals.aborted += 1,
                    Ok(Knock::Starved(errno)) => self.starve(errno),
                    // It does not block any more: the worker closes the door behind those who are there.
                    Ok(Knock::Nobody) => return Ok(()),
                    Err(_) if self.crew.is_closed() => return Ok(()),
                    Err(errno) => return Err(RunError { call: Call::Accept, errno: errno.into() }),
                }
            }
        }
        Ok(())
    }

    fn serve(&mut self, mut talk: Conversation) {
        match self.begin(&mut talk) {
            Ok(Step::Linger) => self.keep(talk, true),
            Ok(Step::Rest) => self.keep(talk, false),
            Ok(Step::Leave) => {
                self.totals.left += 1;
                self.totals.left_at_once += 1;
                self.totals.closed_first.count(talk.first());
            }
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
        let heard = talk.hear_late(&mut self.scratch)?;
        self.totals.bytes_discarded += heard;
        self.silent = if heard == 0 { self.silent } else { 0 };
        if talk.has_heard_fin() {
            talk.send_fin()?;
            return Ok(Step::Done);
        }
        if heard > 0 || setup.linger.is_some() || self.expects_words() {
            talk.send_fin()?;
            return Ok(Step::Linger);
        }
        talk.send_fin_to_the_silent(setup.fin_rides())?;
        Ok(Step::Leave)
    }

    /// Whether the next client may have something to say.
    fn expects_words(&self) -> bool {
        self.silent < SILENT_IN_A_ROW || self.totals.accepted.is_multiple_of(SAMPLE)
    }

    /// Puts a client where it is found again, and looks whether the oldest of those who linger has closed.
    fn keep(&mut self, talk: Conversation, lingers: bool) {
        let round = self.crew.round();
        let Some(mut place) = self.crew.place(self.number) else { return };
        let oldest = if lingers {
            place.linger(round, talk)
        } else {
            place.rest.push(talk);
            None
        };
        drop(place);
        let crowded = oldest.is_some_and(|(since, talk)| self.look_at(since, talk));
        if crowded || !lingers {
            self.crew.ring();
        } else {
            self.crew.ask_for_attention();
        }
    }

    /// Closes if the client has, and puts it back if it has not. Gives whether there are too many of those.
    fn look_at(&mut self, since: u32, mut talk: Conversation) -> bool {
        match talk.hear_late(&mut self.scratch) {
            Ok(heard) => {
                self.totals.bytes_discarded += heard;
                self.silent = if heard == 0 { self.silent } else { 0 };
                if !talk.has_heard_fin() {
                    let place = self.crew.place(self.number);
                    return place.is_some_and(|mut place| place.linger_on(since, talk));
                }
                self.done(talk);
            }
            Err(_) => self.totals.lost += 1,
        }
        false
    }

    /// Both FINs were sent; of words, the last are counted already.
    fn done(&mut self, talk: Conversation) {
        self.silent += 1;
        self.totals.orderly += 1;
        self.totals.closed_first.count(talk.first());
        if self.crew.setup.linger.is_some() {
            talk.close_without_waiting();
        }
    }

    /// Gives the worker all it has, of which some can be shed, and waits a moment.
    fn starve(&mut self, errno: Errno) {
        if let Some(mut place) = self.crew.place(self.number) {
            place.leave();
        }
        self.crew.starve(errno);
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests;
