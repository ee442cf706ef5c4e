//! Every world that can be reached, breadth first, each once.

use std::sync::Arc;

use hashbrown::{HashTable, hash_map::Entry, HashMap};
use rustc_hash::FxBuildHasher;

use crate::{
    host::Host,
    network::{Flying, Packet},
    rules::Rules,
    world::{Action, World, Wrong},
};

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    pub states: u32,
    pub transitions: u64,
    pub depth: u32,
    pub bytes: usize,
    pub hosts: usize,
    pub packets: usize,
    pub reset: Option<Vec<Action>>,
    pub accepted: Option<Vec<Action>>,
    pub accepted_text: Option<Vec<Action>>,
    pub garbled: Option<Vec<Action>>,
    pub stuck: Option<Vec<Action>>,
}

struct Interned<T> {
    numbers: HashMap<Arc<T>, u32, FxBuildHasher>,
    values: Vec<Arc<T>>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { numbers: HashMap::default(), values: Vec::new() }
    }
}

impl<T: std::hash::Hash + Eq> Interned<T> {
    fn number(&mut self, value: &Arc<T>) -> u32 {
        match self.numbers.entry(Arc::clone(value)) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let number = self.values.len() as u32;
                self.values.push(Arc::clone(value));
                *entry.insert(number)
            }
        }
    }
}

#[derive(Default)]
struct Pool {
    hosts: Interned<Host>,
    packets: Interned<Packet>,
    words: Vec<u32>,
    ends: Vec<u32>,
    table: HashTable<u32>,
    parents: Vec<(u32, Action)>,
}

fn hash(key: &[u32]) -> u64 {
    use std::hash::BuildHasher as _;
    FxBuildHasher.hash_one(key)
}

impl Pool {
    fn key(&self, index: u32) -> &[u32] {
        let start = if index == 0 { 0 } else { self.ends[index as usize - 1] };
        &self.words[start as usize..self.ends[index as usize] as usize]
    }

    fn insert(&mut self, world: &World, parent: u32, action: Action, buffer: &mut Vec<u32>) -> bool {
        buffer.clear();
        buffer.push(self.hosts.number(&world.left));
        buffer.push(self.hosts.number(&world.right));
        let free = u32::from(world.free[0]) | u32::from(world.free[1]) << 1;
        buffer.push(u32::from(world.losses) | u32::from(world.repeats) << 8 | free << 16);
        for flying in &world.flight {
            let packet = self.packets.number(&flying.packet);
            buffer.push(packet << 8 | u32::from(flying.age) << 1 | u32::from(flying.copy));
        }
        buffer[3..].sort_unstable();
        let hashed = hash(buffer);
        if self.table.find(hashed, |&index| self.key(index) == &buffer[..]).is_some() {
            return false;
        }
        let index = self.ends.len() as u32;
        self.words.extend_from_slice(buffer);
        self.ends.push(self.words.len() as u32);
        self.parents.push((parent, action));
        let (words, ends) = (&self.words, &self.ends);
        self.table.insert_unique(hashed, index, |&index| {
            let start = if index == 0 { 0 } else { ends[index as usize - 1] };
            hash(&words[start as usize..ends[index as usize] as usize])
        });
        true
    }

    fn world(&self, index: u32) -> World {
        let key = self.key(index);
        let mut flight: Vec<Flying> = key[3..]
            .iter()
            .map(|word| Flying {
                age: (word >> 1 & 0x7f) as u8,
                copy: word & 1 == 1,
                packet: Arc::clone(&self.packets.values[(word >> 8) as usize]),
            })
            .collect();
        flight.sort();
        World {
            left: Arc::clone(&self.hosts.values[key[0] as usize]),
            right: Arc::clone(&self.hosts.values[key[1] as usize]),
            flight,
            losses: key[2] as u8,
            repeats: (key[2] >> 8) as u8,
            free: [key[2] >> 16 & 1 == 1, key[2] >> 17 & 1 == 1],
        }
    }

    fn path(&self, mut index: u32, last: Option<Action>) -> Vec<Action> {
        let mut path: Vec<_> = last.into_iter().collect();
        while index != 0 {
            let (parent, action) = self.parents[index as usize];
            path.push(action);
            index = parent;
        }
        path.reverse();
        path
    }
}

pub fn explore(rules: &Rules) -> Explored {
    let mut pool = Pool::default();
    let mut buffer = Vec::new();
    let mut found = Explored::default();
    let start = World::start(rules);
    pool.insert(&start, 0, Action::Arrive(0), &mut buffer);
    let mut index = 0;
    while (index as usize) < pool.ends.len() {
        let world = pool.world(index);
        let actions = world.actions(rules);
        if actions.is_empty() && !world.is_end() && found.stuck.is_none() {
            found.stuck = Some(pool.path(index, None));
        }
        for action in actions {
            found.transitions += 1;
            let after = world.after(action, rules);
            let Wrong { reset, accepted, garbled } = after.wrong;
            if reset.is_some() && found.reset.is_none() {
                found.reset = Some(pool.path(index, Some(action)));
            }
            if garbled.is_some() && found.garbled.is_none() {
                found.garbled = Some(pool.path(index, Some(action)));
            }
            if let Some(segment) = accepted {
                if found.accepted_text.is_none() && !segment.has(timewait_tcp::Flags::RST) { found.accepted_text = Some(pool.path(index, Some(action))); }
                if found.accepted.is_none() {
                    found.accepted = Some(pool.path(index, Some(action)));
                }
                continue;
            }
            pool.insert(&after.world, index, action, &mut buffer);
        }
        index += 1;
    }
    found.states = pool.ends.len() as u32;
    found.bytes = pool.words.capacity() * 4 + pool.ends.capacity() * 4 + pool.table.capacity() * 5 + pool.parents.capacity() * 8;
    found.hosts = pool.hosts.values.len();
    found.packets = pool.packets.values.len();
    found
}
