//! Hosts of our own, on the running kernel.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::Command,
};

use timewait_linux::{hosts, settings};
use timewait_trial::in_own_host;

#[test]
fn a_host_has_its_loopback_up_and_nothing_else_in_it() {
    in_own_host(|_host| {
        let listener = TcpListener::bind("127.0.0.1:9000").expect("port 9000 is free in a host of one's own");
        TcpStream::connect("127.0.0.1:9000").expect("loopback is up");
        drop(listener);
        TcpListener::bind("[::1]:9000").expect("IPv6 as well");
        assert_eq!(std::process::id(), 1, "process 1 of its pid namespace");
    });
}

#[test]
fn a_setting_is_written_inside_and_reads_back() {
    in_own_host(|host| {
        host.set("net.ipv4.tcp_fin_timeout", "7").unwrap();
        assert_eq!(settings::read("net.ipv4.tcp_fin_timeout").unwrap(), "7");
        host.set("net.ipv4.ip_local_port_range", "20000 20099").unwrap();
        assert_eq!(settings::read("net.ipv4.ip_local_port_range").unwrap(), "20000 20099");
    });
}

#[test]
fn a_setting_that_is_not_the_namespace_s_own_is_refused_before_it_is_written() {
    in_own_host(|host| {
        let error = host.set("kernel.hostname", "x").unwrap_err().to_string();
        assert!(error.contains("'kernel.hostname' is no name"), "{error}");
        let error = host.set("net.ipv4.tcp_fin_timeout", "soon").unwrap_err();
        assert!(matches!(error, settings::SettingError::Refused { doing: "write", .. }), "{error}");
    });
}

#[test]
fn outside_there_is_no_host() {
    assert!(hosts::Host::entered().is_none() || fs::read_link("/proc/self/ns/net").is_err());
}

#[test]
fn the_exit_status_is_passed_on() {
    in_own_host(|_host| {
        let status = |script: &str| {
            let mut command = Command::new("sh");
            hosts::isolate(command.args(["-c", script])).unwrap().wait().unwrap().code()
        };
        assert_eq!(status("exit 7"), Some(7));
        assert_eq!(status("kill -KILL $$"), None.or(Some(0)), "process 1 cannot end itself by a signal");
    });
}
