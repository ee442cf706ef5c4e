//! What the kernel shows: one walk of the socket table, or, while watching, one a second.

use std::{
    collections::HashMap,
    io::{self, IsTerminal as _, Write as _},
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

use timewait_diagnose::ports::{
    Question,
    tally::{self, Share, Tally},
};
use timewait_facts::{State, States};
use timewait_linux::{
    netns::Netns,
    settings,
    sockets::{Query, SocketTable},
};

use crate::{
    args::Ports,
    everywhere::{Space, not_entered},
    port_facts::budget_settings,
    words::ports as words,
};

/// Between two walks; longer where a walk takes long, so that watching costs at most a tenth of a processor.
const INTERVAL: Duration = Duration::from_secs(1);

/// Where to look.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// Another network namespace than this process's.
    pub(super) netns: Option<&'a Netns>,
    /// What to call it.
    pub(super) name: Option<String>,
}

/// What was seen of a network namespace.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) name: Option<String>,
    pub(super) tally: Tally,
    pub(super) watched: Option<Watched>,
}

/// What was seen over some time.
#[derive(Debug)]
pub(super) struct Watched {
    /// From the first walk to the last.
    pub(super) time: Duration,
    /// Connections that were opened from this namespace meanwhile, by the kernel's own count.
    pub(super) opened: Option<u64>,
    /// How often the table was walked after the first time.
    pub(super) walks: u32,
    pub(super) tracks: HashMap<Question, Track>,
}

/// What was seen of a destination over some time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Track {
    /// Open connections at the first walk.
    pub(super) open_at_first: u32,
    /// The most connections at once that the peer had closed first.
    pub(super) most_closed_there: u32,
    /// Of each walk after the first, those that had begun to wait within the window, summed up.
    pub(super) made: u64,
}

pub(super) fn at(place: Place<'_>, args: &Ports) -> anyhow::Result<Vec<Look>> {
    finish(vec![View::open(place, args)?], args)
}

/// In every namespace that can be looked into; what cannot be is said.
pub(super) fn everywhere(spaces: &[Space], args: &Ports) -> anyhow::Result<Vec<Look>> {
    let mut views = Vec::new();
    for space in spaces {
        let place = Place { netns: space.netns.as_ref(), name: Some(space.name.clone()) };
        match View::open(place, args) {
            Ok(view) => views.push(view),
            Err(error) => not_entered(&space.name, &error),
        }
    }
    finish(views, args)
}

fn finish(mut views: Vec<View<'_>>, args: &Ports) -> anyhow::Result<Vec<Look>> {
    if let Some(time) = args.watch {
        watch(&mut views, time)?;
    }
    Ok(views.into_iter().map(View::finish).collect())
}

/// A namespace that is being looked at.
struct View<'a> {
    place: Place<'a>,
    table: SocketTable,
    empty: Tally,
    tally: Tally,
    opens: Option<u64>,
    watched: Option<Watched>,
}

impl<'a> View<'a> {
    fn open(place: Place<'a>, args: &Ports) -> anyhow::Result<Self> {
        let mut table = place.netns.map_or_else(SocketTable::open, SocketTable::open_in)?;
        let empty = Tally::new(budget_settings(place.netns)?, args.address.unwrap_or_default());
        let opens = args.watch.and_then(|_| active_opens(place.netns));
        let tally = walk(&mut table, &empty)?;
        Ok(Self { place, table, empty, tally, opens, watched: None })
    }

    fn begin(&mut self) {
        let first = self.tally.shares().into_iter();
        let track = |share: &Share| Track { open_at_first: share.taken, ..Track::default() };
        let tracks = first.map(|share| (share.question, track(&share))).collect();
        self.watched = Some(Watched { time: Duration::ZERO, opened: None, walks: 0, tracks });
    }

    fn again(&mut self, since: Instant, window: Duration) -> anyhow::Result<()> {
        self.tally = walk(&mut self.table, &self.empty)?;
        let Some(watched) = &mut self.watched else { return Ok(()) };
        watched.walks += 1;
        watched.time = since.elapsed();
        for share in self.tally.shares() {
            let seconds = made_window(&self.tally, &share.question, window);
            let has_room = watched.tracks.len() < tally::MOST;
            if has_room || watched.tracks.contains_key(&share.question) {
                let track = watched.tracks.entry(share.question).or_default();
                track.most_closed_there = track.most_closed_there.max(share.closed_there);
                track.made += u64::from(share.made_within(seconds));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Look {
        if let Some(watched) = &mut self.watched {
            let now = active_opens(self.place.netns);
            watched.opened = now.zip(self.opens).map(|(now, before)| now.saturating_sub(before));
        }
        Look { name: self.place.name, tally: self.tally, watched: self.watched }
    }
}

/// The seconds within which a new TIME-WAIT is certainly still there: the time that is watched, or, where ports are used
/// again, the delay before.
pub(super) fn made_window(tally: &Tally, question: &Question, watched: Duration) -> usize {
    let seconds = tally.wait(question).min(watched).as_secs().max(1);
    usize::try_from(seconds).unwrap_or(1)
}

fn watch(views: &mut [View<'_>], time: Duration) -> anyhow::Result<()> {
    if io::stderr().is_terminal() {
        // Whoever cannot read it waits without.
        let _ = writeln!(io::stderr(), "timewait: {}", words::watching(time));
    }
    views.iter_mut().for_each(View::begin);
    let start = Instant::now();
    let mut interval = INTERVAL;
    loop {
        let left = time.saturating_sub(start.elapsed());
        thread::sleep(if left < interval * 2 { left } else { interval });
        let began = Instant::now();
        views.iter_mut().try_for_each(|view| view.again(start, time))?;
        if start.elapsed() >= time {
            return Ok(());
        }
        interval = INTERVAL.max(began.elapsed() * 10);
    }
}

/// Those that are bound or listen first, which costs no walk of the connections; then these.
fn walk(table: &mut SocketTable, empty: &Tally) -> anyhow::Result<Tally> {
    let mut tally = empty.clone();
    let bound: States = [State::Listen, State::BoundInactive].into_iter().collect();
    table.dump(&Query::in_states(bound).without_marks(), |row| {
        tally.bind(&row.socket());
        ControlFlow::Continue(())
    })?;
    let others: States = State::ALL.into_iter().filter(|&state| !bound.contains(state)).collect();
    table.dump(&Query::in_states(others).without_marks(), |row| {
        tally.add(&row.socket());
        ControlFlow::Continue(())
    })?;
    Ok(tally)
}

/// Connections that were opened from the namespace so far.
fn active_opens(netns: Option<&Netns>) -> Option<u64> {
    let counters = netns.map_or_else(settings::tcp_counters, settings::tcp_counters_in).ok()?;
    counters.get("ActiveOpens").copied()
}
