use std::{collections::VecDeque, time::Duration};

/// Local ports that connections of ours in TIME-WAIT hold, counted by ourselves: each until it has surely come free.
#[derive(Debug)]
pub(super) struct Held {
    /// For how long.
    each: Duration,
    /// How many began to in which second of the run.
    since: VecDeque<(u64, u64)>,
    count: u64,
}

impl Held {
    pub(super) fn for_each(each: Duration) -> Self {
        Self { each, since: VecDeque::new(), count: 0 }
    }

    pub(super) fn add(&mut self, elapsed: Duration) {
        self.count += 1;
        match self.since.back_mut() {
            Some((second, count)) if *second == elapsed.as_secs() => *count += 1,
            _ => self.since.push_back((elapsed.as_secs(), 1)),
        }
    }

    /// How many there are.
    pub(super) fn count(&mut self, elapsed: Duration) -> u64 {
        while let Some(&(second, count)) = self.since.front()
            && elapsed > Duration::from_secs(second + 1) + self.each
        {
            self.count -= count;
            self.since.pop_front();
        }
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_counted_until_it_has_surely_come_free() {
        let at = Duration::from_secs_f64;
        let mut held = Held::for_each(at(62.0));
        held.add(at(0.1));
        held.add(at(0.9));
        held.add(at(5.0));
        assert_eq!(held.count(at(62.9)), 3);
        assert_eq!(held.count(at(63.1)), 1);
        assert_eq!(held.count(at(68.1)), 0);
    }
}
