//! Which comes first, and the first few of many.

use std::{cmp::Ordering, num::NonZeroUsize};

use timewait_facts::Socket;

use crate::args::Sort;

/// The order of two rows: by time left, those that wait longest first and those that do not expire last; else by
/// an end. What is equal there goes by the ends.
pub(super) fn of_rows(sort: Sort, one: &Socket, other: &Socket) -> Ordering {
    let ends = |socket: &Socket| (socket.local, socket.peer);
    let reversed = |socket: &Socket| (socket.peer, socket.local);
    match sort {
        Sort::Left | Sort::Count => {
            other.expires_in().cmp(&one.expires_in()).then_with(|| ends(one).cmp(&ends(other)))
        }
        Sort::Local => ends(one).cmp(&ends(other)),
        Sort::Peer => reversed(one).cmp(&reversed(other)),
    }
}

/// The first few of many in an order; of those that come, no more than twice as many are kept.
pub(super) struct First<T, F> {
    limit: Option<NonZeroUsize>,
    order: F,
    kept: Vec<T>,
    /// Whether the last of `kept` within the limit is known, and what comes behind it is not kept.
    full: bool,
}

impl<T, F: Fn(&T, &T) -> Ordering> First<T, F> {
    pub(super) fn new(limit: Option<NonZeroUsize>, order: F) -> Self {
        Self { limit, order, kept: Vec::new(), full: false }
    }

    pub(super) fn add(&mut self, new: T) {
        let Some(limit) = self.limit.map(NonZeroUsize::get) else { return self.kept.push(new) };
        let last = self.kept.get(limit - 1).filter(|_| self.full);
        if last.is_some_and(|last| (self.order)(&new, last) != Ordering::Less) {
            return;
        }
        self.kept.push(new);
        if self.kept.len() >= limit.saturating_mul(2) {
            self.shorten(limit);
        }
    }

    /// Puts the first of them before the limit, the last of these at it, and drops the others.
    fn shorten(&mut self, limit: usize) {
        if self.kept.len() >= limit {
            self.kept.select_nth_unstable_by(limit - 1, &self.order);
            self.kept.truncate(limit);
            self.full = true;
        }
    }

    pub(super) fn in_order(mut self) -> Vec<T> {
        if let Some(limit) = self.limit {
            self.shorten(limit.get());
        }
        self.kept.sort_unstable_by(&self.order);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use timewait_facts::{State, Timer, TimerKind};

    fn row(local: &str, peer: &str, left: Option<u32>) -> Socket {
        let timer =
            left.map_or(Timer::OFF, |expires_ms| Timer { kind: TimerKind::TimeWait, expires_ms, retries: 0 });
        Socket { timer, ..Socket::bare(State::TimeWait, local.parse().unwrap(), peer.parse().unwrap()) }
    }

    #[test]
    fn what_waits_longest_comes_first_and_what_does_not_expire_last() {
        let [long, short, never] =
            [Some(59_000), Some(1), None].map(|left| row("10.0.0.1:80", "10.0.0.2:9", left));
        let mut rows = [never, short, long];
        rows.sort_by(|one, other| of_rows(Sort::Left, one, other));
        assert_eq!(rows, [long, short, never]);
    }

    #[test]
    fn addresses_are_in_the_order_of_their_numbers_not_of_their_letters() {
        let ends = ["2.0.0.1:9", "10.0.0.1:80", "10.0.0.1:443", "[::1]:9"];
        let rows = ends.map(|end| row(end, "10.0.0.2:9", None));
        let mut sorted = rows;
        sorted.reverse();
        sorted.sort_by(|one, other| of_rows(Sort::Local, one, other));
        assert_eq!(sorted, rows);
    }

    proptest! {
        #[test]
        fn the_first_few_are_those_of_the_whole_in_order(numbers: Vec<u16>, limit in 1_usize..20) {
            let mut first = First::new(NonZeroUsize::new(limit), u16::cmp);
            let mut most = 0;
            for &number in &numbers {
                first.add(number);
                most = most.max(first.kept.len());
            }
            let mut sorted = numbers;
            sorted.sort_unstable();
            sorted.truncate(limit);
            prop_assert_eq!(first.in_order(), sorted);
            prop_assert!(most <= 2 * limit);
        }
    }
}
