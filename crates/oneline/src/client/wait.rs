use std::time::{Duration, Instant};

use rustix::{
    event::{PollFd, Timespec, poll},
    io::{self, Errno},
};

/// When a patience ends; `None` if it is longer than the clock can tell.
pub(super) fn deadline_in(patience: Duration) -> Option<Instant> {
    Instant::now().checked_add(patience)
}

/// poll(2) until one of them is ready (`true`) or the deadline has come, whatever signals come in between.
pub(super) fn poll_until(waited: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // More seconds than a timespec holds are for ever.
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(waited, timeout.as_ref()) {
            Err(Errno::INTR) => {}
            outcome => return outcome.map(|ready| ready > 0),
        }
    }
}
