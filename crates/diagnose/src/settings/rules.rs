use timewait_facts::{KernelVersion, PortRange, PortSet};

use super::{
    Code, Evidence, Finding, Setting, Values,
    known::{self, Known},
    values::default,
};

/// The default of a machine with 4 GiB: one bucket for each 128 KiB of memory, half of them. A lower limit was lowered by
/// somebody, or is a very small machine's. (linux v6.12 net/ipv4/tcp.c `tcp_init`, net/ipv4/tcp_ipv4.c `tcp_sk_init`)
const HALF_THE_BUCKETS: i64 = 16_384;
/// 32768 to 60999 (linux v6.12 net/ipv4/af_inet.c `inet_init_net`).
const PORTS: i64 = 28_232;
/// The first of them.
const FIRST_PORT: u16 = 32_768;
/// `TCP_FIN_TIMEOUT` is `TCP_TIMEWAIT_LEN`, in seconds (linux v6.12 include/net/tcp.h).
const FIN_TIMEOUT: i64 = 60;
/// `TCP_PAWS_MSL`-like: milliseconds (linux v6.14 net/ipv4/tcp_ipv4.c `tcp_sk_init`).
const REUSE_DELAY: i64 = 1_000;
/// Seconds (linux v6.12 net/netfilter/nf_conntrack_proto_tcp.c `tcp_timeouts`).
const CONNTRACK: i64 = 120;
/// Seconds: `TCP_KEEPALIVE_TIME` (linux v6.12 include/net/tcp.h).
const KEEPALIVE: i64 = 7_200;

/// Judges settings for a kernel version. What is not set has the kernel's default.
pub fn judge(values: &Values, kernel: &KernelVersion) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, setting) in values.iter() {
        let Some(known) = known::find(name.as_bytes()) else { continue };
        found.extend(match refusal(known, setting, kernel) {
            Some(finding) => vec![finding],
            None => [trailing(known, setting), by_value(known, setting, values, kernel)]
                .into_iter()
                .flatten()
                .collect(),
        });
        if let Some(second) = second_thoughts(known, setting, values) {
            found.push(second);
        }
    }
    found
}

/// Whether the kernel does not have it, or does not take its value.
fn refusal(known: &Known, setting: &Setting, kernel: &KernelVersion) -> Option<Finding> {
    let of = |code| Finding::of(code, known.name, setting);
    if known.name == "net.ipv4.tcp_tw_recycle" && !known.is_in(kernel) {
        return Some(of(Code::RecycleGone));
    }
    if !known.is_in(kernel) {
        let evidence = Evidence::Versions { since: known.since, until: known.until };
        return Some(of(Code::NotInThisKernel).by(evidence));
    }
    // What a kernel has, it took.
    let is_bad = setting.place.is_some() && !known.takes(setting.value.as_bytes(), kernel);
    is_bad.then(|| of(Code::BadValue))
}

fn trailing(known: &Known, setting: &Setting) -> Option<Finding> {
    let has_more = setting.place.is_some() && known.has_more(setting.value.as_bytes());
    has_more.then(|| Finding::of(Code::TrailingText, known.name, setting))
}

