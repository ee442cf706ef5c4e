use std::{
    collections::VecDeque,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::{
    event::{
        PollFd, PollFlags, Timespec,
        epoll::{self, EventData, EventFlags},
    },
    io::{self, Errno},
    time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags},
};

use super::{
    Ended, Latencies, Load, LoadError, Progress, Report, Sources, Tally,
    ports::Held,
    talk::{Failed, Step, Talk},
};
use crate::{
    Call,
    slots::{Slots, Ticket},
};

/// Epoll's number for the descriptor that says to stop, and for the clock; no ticket has them.
const STOP: u64 = u64::MAX;
const CLOCK: u64 = u64::MAX - 1;

/// How often it looks at the clock at least. A timer of its own, since a timeout for each wait costs as much as a
/// third of a connection.
const TICK: Duration = Duration::from_millis(20);
/// How often the observer is told.
const TELL: Duration = Duration::from_millis(250);
/// How long those that are open at the end have.
const GRACE: Duration = Duration::from_secs(2);
/// How long it does not try again after a failure, when it goes as fast as possible.
const BACK_OFF: Duration = Duration::from_millis(10);
/// How many are opened before those that are open have their turn.
const OPENED_IN_A_ROW: usize = 64;
const EVENTS: usize = 256;
const SCRATCH: usize = 64 * 1024;

pub(super) struct Engine<'a> {
    load: &'a Load,
    sources: Sources,
    epoll: OwnedFd,
    clock: OwnedFd,
    talks: Slots<Talk>,
    /// When each is to have ended, the oldest first; some have since.
    deadlines: VecDeque<(Instant, Ticket)>,
    held: Held,
    /// Only the turn of the others stopped the opening.
    more_to_open: bool,
    tally: Tally,
    connect: Latencies,
    whole: Latencies,
    scratch: Box<[u8]>,
    start: Instant,
    now: Instant,
    told: Instant,
    held_until: Instant,
    ended: Option<(Ended, Instant)>,
    stopped: bool,
}

