use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// How many more may be accepted, by however many threads. A thread takes a permit before it blocks in accept4(2), so that
/// never more come than may.
#[derive(Debug)]
pub(super) struct Limit {
    permits: AtomicU64,
    to_come: AtomicU64,
}

impl Limit {
    pub(super) fn of(count: u64) -> Self {
        Self { permits: AtomicU64::new(count), to_come: AtomicU64::new(count) }
    }

    /// Takes a permit, if there is one.
    pub(super) fn permit(&self) -> bool {
        self.permits.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    /// One came. Gives whether it was the last that may.
    pub(super) fn came(&self) -> bool {
        self.to_come.fetch_sub(1, SeqCst) == 1
    }

    /// Lets nobody take a permit any more; gives how many were left.
    pub(super) fn withdraw(&self) -> u64 {
        self.permits.swap(0, SeqCst)
    }
}
