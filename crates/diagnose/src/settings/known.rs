//! The settings that this program knows, and those that it must not take for misspelt ones.

use timewait_facts::KernelVersion;

/// A setting near TIME-WAIT.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its dotted name.
    pub name: &'static str,
    /// The first version that has it; (0, 0) if it is older than anyone asks.
    pub since: (u16, u16),
    /// The first version that has it no more.
    pub until: Option<(u16, u16)>,
    kind: Kind,
}

/// Which values the kernel takes. Measured on 6.18; older kernels took what does not fit into their narrower types too.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A number in this range.
    Number(i64, i64),
    /// A number that has become a byte with 5.13.
    Byte,
    /// `ip_local_port_range`
    Range,
    /// `ip_local_reserved_ports`
    Ports,
}

const INT: Kind = Kind::Number(-(1 << 31), (1 << 31) - 1);

const fn always(name: &'static str, kind: Kind) -> Known {
    Known { name, since: (0, 0), until: None, kind }
}

const fn since(name: &'static str, since: (u16, u16), kind: Kind) -> Known {
    Known { name, since, until: None, kind }
}

/// The settings.
pub const KNOWN: [Known; 20] = [
    always("net.core.somaxconn", Kind::Number(0, (1 << 31) - 1)),
    always("net.ipv4.ip_local_port_range", Kind::Range),
    always("net.ipv4.ip_local_reserved_ports", Kind::Ports),
    always("net.ipv4.tcp_abort_on_overflow", Kind::Byte),
    always("net.ipv4.tcp_fin_timeout", INT),
    always("net.ipv4.tcp_keepalive_intvl", INT),
    always("net.ipv4.tcp_keepalive_probes", Kind::Byte),
    always("net.ipv4.tcp_keepalive_time", INT),
    always("net.ipv4.tcp_max_orphans", INT),
    always("net.ipv4.tcp_max_syn_backlog", INT),
    always("net.ipv4.tcp_max_tw_buckets", INT),
    since("net.ipv4.tcp_migrate_req", (5, 14), Kind::Number(0, 1)),
    always("net.ipv4.tcp_rfc1337", Kind::Byte),
    always("net.ipv4.tcp_syncookies", Kind::Byte),
    always("net.ipv4.tcp_timestamps", Kind::Byte),
    Known { name: "net.ipv4.tcp_tw_recycle", since: (0, 0), until: Some((4, 12)), kind: INT },
    always("net.ipv4.tcp_tw_reuse", Kind::Number(0, 2)),
    since("net.ipv4.tcp_tw_reuse_delay", (6, 14), Kind::Number(1, 60_000)),
    since("net.ipv4.tcp_ehash_entries", (6, 1), INT),
    since("net.netfilter.nf_conntrack_tcp_timeout_time_wait", (2, 6), INT),
];

/// Names that only a vendor's kernel knows, and by which people try to shorten TIME-WAIT.
pub const NOT_MAINLINE: [&str; 2] = ["net.ipv4.tcp_tw_timeout", "net.ipv4.tcp_timewait_len"];

/// Other settings of TCP's, of some version: not misspelt. (linux v6.18 net/ipv4/sysctl_net_ipv4.c, and removed ones)
pub(super) const OTHERS: &str = "\
    abc adv_win_scale allowed_congestion_control app_win autocorking available_congestion_control available_ulp \
    backlog_ack_defer base_mss challenge_ack_limit child_ehash_entries comp_sack_delay_ns comp_sack_nr \
    comp_sack_rtt_percent comp_sack_slack_ns congestion_control cookie_size default_init_rwnd dma_copybreak dsack \
    early_demux early_retrans ecn ecn_fallback ecn_option ecn_option_beacon fack fastopen \
    fastopen_blackhole_timeout_sec fastopen_key frto frto_response fwmark_accept invalid_ratelimit l3mdev_accept \
    limit_output_bytes low_latency max_reordering max_ssthresh mem min_rtt_wlen min_snd_mss min_tso_segs \
    moderate_rcvbuf mtu_probe_floor mtu_probing no_metrics_save no_ssthresh_metrics_save notsent_lowat \
    orphan_retries pacing_ca_ratio pacing_ss_ratio pingpong_thresh plb_cong_thresh plb_enabled \
    plb_idle_rehash_rounds plb_rehash_rounds plb_suspend_rto_sec probe_interval probe_threshold \
    rcvbuf_low_rtt recovery reflect_tos reordering retrans_collapse retries1 retries2 rmem rto_max_ms rto_min_us \
    sack shrink_window slow_start_after_idle stdurg syn_linear_timeouts syn_retries synack_retries \
    thin_dupack thin_linear_timeouts tso_rtt_log tso_win_divisor user_cwnd_max vegas_cong_avoid westwood \
    window_scaling wmem workaround_signed_windows";

/// The setting with this dotted name.
pub fn find(name: &[u8]) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name.as_bytes() == name)
}

impl Known {
    /// Whether a kernel has it.
    pub fn is_in(&self, kernel: &KernelVersion) -> bool {
        let at_least = |(major, minor)| kernel.at_least(major, minor);
        at_least(self.since) && !self.until.is_some_and(at_least)
    }