fn by_value(known: &Known, setting: &Setting, values: &Values, kernel: &KernelVersion) -> Option<Finding> {
    let of = |code| Finding::of(code, known.name, setting);
    let against = |code, limit: i64| of(code).by(Evidence::Against(limit));
    if known.name == "net.ipv4.ip_local_port_range" {
        return range(setting).map(|code| against(code, PORTS));
    }
    let (number, in_file) = (setting.number()?, setting.place.is_some());
    let found = match known.name.strip_prefix("net.ipv4.").unwrap_or(known.name) {
        "tcp_tw_recycle" if number != 0 => of(Code::RecycleDrops),
        "tcp_fin_timeout" if number != FIN_TIMEOUT => against(Code::FinTimeout, FIN_TIMEOUT),
        "tcp_timestamps" if number == 0 => of(Code::TimestampsOff),
        "tcp_timestamps" if number > 1 => of(Code::TimestampsPlain),
        "tcp_tw_reuse" => of(reuse(number, in_file, values, kernel)?),
        "tcp_tw_reuse_delay" if number != REUSE_DELAY => against(Code::ReuseDelay, REUSE_DELAY),
        "tcp_max_tw_buckets" if number < half_the_buckets(values) => {
            against(Code::BucketsLowered, half_the_buckets(values))
        }
        "tcp_max_orphans" if number < half_the_buckets(values) => {
            against(Code::OrphansLowered, half_the_buckets(values))
        }
        "tcp_rfc1337" if number != 0 => of(Code::Rfc1337),
        "tcp_abort_on_overflow" if number != 0 => of(Code::AbortOnOverflow),
        "tcp_syncookies" if number == 2 => of(Code::SyncookiesAlways),
        "tcp_syncookies" if number == 0 => of(Code::SyncookiesOff),
        "tcp_migrate_req" if number != 0 => of(Code::MigrateReq),
        "tcp_keepalive_time" if in_file && number != KEEPALIVE => of(Code::Keepalive),
        "net.core.somaxconn" => {
            let usual = default(known.name, kernel).filter(|&usual| number < usual)?;
            against(Code::SomaxconnLow, usual)
        }
        "net.netfilter.nf_conntrack_tcp_timeout_time_wait" if in_file || number != CONNTRACK => {
            against(Code::Conntrack, CONNTRACK)
        }
        _ => return None,
    };
    Some(found)
}

/// What a kernel begins with: half of its own hash table where it tells how large that is, less for a namespace with a
/// table of its own; it shows a shared one as a negative number.
fn half_the_buckets(values: &Values) -> i64 {
    let buckets = values.number("net.ipv4.tcp_ehash_entries");
    buckets.map_or(HALF_THE_BUCKETS, |buckets| buckets.saturating_abs() / 2)
}

fn reuse(number: i64, in_file: bool, values: &Values, kernel: &KernelVersion) -> Option<Code> {
    let timestamps = values.number_or_default("net.ipv4.tcp_timestamps", kernel) != Some(0);
    match number {
        0 => None,
        // Its default, in a kernel that nobody told anything: what is wrong then are the timestamps.
        2 if !in_file => None,
        _ if !timestamps => Some(Code::ReuseNeedsTimestamps),
        2 if kernel.at_least(4, 18) => Some(Code::ReuseLoopbackOnly),
        2 => Some(Code::ReuseTwoIsOne),
        _ => Some(Code::ReuseNotForServers),
    }
}

fn range(setting: &Setting) -> Option<Code> {
    let range: PortRange = setting.text().parse().ok()?;
    if i64::from(range.len()) < PORTS {
        return Some(Code::RangeNarrow);
    }
    (range.len() > 1 && !range.len().is_multiple_of(2)).then_some(Code::RangeOdd)
}

/// A second finding about the same setting.
fn second_thoughts(known: &Known, setting: &Setting, values: &Values) -> Option<Finding> {
    if known.name != "net.ipv4.ip_local_port_range" {
        return None;
    }
    let range: PortRange = setting.text().parse().ok()?;
    let reserved = values.get("net.ipv4.ip_local_reserved_ports").map(Setting::text).unwrap_or_default();
    let nothing_reserved = reserved.parse() == Ok(PortSet::default());
    let of = |code| Finding::of(code, known.name, setting).by(Evidence::Against(PORTS));
    if setting.place.is_some() && range.first() < FIRST_PORT && nothing_reserved {
        return Some(of(Code::RangeLow));
    }
    let is_odd = range.len() > 1 && !range.len().is_multiple_of(2);
    (is_odd && i64::from(range.len()) < PORTS).then(|| of(Code::RangeOdd))
}
