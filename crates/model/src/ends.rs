//! Whether every way comes to an end: whether the graph of worlds has a circle.

/// Which world leads to which.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    to: Vec<u32>,
    /// Where the edges of each world end.
    ends: Vec<u32>,
    out: u64,
}

impl Edges {
    pub(crate) fn leads_to(&mut self, world: u32) {
        self.to.push(world);
    }

    /// To where nothing further is asked.
    pub(crate) const fn leads_out(&mut self) {
        self.out += 1;
    }

    pub(crate) fn end_of_world(&mut self) {
        self.ends.push(u32::try_from(self.to.len()).unwrap_or(u32::MAX));
    }

    pub(crate) fn count(&self) -> u64 {
        self.to.len() as u64 + self.out
    }

    pub(crate) fn bytes(&self) -> usize {
        (self.to.capacity() + self.ends.capacity()) * size_of::<u32>()
    }

    fn of(&self, world: u32) -> &[u32] {
        let end = |world: u32| self.ends.get(world as usize).map_or(0, |&at| at as usize);
        let begin = world.checked_sub(1).map_or(0, end);
        self.to.get(begin..end(world)).unwrap_or_default()
    }

    /// Takes away what nothing leads to, again and again: what stays lies on a circle, or behind one.
    pub(crate) fn first_on_a_circle(&self) -> Option<u32> {
        let mut incoming = vec![0_u32; self.ends.len()];
        for &to in &self.to {
            if let Some(count) = incoming.get_mut(to as usize) {
                *count += 1;
            }
        }
        let all = 0..u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        let mut free: Vec<u32> =
            all.zip(&incoming).filter(|(_, count)| **count == 0).map(|(at, _)| at).collect();
        while let Some(world) = free.pop() {
            for &to in self.of(world) {
                let Some(count) = incoming.get_mut(to as usize) else { continue };
                *count -= 1;
                if *count == 0 {
                    free.push(to);
                }
            }
        }
        incoming.iter().position(|count| *count > 0).and_then(|at| u32::try_from(at).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(worlds: &[&[u32]]) -> Edges {
        let mut edges = Edges::default();
        for world in worlds {
            world.iter().for_each(|&to| edges.leads_to(to));
            edges.end_of_world();
        }
        edges
    }

    #[test]
    fn a_circle_is_found_wherever_it_is_and_two_ways_to_one_end_are_none() {
        assert_eq!(edges(&[&[1, 2], &[3], &[3], &[]]).first_on_a_circle(), None);
        assert_eq!(edges(&[&[1], &[2], &[1, 3], &[]]).first_on_a_circle(), Some(1));
        assert_eq!(edges(&[&[1], &[1]]).first_on_a_circle(), Some(1), "a world that stays as it is");
    }
}
