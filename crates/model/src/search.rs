//! Every world that can be reached, breadth first, each once.

use timewait_tcp::Trace;

use crate::{
    ends::Edges,
    pool::Pool,
    rules::Rules,
    story,
    world::{Action, After, World},
};

/// What is asked of every world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// Nobody's connection is ended by an RST: after an orderly close, both sides hear that it was one.
    EndsReliably,
    /// No segment that was sent in the first connection is accepted in the next, whatever initial numbers that chose.
    NothingOldAccepted,
    /// Nor is an RST by which a closed end answered such a segment.
    NotEvenAnRst,
    /// No octet is lost, repeated or changed.
    TextIsKept,
    /// Nothing goes on for ever, and nobody waits for ever: both sides end.
    BothEnd,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::EndsReliably, Self::NothingOldAccepted, Self::NotEvenAnRst, Self::TextIsKept, Self::BothEnd];
}

/// What was found, of one wait.
#[derive(Clone, Debug)]
pub struct Explored {
    /// The rules that held.
    pub rules: Rules,
    /// How many worlds there are.
    pub states: u32,
    /// How many steps between them.
    pub steps: u64,
    /// Bytes that it took to remember them.
    pub bytes: usize,
    /// The shortest ways to where something goes wrong.
    wrong: [Option<Vec<Action>>; 5],
}

impl Explored {
    /// Whether the answer is yes.
    pub fn holds(&self, question: Question) -> bool {
        self.way_to(question).is_none()
    }

    /// The shortest way to where the answer is no.
    pub fn way_to(&self, question: Question) -> Option<&[Action]> {
        self.wrong.get(question as usize)?.as_deref()
    }

    /// The same as a trace, to be drawn as a ladder.
    pub fn counterexample(&self, question: Question) -> Option<Trace> {
        self.way_to(question).map(|way| story::tell(way, question, &self.rules))
    }
}

/// There is more than fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "more than {states} states, for which more than {limit} bytes of memory are not taken: smaller bounds fit"
)]
pub struct TooLarge {
    /// How many states there were so far.
    pub states: u32,
    /// How many bytes were allowed.
    pub limit: usize,
}

/// Explores every world that these rules allow.
///
/// `progress` is told the number of states, every now and then.
///
/// # Errors
///
/// If it would take more memory than `limit`, in bytes.
pub fn explore(rules: &Rules, limit: usize, mut progress: impl FnMut(u32)) -> Result<Explored, TooLarge> {
    let mut search = Search::new(rules);
    let mut number = 0;
    while let Some(world) = search.pool.world(number) {
        if number.is_multiple_of(EVERY) {
            progress(search.pool.len());
            if search.bytes() > limit {
                return Err(TooLarge { states: search.pool.len(), limit });
            }
        }
        search.visit(number, &world);
        number += 1;
    }
    Ok(search.explored())
}

/// States between two looks at memory and progress.
const EVERY: u32 = 1024;

struct Search<'a> {
    rules: &'a Rules,
    pool: Pool,
    /// How each world was first come to.
    ways: Vec<(u32, Action)>,
    edges: Edges,
    wrong: [Option<Vec<Action>>; 5],
}

impl<'a> Search<'a> {
    fn new(rules: &'a Rules) -> Self {
        let mut pool = Pool::new();
        pool.insert(&World::start(rules));
        let ways = vec![(0, Action::Tick { hasty: [false; 2] })];
        Self { rules, pool, ways, edges: Edges::default(), wrong: Default::default() }
    }

    fn bytes(&self) -> usize {
        self.pool.bytes() + self.ways.capacity() * size_of::<(u32, Action)>() + self.edges.bytes()
    }

    fn visit(&mut self, number: u32, world: &World) {
        let actions = world.actions(self.rules);
        if actions.is_empty() && !world.is_end() {
            self.is_wrong(Question::BothEnd, number, None);
        }
        for action in actions {
            let After { world, wrong } = world.after(action, self.rules);
            if wrong.reset.is_some() {
                self.is_wrong(Question::EndsReliably, number, Some(action));
            }
            if wrong.garbled.is_some() {
                self.is_wrong(Question::TextIsKept, number, Some(action));
            }
            if let Some(accepted) = wrong.accepted {
                self.is_wrong(Question::NotEvenAnRst, number, Some(action));
                if !accepted.from_nobody {
                    self.is_wrong(Question::NothingOldAccepted, number, Some(action));
                }
                self.edges.leads_out();
                continue;
            }
            let (to, is_new) = self.pool.insert(&world);
            if is_new {
                self.ways.push((number, action));
            }
            self.edges.leads_to(to);
        }
        self.edges.end_of_world();
    }

    /// Breadth first, the first way to something is a shortest.
    fn is_wrong(&mut self, question: Question, number: u32, action: Option<Action>) {
        let way = self.way(number, action);
        if let Some(place) = self.wrong.get_mut(question as usize) {
            place.get_or_insert(way);
        }
    }

    fn way(&self, mut number: u32, last: Option<Action>) -> Vec<Action> {
        let mut way: Vec<Action> = last.into_iter().collect();
        while let Some(&(before, action)) = self.ways.get(number as usize).filter(|_| number > 0) {
            way.push(action);
            number = before;
        }
        way.reverse();
        way
    }

    fn explored(mut self) -> Explored {
        let bytes = self.bytes();
        if let Some(number) = self.edges.first_on_a_circle() {
            self.is_wrong(Question::BothEnd, number, None);
        }
        Explored {
            rules: self.rules.clone(),
            states: self.pool.len(),
            steps: self.edges.count(),
            bytes,
            wrong: self.wrong,
        }
    }
}
