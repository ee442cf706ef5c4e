use super::btf::{Btf, BtfError};

/// The longest beginning of `struct sock` that is copied for each event.
const LONGEST: u32 = 192;

/// Where this kernel has what the probe reads, in bytes from the beginning of `struct sock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) family: u32,
    pub(super) peer: u32,
    pub(super) local: u32,
    pub(super) peer_v6: u32,
    pub(super) local_v6: u32,
    pub(super) peer_port: u32,
    pub(super) cookie: u32,
    /// A pointer to `struct net`.
    pub(super) net: u32,
    /// Beyond what is copied: the local port, which stays when `skc_num` is cleared at the end.
    pub(super) local_port: u32,
    pub(super) protocol: u32,
    pub(super) error: u32,
    /// From the beginning of `struct net`: the namespace's inode.
    pub(super) inode: u32,
}

impl Layout {
    pub(super) fn read(btf: &Btf<'_>) -> Result<Self, BtfError> {
        let common = |field| btf.offset("sock", &["__sk_common", field]);
        let layout = Self {
            family: common("skc_family")?,
            peer: common("skc_daddr")?,
            local: common("skc_rcv_saddr")?,
            peer_v6: common("skc_v6_daddr")?,
            local_v6: common("skc_v6_rcv_saddr")?,
            peer_port: common("skc_dport")?,
            cookie: common("skc_cookie")?,
            net: btf.offset("sock", &["__sk_common", "skc_net", "net"])?,
            local_port: btf.offset("inet_sock", &["inet_sport"])?,
            protocol: btf.offset("sock", &["sk_protocol"])?,
            error: btf.offset("sock", &["sk_err"])?,
            inode: btf.offset("net", &["ns", "inum"])?,
        };
        if layout.copied() > LONGEST {
            return Err(BtfError::NoField { of: "sock", field: "skc_cookie" });
        }
        Ok(layout)
    }

    /// How many bytes of `struct sock` are copied: whole words, the last of which is used.
    pub(super) fn copied(&self) -> u32 {
        let ends = [
            self.family.saturating_add(2),
            self.peer.saturating_add(4),
            self.local.saturating_add(4),
            self.peer_v6.saturating_add(16),
            self.local_v6.saturating_add(16),
            self.peer_port.saturating_add(2),
            self.cookie.saturating_add(8),
            self.net.saturating_add(8),
        ];
        ends.into_iter().max().unwrap_or(0).saturating_add(7) & !7
    }
}
