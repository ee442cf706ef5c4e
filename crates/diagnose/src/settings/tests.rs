use proptest::prelude::*;

use super::*;
use crate::settings::live::{Host, Listener, Restart};
use timewait_facts::KernelVersion;

fn kernel(release: &str) -> KernelVersion {
    KernelVersion::from_release(release)
}

fn given(files: &[(&str, &str)]) -> Given {
    let mut given = Given::default();
    for (name, text) in files {
        given.add(&name.as_bytes().into(), text.as_bytes());
    }
    given
}

/// The codes that a file comes to, with the lines that they name.
fn codes(text: &str, release: &str) -> Vec<(&'static str, usize)> {
    let (given, kernel) = (given(&[("a.conf", text)]), kernel(release));
    let mut found = given.findings();
    found.extend(judge(&given.values(&kernel), &kernel));
    sort(&mut found);
    found.iter().map(|it| (it.code.name(), it.place.as_ref().map_or(0, |place| place.line))).collect()
}

fn value(files: &[(&str, &str)], name: &str) -> Option<String> {
    let values = given(files).values(&kernel("6.18"));
    values.get(name).map(|setting| setting.value.to_string())
}

const FIN: &str = "net.ipv4.tcp_fin_timeout";

#[test]
fn comments_separators_and_a_minus_are_read_as_systemd_sysctl_reads_them() {
    let of = |line: &str| value(&[("a", line)], FIN);
    for line in [
        "net.ipv4.tcp_fin_timeout=5",
        "  net/ipv4/tcp_fin_timeout =  5 ",
        "-net.ipv4.tcp_fin_timeout = 5",
        "/net//ipv4/tcp_fin_timeout=5",
        "net.ipv4.tcp_fin_*=5",
        "x\r\nnet.ipv4.tcp_fin_timeout=5\r\n",
    ] {
        assert_eq!(of(line).as_deref(), Some("5"), "{line}");
    }
    for line in
        ["#net.ipv4.tcp_fin_timeout=5", " ; net.ipv4.tcp_fin_timeout=5", "net.ipv4/tcp_fin_timeout=5", ""]
    {
        assert_eq!(of(line), None, "{line}");
    }
}

#[test]
fn the_last_assignment_counts_a_name_before_a_pattern_and_an_exclusion_before_both() {
    let of = |files: &[(&str, &str)]| value(files, FIN);
    assert_eq!(
        of(&[("a", "net.ipv4.tcp_fin_timeout=5"), ("b", "net.ipv4.tcp_fin_timeout=6")]).as_deref(),
        Some("6")
    );
    let by_pattern = "net.ipv4.tcp_fin*=7";
    assert_eq!(of(&[("a", "net.ipv4.tcp_fin_timeout=5"), ("b", by_pattern)]).as_deref(), Some("5"));
    assert_eq!(of(&[("a", by_pattern), ("b", "net.*.tcp_f*=8")]).as_deref(), Some("8"));
    assert_eq!(of(&[("a", by_pattern), ("b", "-net.ipv4.tcp_fin_timeout")]), None);
}

#[test]
fn what_the_internet_recommends_is_told_for_what_it_is() {
    let recipe = "# faster!\n\
        net.ipv4.tcp_tw_recycle = 1\n\
        net.ipv4.tcp_tw_reuse = 1\n\
        net.ipv4.tcp_fin_timeout = 15\n\
        net.ipv4.tcp_max_tw_buckets = 5000\n\
        net.ipv4.tcp_timestamps = 0\n\
        net.ipv4.ip_local_port_range = 1024 65535\n\
        net.ipv4.tcp_keepalive_time = 600\n";
    assert_eq!(
        codes(recipe, "5.15"),
        [
            ("tw-recycle-gone", 2),
            ("timestamps-off", 6),
            ("tw-reuse-needs-timestamps", 3),
            ("tw-buckets-lowered", 5),
            ("fin-timeout-is-not-time-wait", 4),
            ("range-begins-low", 7),
            ("keepalive-is-not-time-wait", 8),
        ]
    );
}

#[test]
fn a_kernel_s_version_decides_what_a_setting_is() {
    assert_eq!(codes("net.ipv4.tcp_tw_recycle = 1", "4.11"), [("tw-recycle-drops-clients", 1)]);
    assert_eq!(codes("net.ipv4.tcp_tw_reuse_delay = 500", "5.15"), [("not-in-this-kernel", 1)]);
    assert_eq!(codes("net.ipv4.tcp_tw_reuse_delay = 500", "6.14"), [("tw-reuse-delay", 1)]);
    assert_eq!(codes("net.ipv4.tcp_tw_reuse = 2", "4.17"), [("tw-reuse-two-is-one", 1)]);
    assert_eq!(codes("net.ipv4.tcp_tw_reuse = 2", "5.15"), [("tw-reuse-loopback-only", 1)]);
    assert_eq!(codes("net.core.somaxconn = 1024", "5.3"), []);
    assert_eq!(codes("net.core.somaxconn = 1024", "5.4"), [("somaxconn-low", 1)]);
}

