use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// `CAP_NET_ADMIN`, laid aside by this thread for as long as this value.
///
/// The kernel tells marks to who has it, and to nobody else (linux v6.12 `net/ipv4/inet_diag.c` `inet_diag_dump_icsk`). Who
/// wants none gets rows of 88 bytes instead of 96, of which each was written, copied and read for nothing.
pub(super) struct Unmarked {
    before: Option<CapabilitySets>,
}

impl Unmarked {
    pub(super) fn begin() -> Self {
        let had = capabilities(None).ok().filter(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN));
        let before = had.filter(|sets| {
            let effective = sets.effective.difference(CapabilitySet::NET_ADMIN);
            set_capabilities(None, CapabilitySets { effective, ..*sets }).is_ok()
        });
        Self { before }
    }
}

impl Drop for Unmarked {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // It is permitted still, and what is permitted can be taken up again.
            let _ = set_capabilities(None, before);
        }
    }
}
