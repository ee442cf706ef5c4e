//! The loop: one epoll instance, one thread.

mod accepting;
mod attending;
mod serving;

use std::{
    collections::VecDeque,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::{
        Timespec,
        epoll::{self, EventData, EventFlags},
    },
    io::Errno,
};

use crate::{
    Call,
    server::{
        Event, RunError, SCRATCH, Setup, Totals,
        conversation::Conversation,
        crew::Crew,
        door::{Door, LISTENER},
    },
    slots::{Slots, Ticket},
};

/// Epoll's number for the descriptor that says to stop; no ticket has it.
const STOP: u64 = u64::MAX - 1;

/// Epoll's number for the bell of the threads that accept; no ticket has it.
const BELL: u64 = u64::MAX - 2;

/// How long those who are being served at the end of a run have.
const GRACE: Duration = Duration::from_secs(2);

/// How many events one wake-up takes along.
const EVENTS: usize = 256;

/// By which way clients come to the worker.
pub(super) enum Entrance<'a> {
    /// It accepts them itself.
    Listener(Arc<OwnedFd>),
    /// Threads accept them, and leave it what takes longer.
    Crew(&'a Crew<'a>),
}

pub(super) struct Worker<'a, O> {
    setup: &'a Setup,
    observer: &'a mut O,
    epoll: OwnedFd,
    stop: BorrowedFd<'a>,
    /// Those who accept in the worker's place.
    crew: Option<&'a Crew<'a>>,
    /// When those whom they served last are looked after.
    next_round: Option<Instant>,
    door: Option<Door>,
    talks: Slots<Conversation>,
    /// Those whose client has yet to take the message, or to close first, the oldest first; some are done since.
    pending: VecDeque<(Instant, Ticket)>,
    /// Those whose client has yet to answer our FIN, the oldest first; some have left since.
    lingering: VecDeque<(Instant, Ticket)>,
    /// The end of the grace, once the wish to stop was heard.
    end: Option<Instant>,
    now: Instant,
    scratch: Box<[u8]>,
    totals: Totals,
}