#[test]
fn lines_that_do_not_do_what_they_look_like_are_pointed_out() {
    assert_eq!(codes("net.ipv4.tcp_tw_reuze = 1", "6.18"), [("unknown-setting", 1)]);
    assert_eq!(codes("net.ipv4.tcp_tw_timeout = 5", "6.18"), [("not-mainline", 1)]);
    assert_eq!(codes("net.ipv4.tcp_tw_reuse 1", "6.18"), [("not-an-assignment", 1)]);
    assert_eq!(codes("net.ipv4.tcp_tw_reuse = yes", "6.18"), [("refused-value", 1)]);
    assert_eq!(codes("net.ipv4.tcp_rfc1337 = 0 # no", "6.18"), [("text-behind-value", 1)]);
    let twice = "net.ipv4.tcp_tw_reuse = 1\nnet.ipv4.tcp_tw_reuse = 0\n";
    assert_eq!(codes(twice, "6.18"), [("overridden", 1)]);
    assert_eq!(codes("vm.swappiness = 1\nnet.ipv4.tcp_sack = 0\n", "6.18"), []);
}

#[test]
fn the_defaults_of_a_running_kernel_are_nothing_to_talk_about() {
    let mut values = Values::default();
    for (name, value) in [
        ("net.core.somaxconn", "4096"),
        ("net.ipv4.ip_local_port_range", "32768 60999"),
        ("net.ipv4.ip_local_reserved_ports", ""),
        ("net.ipv4.tcp_ehash_entries", "-262144"),
        ("net.ipv4.tcp_fin_timeout", "60"),
        ("net.ipv4.tcp_keepalive_time", "7200"),
        ("net.ipv4.tcp_max_orphans", "131072"),
        ("net.ipv4.tcp_max_tw_buckets", "131072"),
        ("net.ipv4.tcp_syncookies", "1"),
        ("net.ipv4.tcp_timestamps", "1"),
        ("net.ipv4.tcp_tw_reuse", "2"),
        ("net.ipv4.tcp_tw_reuse_delay", "1000"),
        ("net.netfilter.nf_conntrack_tcp_timeout_time_wait", "120"),
    ] {
        values.set_live(name, value);
    }
    assert_eq!(judge(&values, &kernel("6.18")), []);
    values.set_live("net.ipv4.tcp_max_tw_buckets", "131071");
    assert_eq!(judge(&values, &kernel("6.18"))[0].code, Code::BucketsLowered);
}

#[test]
fn a_running_host_is_judged_by_its_listeners_and_counters() {
    let mut values = Values::default();
    values.set_live("net.ipv4.ip_local_port_range", "32768 60999");
    values.set_live("net.ipv4.ip_local_reserved_ports", "40000");
    values.set_live("net.core.somaxconn", "128");
    let listener = |address: &str, queue, restart| Listener {
        address: address.parse().unwrap(),
        queue,
        backlog: 128,
        restart,
    };
    let host = Host {
        listeners: vec![
            listener("0.0.0.0:80", 129, Restart::Fails { connections: 3 }),
            listener("0.0.0.0:40000", 0, Restart::Succeeds),
            listener("[::]:40001", 0, Restart::Depends),
        ],
        counters: [("ListenOverflows".to_owned(), 5), ("ListenDrops".to_owned(), 5)].into(),
    };
    let mut found = live::judge(&host, &values);
    sort(&mut found);
    let seen: Vec<_> = found.iter().map(|it| (it.code.name(), it.subject.to_string())).collect();
    let expected = [
        ("range-holds-listeners", "net.ipv4.ip_local_port_range"),
        ("restart-would-fail", "0.0.0.0:80"),
        ("accept-queue-full", "0.0.0.0:80"),
        ("counted-listen-overflows", "ListenOverflows"),
        ("restart-depends", "[::]:40001"),
        ("backlog-at-somaxconn", "0.0.0.0:40000"),
        ("backlog-at-somaxconn", "[::]:40001"),
    ];
    assert_eq!(seen, expected.map(|(code, subject)| (code, subject.to_owned())));
}

#[test]
fn every_code_has_a_name_of_its_own_a_source_and_a_sentence() {
    let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
    for &code in Code::ALL {
        let evidence = match code {
            Code::RangeHoldsListeners => Evidence::Listeners { ports: vec![1], reserved: String::new() },
            _ => Evidence::Value,
        };
        let finding = Finding { code, subject: b"x"[..].into(), value: None, place: None, evidence };
        assert!(!words::what(&finding, &kernel("6.18")).is_empty(), "{code:?}");
        assert!(code.source().contains("linux v") || code.source().contains("sysctl.d(5)"), "{code:?}");
    }
}

proptest! {
    #[test]
    fn whatever_a_file_holds_it_is_judged_and_no_control_character_gets_through(
        bytes: Vec<u8>,
        lines in "([#; -]?(net[./]ipv4[./]tcp_(tw_reus[ez]|fin_timeout|\\*)|x)[ =]*[-0-9a-fx\\x1b#]{0,9}\n){0,20}",
        minor in 0..20_u16,
    ) {
        let kernel = kernel(&format!("5.{minor}"));
        let mut given = Given::default();
        given.add(&b"\x1b[2J"[..].into(), &bytes);
        given.add(&b"b"[..].into(), lines.as_bytes());
        let mut found = given.findings();
        found.extend(judge(&given.values(&kernel), &kernel));
        sort(&mut found);
        for finding in found {
            let text = words::subject(&finding) + &words::what(&finding, &kernel);
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
            let _change = words::change(&finding);
        }
    }
}
