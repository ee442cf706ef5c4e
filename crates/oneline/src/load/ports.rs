use std::{collections::VecDeque, time::Duration};

/// TCP_TIMEWAIT_LEN and the coarseness of its timer (linux v6.12 include/net/tcp.h; 60.06 to 61.8 s measured).
const WAIT: Duration = Duration::from_secs(62);

/// Connections of ours in TIME-WAIT, counted by ourselves: each until its time has surely come. One whose port the kernel
/// used again meanwhile (`tcp_tw_reuse`) is still counted.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// How many began to wait in which second of the run.
    since: VecDeque<(u64, u64)>,
    count: u64,
}

impl Waiting {
    pub(super) fn add(&mut self, elapsed: Duration) {
        self.count += 1;
        match self.since.back_mut() {
            Some((second, count)) if *second == elapsed.as_secs() => *count += 1,
            _ => self.since.push_back((elapsed.as_secs(), 1)),
        }
    }

    /// How many wait.
    pub(super) fn count(&mut self, elapsed: Duration) -> u64 {
        while let Some(&(second, count)) = self.since.front()
            && elapsed.as_secs() > second + WAIT.as_secs()
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
    fn a_wait_is_counted_until_it_is_surely_over() {
        let mut waiting = Waiting::default();
        let at = Duration::from_secs;
        waiting.add(at(0));
        waiting.add(at(0));
        waiting.add(at(5));
        assert_eq!(waiting.count(at(62)), 3);
        assert_eq!(waiting.count(at(63)), 1);
        assert_eq!(waiting.count(at(68)), 0);
    }
}
