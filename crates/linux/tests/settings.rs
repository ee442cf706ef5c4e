//! What the settings' rules say, compared with the kernel and with systemd-sysctl.
#![allow(clippy::unwrap_used, clippy::panic, reason = "failing is what tests do")]

use std::{fs, path::Path, process::Command};

use timewait_diagnose::settings::{
    Given,
    known::{self, KNOWN},
};
use timewait_linux::{kernel_version, settings};
use timewait_trial::{Need, Process, in_own_host, skip};

/// Values of which the kernel takes some.
const VALUES: [&str; 20] = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "255",
    "256",
    "0x1",
    "010",
    "1 2",
    "1 # one",
    "1# one",
    "60000",
    "60001",
    "65536",
    "on",
    "1024 65535",
    "1023 65535",
    "9 7",
    "8080,9000-9010",
];

#[test]
fn the_kernel_takes_the_values_that_it_is_said_to_take() {
    in_own_host(|_host| {
        let kernel = kernel_version();
        let (mut taken, mut refused) = (0, 0);
        for known in KNOWN.iter().filter(|known| known.is_in(&kernel)) {
            // Not every namespace has every setting, and some are only read.
            let path = format!("/proc/sys/{}", known.name.replace('.', "/"));
            let Ok(before) = fs::read_to_string(&path) else { continue };
            if fs::write(&path, &before).is_err() {
                continue;
            }
            for value in VALUES {
                fs::write(&path, &before).unwrap();
                let is_taken = fs::write(&path, format!("{value}\n")).is_ok();
                assert_eq!(known.takes(value.as_bytes(), &kernel), is_taken, "{} = {value}", known.name);
                *(if is_taken { &mut taken } else { &mut refused }) += 1;
            }
        }
        assert!(taken > 50 && refused > 50, "{taken} {refused}: is this test blind?");
    });
}

#[test]
fn every_setting_of_tcp_s_that_this_kernel_has_is_known_not_to_be_misspelt() {
    let mut seen = 0;
    for folder in ["ipv4", "core"] {
        for entry in fs::read_dir(format!("/proc/sys/net/{folder}")).unwrap() {
            let name = format!("net.{folder}.{}", entry.unwrap().file_name().to_string_lossy());
            assert_eq!(known::nearest(name.as_bytes()), None, "{name}");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

const FILES: [(&str, &str); 2] = [
    (
        "10-a.conf",
        "# a comment\n ; another\nnet.ipv4.tcp_fin_timeout = 11\nnet/ipv4/tcp_keepalive_time=22\n\
         net.ipv4.tcp_max_syn_* = 33\nnet.ipv4.tcp_rfc1337 = 1 # behind\n-net.ipv4.tcp_no_such_thing = 1\n\
         net.ipv4.tcp_keepalive_p*s = 8\n-net.ipv4.tcp_keepalive_probes\nno assignment\nnet.ipv4.tcp_migrate_req=0\n",
    ),
    (
        "20-b.conf",
        "net.ipv4.tcp_fin_timeout=12\r\n  net.ipv4.tcp_max_syn_backlog\t=\t44  \nnet.ipv4.tcp_keepalive_* = 55\n\
         net.ipv4.ip_local_port_range = 20000   30001\nnet//ipv4/tcp_migrate_req = 1\n",
    ),
];

#[test]
fn files_come_to_what_systemd_sysctl_makes_of_them() {
    let program = "/usr/lib/systemd/systemd-sysctl";
    if !Path::new(program).exists() {
        return skip(Need::Tools, "no systemd-sysctl");
    }
    in_own_host(|_host| {
        let before = |name: &str| settings::read(name).unwrap();
        let probes = before("net.ipv4.tcp_keepalive_probes");
        let folder = tempfile::tempdir().unwrap();
        let mut given = Given::default();
        let mut command = Command::new("/usr/lib/systemd/systemd-sysctl");
        for (name, text) in FILES {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            given.add(&name.as_bytes().into(), text.as_bytes());
            command.arg(path);
        }
        let said = Process::start(&mut command).finish();
        let values = given.values(&kernel_version());
        let mut compared = 0;
        for known in KNOWN {
            let Some(setting) = values.get(known.name) else { continue };
            let plain = |text: &str| {
                text.split(" #").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
            };
            assert_eq!(
                settings::read(known.name).unwrap(),
                plain(&setting.value.to_string()),
                "{}: {}",
                known.name,
                said.stderr
            );
            compared += 1;
        }
        assert_eq!(compared, 7, "{values:?}");
        assert_eq!(
            settings::read("net.ipv4.tcp_keepalive_probes").unwrap(),
            probes,
            "left out of the pattern"
        );
    });
}
