//! Something else for the cores to do.

use std::{
    hint,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// A thread for each core that never rests. They are this process's own, so whatever ends it ends them.
pub(crate) struct Busy {
    enough: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Busy {
    /// Keeps every core busy until this is dropped.
    pub(crate) fn every_core() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let enough = Arc::new(AtomicBool::new(false));
        let threads = (0..cores).map(|_| {
            let enough = Arc::clone(&enough);
            thread::spawn(move || {
                while !enough.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            })
        });
        Self { threads: threads.collect(), enough }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It cannot panic.
            let _ = thread.join();
        }
    }
}
