use std::collections::VecDeque;

use crate::server::conversation::Conversation;

/// How many a thread that accepts keeps without looking at them: when so many others have come, nearly every one has
/// closed.
const RECENT: usize = 256;
/// How many others wait for the worker to take them, before it is woken for them.
const REST: usize = 64;

/// Clients that one thread has served, and who have yet to close, or that it has given up on.
#[derive(Debug)]
pub(in crate::server) struct Place {
    /// Those who have yet to answer our FIN, and the round that they came in.
    recent: VecDeque<(u32, Conversation)>,
    /// Those whom the worker is to go on with.
    rest: Vec<Conversation>,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { recent: VecDeque::with_capacity(RECENT + 1), rest: Vec::with_capacity(REST) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.recent.is_empty() && self.rest.is_empty()
    }

    /// Adds one who lingers; gives the one who is to be looked at.
    pub(in crate::server) fn linger(&mut self, since: u32, talk: Conversation) -> Option<Conversation> {
        self.recent.push_back((since, talk));
        if self.recent.len() <= RECENT {
            return None;
        }
        self.recent.pop_front().map(|(_, talk)| talk)
    }

    /// Adds one for the worker. Gives whether it is to be woken for them.
    pub(in crate::server) fn pass_on(&mut self, talk: Conversation) -> bool {
        self.rest.push(talk);
        self.rest.len() >= REST
    }

    /// Leaves all to the worker.
    pub(super) fn leave(&mut self) {
        self.rest.extend(self.recent.drain(..).map(|(_, talk)| talk));
    }

    /// One whom the worker is to go on with; of those who linger, one who came in such a round.
    pub(super) fn take(&mut self, is_old: impl Fn(u32) -> bool) -> Option<Conversation> {
        if let Some(talk) = self.rest.pop() {
            return Some(talk);
        }
        // Rounds do not go back: the oldest is the first.
        let &(since, _) = self.recent.front()?;
        if is_old(since) { self.recent.pop_front().map(|(_, talk)| talk) } else { None }
    }
}