    /// Whether a kernel takes this text.
    pub fn takes(&self, text: &[u8], kernel: &KernelVersion) -> bool {
        let Ok(text) = std::str::from_utf8(text) else { return false };
        match self.kind {
            // A range may not begin among the ports that need a privilege, by default those below 1024. One number alone
            // is the first port; the last stays what it was, by default 60999.
            Kind::Range => {
                let mut numbers = text.split_ascii_whitespace().take(2).map(number);
                match (numbers.next().flatten(), numbers.next().unwrap_or(Some(60_999))) {
                    (Some(first), Some(last)) => first >= 1024 && first <= last && last <= 65_535,
                    (_, None) | (None, _) => false,
                }
            }
            Kind::Ports => text.split(',').filter(|part| !part.is_empty()).all(are_ports),
            Kind::Number(least, most) => {
                let old = self.name.ends_with("tcp_tw_reuse") && !kernel.at_least(4, 18);
                first_number(text).is_some_and(|it| old || (least..=most).contains(&it))
            }
            Kind::Byte => {
                let most = if kernel.at_least(5, 13) { 255 } else { (1 << 31) - 1 };
                first_number(text).is_some_and(|it| (0..=most).contains(&it))
            }
        }
    }

    /// Whether something stands behind the number that the kernel does not read: a comment, most likely.
    pub fn has_more(&self, text: &[u8]) -> bool {
        let numbers = match self.kind {
            Kind::Number(..) | Kind::Byte => 1,
            Kind::Range => 2,
            Kind::Ports => usize::MAX,
        };
        text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count() > numbers
    }
}

/// `8080`, or `9000-9010`.
fn are_ports(part: &str) -> bool {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    match (number(first), number(last)) {
        (Some(first), Some(last)) => (0..=65_535).contains(&first) && (first..=65_535).contains(&last),
        (None, _) | (_, None) => false,
    }
}

/// What the kernel reads of a text: its first word, decimal, hexadecimal (0x) or octal (0).
pub(super) fn first_number(text: &str) -> Option<i64> {
    number(text.split_ascii_whitespace().next()?)
}

fn number(word: &str) -> Option<i64> {
    let (sign, digits) = word.strip_prefix('-').map_or((1, word), |digits| (-1, digits));
    let (digits, base) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    i64::from_str_radix(digits, base).ok().filter(|_| is_plain).map(|number| sign * number)
}

/// The setting that this name was probably meant to be; `None` for one that is fine, or that resembles none.
pub fn nearest(name: &[u8]) -> Option<&'static str> {
    let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= 64)?;
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let is_other = name
        .strip_prefix("net.ipv4.tcp_")
        .is_some_and(|rest| OTHERS.split_ascii_whitespace().any(|other| other == rest));
    if is_other || find(name.as_bytes()).is_some() {
        return None;
    }
    let distance = |known: &Known| {
        // The right name in the wrong folder, or in none.
        if last(name) == last(known.name) { 0 } else { distance(name, known.name) }
    };
    let best = KNOWN.iter().map(|known| (distance(known), known.name)).min()?;
    (best.0 <= 2).then_some(best.1)
}

/// How many letters must be changed, added, left out, or swapped with their neighbour (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, &a) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, &b) in other.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&row, j) + usize::from(a != b)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && one.get(i - 1) == Some(&b) && other.get(j - 1) == Some(&a);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_known_by_its_likeness() {
        let near = |name: &str| nearest(name.as_bytes());
        assert_eq!(near("net.ipv4.tcp_tw_reuze"), Some("net.ipv4.tcp_tw_reuse"));
        assert_eq!(near("net.ipv4.tcp_tw_resue"), Some("net.ipv4.tcp_tw_reuse"), "a swap is one step");
        assert_eq!(near("net.ipv4.tcp_max_tw_bucket"), Some("net.ipv4.tcp_max_tw_buckets"));
        assert_eq!(
            near("net.ipv6.tcp_fin_timeout"),
            Some("net.ipv4.tcp_fin_timeout"),
            "IPv6 has none of its own"
        );
        assert_eq!(near("tcp_timestamps"), Some("net.ipv4.tcp_timestamps"));
        for fine in ["net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_sack", "vm.swappiness", "net.core.rmem_max", ""] {
            assert_eq!(near(fine), None, "{fine}");
        }
    }

    #[test]
    fn no_other_setting_of_tcp_s_is_taken_for_a_misspelt_one() {
        for other in OTHERS.split_ascii_whitespace() {
            assert_eq!(nearest(format!("net.ipv4.tcp_{other}").as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn numbers_are_read_as_the_kernel_reads_them() {
        let read = ["1", "1 # x", "0x10", "010", "-1", "1#", "", "on", "0x", "--1", "+1"].map(first_number);
        assert_eq!(read, [Some(1), Some(1), Some(16), Some(8), Some(-1), None, None, None, None, None, None]);
    }

    #[test]
    fn a_setting_is_there_from_a_version_on_or_up_to_one() {
        let has = |name: &str, kernel: &str| {
            find(name.as_bytes()).unwrap().is_in(&KernelVersion::from_release(kernel))
        };
        assert_eq!(
            ["4.11", "4.12", "6.18"].map(|it| has("net.ipv4.tcp_tw_recycle", it)),
            [true, false, false]
        );
        assert_eq!(["6.13", "6.14"].map(|it| has("net.ipv4.tcp_tw_reuse_delay", it)), [false, true]);
    }
}
