//! Worlds, each kept once, in a few dozen bytes: hosts and segments are few, and a world is a list of their numbers.

use core::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use hashbrown::{HashMap, HashTable};
use rustc_hash::FxBuildHasher;

use crate::{
    host::Host,
    network::{Flying, Packet},
    world::World,
};

/// Values that are the same, kept once, by number.
struct Interned<T> {
    numbers: HashMap<Arc<T>, u32, FxBuildHasher>,
    values: Vec<Arc<T>>,
}

impl<T: Hash + Eq> Interned<T> {
    fn new() -> Self {
        Self { numbers: HashMap::default(), values: Vec::new() }
    }

    fn number(&mut self, value: &Arc<T>) -> u32 {
        if let Some(&number) = self.numbers.get(value) {
            return number;
        }
        let number = small(self.values.len());
        self.values.push(Arc::clone(value));
        self.numbers.insert(Arc::clone(value), number);
        number
    }

    fn value(&self, number: u32) -> Option<Arc<T>> {
        self.values.get(number as usize).map(Arc::clone)
    }
}

pub(crate) struct Pool {
    hosts: Interned<Host>,
    packets: Interned<Packet>,
    /// The worlds, one after the other: left, right, what may still happen, what is under way.
    words: Vec<u32>,
    /// Where each begins, and where the last ends.
    bounds: Vec<u32>,
    table: HashTable<u32>,
    buffer: Vec<u32>,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self {
            hosts: Interned::new(),
            packets: Interned::new(),
            words: Vec::new(),
            bounds: vec![0],
            table: HashTable::new(),
            buffer: Vec::new(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u32 {
        small(self.bounds.len() - 1)
    }

    /// Bytes that they take.
    pub(crate) fn bytes(&self) -> usize {
        // The table has a control byte beside each number.
        (self.words.capacity() + self.bounds.capacity()) * size_of::<u32>()
            + self.table.capacity() * (size_of::<u32>() + 1)
    }

    /// Its number, and whether it is new.
    pub(crate) fn insert(&mut self, world: &World) -> (u32, bool) {
        self.write(world);
        let hashed = hash(&self.buffer);
        let (words, bounds) = (&self.words, &self.bounds);
        let same = |&number: &u32| key(words, bounds, number) == self.buffer;
        if let Some(&number) = self.table.find(hashed, same) {
            return (number, false);
        }
        let number = self.len();
        self.words.extend_from_slice(&self.buffer);
        self.bounds.push(small(self.words.len()));
        let (words, bounds) = (&self.words, &self.bounds);
        self.table.insert_unique(hashed, number, |&number| hash(key(words, bounds, number)));
        (number, true)
    }

    /// The world with this number; none if there is none.
    pub(crate) fn world(&self, number: u32) -> Option<World> {
        let [left, right, rest, flight @ ..] = key(&self.words, &self.bounds, number) else { return None };
        let [losses, repeats, left_free, right_free] = rest.to_le_bytes();
        let mut flight = flight.iter().map(|&word| self.flying(word)).collect::<Option<Vec<_>>>()?;
        flight.sort();
        Some(World {
            left: self.hosts.value(*left)?,
            right: self.hosts.value(*right)?,
            flight,
            losses,
            repeats,
            free: [left_free == 1, right_free == 1],
        })
    }

    fn write(&mut self, world: &World) {
        let World { left, right, flight, losses, repeats, free: [left_free, right_free] } = world;
        let rest = [*losses, *repeats, u8::from(*left_free), u8::from(*right_free)];
        self.buffer.clear();
        self.buffer.extend([self.hosts.number(left), self.hosts.number(right), u32::from_le_bytes(rest)]);
        for flying in flight {
            let packet = self.packets.number(&flying.packet);
            self.buffer.push(packet << 8 | u32::from(flying.age) << 1 | u32::from(flying.copy));
        }
        if let Some(flight) = self.buffer.get_mut(3..) {
            flight.sort_unstable();
        }
    }

    fn flying(&self, word: u32) -> Option<Flying> {
        let packet = self.packets.value(word >> 8)?;
        let [low, ..] = word.to_le_bytes();
        Some(Flying { age: low >> 1, copy: low & 1 == 1, packet })
    }
}

fn key<'a>(words: &'a [u32], bounds: &[u32], number: u32) -> &'a [u32] {
    let bound = |number: u32| bounds.get(number as usize).map_or(0, |&at| at as usize);
    words.get(bound(number)..bound(number.saturating_add(1))).unwrap_or_default()
}

fn hash(key: &[u32]) -> u64 {
    FxBuildHasher.hash_one(key)
}

/// The memory ends long before the numbers do.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