impl<'a, O: FnMut(Event)> Worker<'a, O> {
    pub(super) fn new(
        setup: &'a Setup,
        entrance: Entrance<'a>,
        stop: BorrowedFd<'a>,
        observer: &'a mut O,
    ) -> Result<Self, RunError> {
        let epoll =
            epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed(Call::Epoll("epoll_create1")))?;
        let control = failed(Call::Epoll("epoll_ctl"));
        epoll::add(&epoll, stop, EventData::new_u64(STOP), EventFlags::IN).map_err(control)?;
        let (door, crew) = match entrance {
            Entrance::Listener(listener) => {
                (Some(Door::open(listener, epoll.as_fd(), setup.connections).map_err(control)?), None)
            }
            Entrance::Crew(crew) => {
                let bell = EventData::new_u64(BELL);
                epoll::add(&epoll, crew.bell(), bell, EventFlags::IN).map_err(control)?;
                (None, Some(crew))
            }
        };
        Ok(Self {
            setup,
            observer,
            epoll,
            stop,
            crew,
            next_round: None,
            door,
            talks: Slots::new(),
            pending: VecDeque::new(),
            lingering: VecDeque::new(),
            end: None,
            now: Instant::now(),
            scratch: vec![0; SCRATCH].into(),
            totals: Totals::default(),
        })
    }

    pub(super) fn run(mut self) -> Result<Totals, RunError> {
        let mut events = [epoll::Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; EVENTS];
        self.close_door_if_done();
        while self.goes_on()? {
            let ready = self.wait(&mut events)?;
            self.totals.wakeups += 1;
            self.now = Instant::now();
            for event in events.iter().take(ready) {
                self.answer({ event.data }.u64())?;
            }
            self.mind_the_clock()?;
        }
        Ok(self.totals)
    }

    fn epoll(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    fn wait(&mut self, events: &mut [epoll::Event]) -> Result<usize, RunError> {
        let timeout = self.next_deadline().map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() }
        });
        match epoll::wait(&self.epoll, events, timeout.as_ref()) {
            Err(Errno::INTR) => Ok(0),
            outcome => outcome.map_err(failed(Call::Epoll("epoll_wait"))),
        }
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        let talks = &self.talks;
        let first = |queue: &mut VecDeque<(Instant, Ticket)>| {
            while let Some(&(deadline, ticket)) = queue.front() {
                if talks.holds(ticket) {
                    return Some(deadline);
                }
                queue.pop_front();
            }
            None
        };
        let (pending, lingering) = (first(&mut self.pending), first(&mut self.lingering));
        let paused = self.door.as_ref().and_then(|door| door.paused_until);
        [pending, lingering, paused, self.next_round, self.end].into_iter().flatten().min()
    }

    fn answer(&mut self, token: u64) -> Result<(), RunError> {
        match token {
            LISTENER => self.welcome(),
            STOP => self.heed_stop(),
            BELL => self.attend(),
            ticket => self.resume(Ticket::from_bits(ticket)),
        }
    }

    fn mind_the_clock(&mut self) -> Result<(), RunError> {
        while let Some(&(deadline, ticket)) = self.lingering.front()
            && deadline <= self.now
        {
            self.lingering.pop_front();
            self.leave(ticket)?;
        }
        while let Some(&(deadline, ticket)) = self.pending.front()
            && deadline <= self.now
        {
            self.pending.pop_front();
            self.lose_patience(ticket)?;
        }
        if self.door.as_ref().and_then(|door| door.paused_until).is_some_and(|until| until <= self.now) {
            self.end_pause()?;
        }
        if self.next_round.is_some_and(|round| round <= self.now) {
            self.look_round()?;
        }
        if self.end.is_some_and(|end| end <= self.now) {
            self.end_at_once();
        }
        Ok(())
    }

    /// The first wish ends the accepting, in the end; the second ends everything now. The end of the descriptor is a
    /// first wish, but no second one.
    fn heed_stop(&mut self) -> Result<(), RunError> {
        let more_may_come = match rustix::io::read(self.stop, &mut [0_u8]) {
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            Ok(bytes) => bytes > 0,
            Err(_) => false,
        };
        if !more_may_come {
            epoll::delete(&self.epoll, self.stop).map_err(failed(Call::Epoll("epoll_ctl")))?;
        }
        match self.end {
            None => self.begin_the_end(),
            Some(_) if more_may_come => {
                self.end_at_once();
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    /// Those whom the kernel had connected already are taken; later ones only as far as they come in between.
    fn begin_the_end(&mut self) -> Result<(), RunError> {
        self.end = Some(self.now + GRACE);
        self.relieve_crew()?;
        (self.observer)(Event::Stopping { open: self.talks.len() });
        let in_queue = u64::from(self.setup.backlog) + 1;
        if let Some(door) = &mut self.door {
            door.closing = true;
            door.left = Some(door.left.map_or(in_queue, |left| left.min(in_queue)));
        }
        self.close_door_if_done();
        self.end_pause()?;
        self.welcome()
    }

    fn end_at_once(&mut self) {
        self.close_door();
        // Whoever is still to be taken over is to end as soon.
        self.end = Some(self.now);
        for talk in self.talks.drain() {
            let leaves = if talk.first().is_some() { &mut self.totals.left } else { &mut self.totals.cut };
            *leaves += 1;
            self.count_first(&talk);
            if talk.has_said() {
                self.hang_up(talk);
            } else {
                // If it fails, the client sees a FIN where an RST would be better.
                let _ = talk.cut();
            }
        }
    }
}

fn failed(call: Call) -> impl Fn(Errno) -> RunError + Copy {
    move |errno| RunError { call, errno: errno.into() }
}