impl<'a> Engine<'a> {
    pub(super) fn new(load: &'a Load, stop: BorrowedFd<'_>) -> Result<Self, LoadError> {
        let epoll =
            epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed(Call::Epoll("epoll_create1")))?;
        let clock = ticking().map_err(failed(Call::Timerfd))?;
        for (descriptor, number) in [(stop, STOP), (clock.as_fd(), CLOCK)] {
            epoll::add(&epoll, descriptor, EventData::new_u64(number), EventFlags::IN)
                .map_err(failed(Call::Epoll("epoll_ctl")))?;
        }
        let now = Instant::now();
        Ok(Self {
            load,
            sources: Sources::new(&load.from),
            epoll,
            clock,
            talks: Slots::new(),
            deadlines: VecDeque::new(),
            held: Held::for_each(load.held_for),
            more_to_open: false,
            tally: Tally::default(),
            connect: Latencies::new()?,
            whole: Latencies::new()?,
            scratch: vec![0; SCRATCH].into(),
            start: now,
            now,
            told: now,
            held_until: now,
            ended: None,
            stopped: false,
        })
    }

    pub(super) fn run(mut self, observer: &mut impl FnMut(&Progress<'_>)) -> Result<Report, LoadError> {
        let mut events = [epoll::Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; EVENTS];
        (self.start, self.now) = (Instant::now(), Instant::now());
        loop {
            self.open_those_due();
            if self.is_over() {
                break;
            }
            let ready = self.wait(&mut events)?;
            for event in events.iter().take(ready) {
                self.answer({ event.data }.u64(), event.flags);
            }
            self.now = Instant::now();
            self.mind_the_clock();
            if self.now.duration_since(self.told) >= TELL {
                self.told = self.now;
                let elapsed = self.elapsed();
                let (open, held) = (self.talks.len() as u64, self.held.count(elapsed));
                observer(&Progress { elapsed, tally: &self.tally, open, held });
            }
        }
        Ok(self.report())
    }

    fn elapsed(&self) -> Duration {
        self.now.duration_since(self.start)
    }

    /// When the connection with this number is to begin.
    fn due(&self, number: u64) -> Instant {
        #[allow(clippy::cast_precision_loss, reason = "a connection in 2^53 is a nanosecond off")]
        let after = self.load.rate.map(|rate| Duration::try_from_secs_f64(number as f64 / rate));
        match after {
            None => self.now,
            Some(Ok(after)) => self.start.checked_add(after).unwrap_or(self.now + self.load.duration),
            Some(Err(_)) => self.now + self.load.duration,
        }
    }

    fn open_those_due(&mut self) {
        self.more_to_open = false;
        for _ in 0..OPENED_IN_A_ROW {
            if !self.may_open() {
                return;
            }
            let due = self.due(self.tally.begun);
            if due > self.now {
                return;
            }
            // At no rate, each is due when its turn comes.
            let due = if self.load.rate.is_none() { Instant::now() } else { due };
            if let Err(failed) = self.open(due) {
                self.fail(failed);
            }
        }
        self.more_to_open = true;
    }

    fn may_open(&mut self) -> bool {
        if self.ended.is_some() {
            return false;
        }
        let open = self.talks.len() as u64;
        let held = self.held.count(self.elapsed());
        let most = self.load.most_ports.unwrap_or(u64::MAX);
        let ended = if self.load.connections.is_some_and(|most| self.tally.begun >= most) {
            Some(Ended::Connections)
        } else if self.elapsed() >= self.load.duration {
            Some(Ended::Duration)
        } else if held >= most {
            Some(Ended::Ports)
        } else {
            None
        };
        self.ended = ended.map(|ended| (ended, self.now));
        let held_back = self.load.rate.is_none() && self.now < self.held_until;
        ended.is_none() && open + held < most && self.talks.len() < self.load.concurrency && !held_back
    }

    fn open(&mut self, due: Instant) -> Result<(), Failed> {
        let from = self.sources.nth(self.tally.begun);
        self.tally.begun += 1;
        let talk = Talk::open(self.load.to, from, !self.load.say.is_empty(), due)?;
        let reasons = talk.reasons();
        if talk.connected {
            self.connected(&talk)?;
        }
        let ticket = self.talks.insert(talk);
        let Some(talk) = self.talks.take(ticket) else { return Ok(()) };
        match epoll::add(&self.epoll, talk.socket(), EventData::new_u64(ticket.to_bits()), reasons) {
            Ok(()) => {
                self.talks.put_back(ticket, talk);
                self.deadlines.push_back((self.now + self.load.patience, ticket));
                Ok(())
            }
            Err(errno) => {
                self.talks.vacate(ticket);
                Err(Failed { call: Call::Epoll("epoll_ctl"), errno })
            }
        }
    }

    fn connected(&mut self, talk: &Talk) -> Result<(), Failed> {
        self.connect.record(talk.due.elapsed());
        self.tally.connected += 1;
        talk.say(&self.load.say)
    }

    fn fail(&mut self, failed: Failed) {
        self.tally.fail(failed);
        self.held_until = self.now + BACK_OFF;
    }

    fn answer(&mut self, token: u64, reasons: EventFlags) {
        match token {
            STOP => self.stopped = true,
            CLOCK => {
                // What it counts is how often it has ticked; nobody asks.
                let _ = io::read(&self.clock, &mut [0_u8; 8]);
            }
            ticket => self.go_on(Ticket::from_bits(ticket), reasons),
        }
    }

    fn go_on(&mut self, ticket: Ticket, reasons: EventFlags) {
        let Some(mut talk) = self.talks.take(ticket) else { return };
        match self.step(&mut talk, reasons) {
            Ok(Step::Wait) => return self.talks.put_back(ticket, talk),
            Ok(Step::Ended { time_wait }) => {
                self.whole.record(talk.due.elapsed());
                self.tally.finished += 1;
                if time_wait {
                    self.tally.time_waits += 1;
                    self.held.add(self.start.elapsed());
                }
            }
            Err(failed) => self.fail(failed),
        }
        self.talks.vacate(ticket);
    }

    fn step(&mut self, talk: &mut Talk, reasons: EventFlags) -> Result<Step, Failed> {
        if !talk.connected {
            talk.connect()?;
            self.connected(talk)?;
        }
        let (step, heard) = talk.go_on(self.load.close, self.load.to, reasons, &mut self.scratch)?;
        self.tally.received += heard;
        Ok(step)
    }

    fn mind_the_clock(&mut self) {
        while let Some(&(deadline, ticket)) = self.deadlines.front() {
            let has_ended = !self.talks.holds(ticket);
            if !has_ended && deadline > self.now {
                break;
            }
            self.deadlines.pop_front();
            if let Some(talk) = self.talks.take(ticket) {
                self.talks.vacate(ticket);
                self.fail(talk.out_of_patience());
            }
        }
        if self.stopped && self.ended.is_none() {
            self.ended = Some((Ended::Stopped, self.now));
        }
    }

    fn is_over(&self) -> bool {
        self.ended.is_some_and(|(_, since)| {
            self.talks.len() == 0 || self.stopped || self.now.duration_since(since) >= GRACE
        })
    }

    /// Waits for something to happen, or for the next connection to be due.
    fn wait(&self, events: &mut [epoll::Event]) -> Result<usize, LoadError> {
        let full = self.talks.len() >= self.load.concurrency;
        let due = self.load.rate.filter(|_| !full && self.ended.is_none());
        let due = due.map(|_| self.due(self.tally.begun).saturating_duration_since(Instant::now()));
        if let Some(left) = due.filter(|left| !left.is_zero()) {
            // To the nanosecond, which epoll's own timeout is not.
            let mut epoll = [PollFd::new(&self.epoll, PollFlags::IN)];
            let timeout = Timespec::try_from(left.min(TICK)).ok();
            match rustix::event::poll(&mut epoll, timeout.as_ref()) {
                Ok(0) | Err(Errno::INTR) => return Ok(0),
                Ok(_) => {}
                Err(errno) => return Err(failed(Call::Epoll("poll"))(errno)),
            }
        }
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = (due.is_some() || self.more_to_open).then_some(&at_once);
        match epoll::wait(&self.epoll, events, timeout) {
            Err(Errno::INTR) => Ok(0),
            outcome => outcome.map_err(failed(Call::Epoll("epoll_wait"))),
        }
    }

    fn report(mut self) -> Report {
        let (ended, since) = self.ended.unwrap_or((Ended::Duration, self.now));
        let held = self.held.count(self.elapsed());
        self.tally.cut = self.talks.len() as u64;
        let elapsed = since.duration_since(self.start);
        Report {
            behind: self.behind(ended, elapsed),
            tally: self.tally,
            elapsed,
            ended,
            held,
            connect: self.connect,
            whole: self.whole,
        }
    }

    fn behind(&self, ended: Ended, elapsed: Duration) -> u64 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it saturates, and is not negative"
        )]
        let due = self.load.rate.map(|rate| (rate * elapsed.as_secs_f64()) as u64);
        match ended {
            Ended::Duration | Ended::Stopped => due.map_or(0, |due| due.saturating_sub(self.tally.begun)),
            Ended::Connections | Ended::Ports => 0,
        }
    }
}

fn ticking() -> io::Result<OwnedFd> {
    use rustix::time::{timerfd_create, timerfd_settime};
    let clock = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
    let tick = Timespec { tv_sec: 0, tv_nsec: TICK.subsec_nanos().into() };
    let always = Itimerspec { it_interval: tick, it_value: tick };
    timerfd_settime(&clock, TimerfdTimerFlags::empty(), &always)?;
    Ok(clock)
}

fn failed(call: Call) -> impl Fn(Errno) -> LoadError + Copy {
    move |errno| LoadError::Call { call, errno: errno.into() }
}
