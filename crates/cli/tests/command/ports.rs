//! `timewait ports`: as many connections can be made as it says, and what it foretells.

use std::{
    io::Read as _,
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use serde_json::Value;
use timewait_linux::hosts::{self, Host};
use timewait_trial::{Process, eventually, in_own_host};

use crate::{assert_screen, ls::inner_pid_of, run, seen, timewait};

fn json(arguments: &[&str]) -> Value {
    let answer = run(&[&["ports", "--json"], arguments].concat());
    serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {}", seen(&answer)))
}

/// The first destination with this port.
fn towards(report: &Value, port: u16) -> Value {
    let all = report["destinations"].as_array().unwrap();
    all.iter().find(|it| it["to"]["port"] == port).cloned().unwrap_or_else(|| panic!("{report}"))
}

/// A range of so many ports, none of which is used again while it waits.
fn narrow(host: &Host, ports: u16) {
    host.set("net.ipv4.ip_local_port_range", &format!("40000 {}", 39_999 + ports)).unwrap();
    host.set("net.ipv4.tcp_tw_reuse", "0").unwrap();
}

/// Opens a connection and closes it from this side first.
fn open_and_close(server: &TcpListener) -> std::io::Result<()> {
    let client = TcpStream::connect(server.local_addr()?)?;
    let (mut accepted, _) = server.accept()?;
    drop(client);
    accepted.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn wait_for(count: usize) {
    eventually("connections in time-wait", || {
        (run(&["ls", "--count"]).stdout == format!("{count}\n")).then_some(())
    });
}

#[test]
fn as_many_connections_as_it_says_can_be_made_and_then_none() {
    in_own_host(|host| {
        narrow(host, 40);
        host.set("net.ipv4.ip_local_reserved_ports", "40010-40011").unwrap();
        let _in_the_range = TcpListener::bind("127.0.0.1:40003").unwrap();
        for (number, (open, waiting, elsewhere)) in [(3, 5, 2), (0, 7, 4), (1, 0, 0)].into_iter().enumerate()
        {
            let port = 9000 + 2 * u16::try_from(number).unwrap();
            let [server, other] =
                [port, port + 1].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
            let mut held: Vec<TcpStream> =
                (0..open).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
            let _accepted: Vec<_> = (0..open).map(|_| server.accept().unwrap()).collect();
            (0..waiting).for_each(|_| open_and_close(&server).unwrap());
            (0..elsewhere).for_each(|_| open_and_close(&other).unwrap());
            eventually("nothing on its way", || {
                (run(&["ls", "--count", "--state", "fin-wait-1,fin-wait-2,last-ack"]).stdout == "0\n")
                    .then_some(())
            });

            let report = json(&[]);
            let it = towards(&report, port);
            let free = 40 - 1 - 2 - open - waiting;
            assert_eq!((&report["bound"], &report["reserved"]), (&1.into(), &2.into()));
            assert_eq!((&it["taken"], &it["time_wait"]), (&open.into(), &waiting.into()), "{it}");
            assert_eq!((&it["free"], &it["left"], &it["reusable"]), (&free.into(), &free.into(), &0.into()));

            for made in 0..free {
                held.push(
                    TcpStream::connect(("127.0.0.1", port)).unwrap_or_else(|error| panic!("{made}: {error}")),
                );
            }
            let refused = TcpStream::connect(("127.0.0.1", port)).unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(libc::EADDRNOTAVAIL));
            assert_eq!(towards(&json(&[]), port)["left"], 0);
            drop(held);
        }
    });
}

#[test]
fn destinations_are_listed_the_fullest_first_with_what_helps() {
    in_own_host(|host| {
        narrow(host, 20);
        let [full, other] = [9000, 9001].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
        (0..12).for_each(|_| open_and_close(&full).unwrap());
        let _open = (TcpStream::connect("127.0.0.1:9001").unwrap(), other.accept().unwrap());
        wait_for(12);
        assert_screen!("ports", seen(&run(&["ports"])));
        assert_screen!("ports-one-destination", seen(&run(&["ports", ":9001"])));
        assert_screen!("ports-nothing", seen(&run(&["ports", "10.0.0.0/8"])));
    });
}

#[test]
fn the_threshold_decides_what_is_bad_news() {
    in_own_host(|host| {
        narrow(host, 20);
        let server = TcpListener::bind("127.0.0.1:9000").unwrap();
        (0..8).for_each(|_| open_and_close(&server).unwrap());
        wait_for(8);
        let status = |arguments: &[&str]| run(&[&["ports"], arguments].concat()).status.code();
        assert_eq!(status(&[]), Some(0), "8 of 20 is less than half");
        assert_eq!(status(&["--threshold", "41%"]), Some(0));
        assert_eq!(status(&["--threshold", "40%"]), Some(1));
        assert_eq!(json(&["--threshold", "40%"])["destinations"][0]["short"], true);
        (0..2).for_each(|_| open_and_close(&server).unwrap());
        wait_for(10);
        assert_eq!(status(&[]), Some(1), "half");
    });
}

#[test]
fn watched_it_tells_the_rate_who_closes_first_and_that_ports_will_run_out() {
    in_own_host(|host| {
        narrow(host, 400);
        let (made, stop) = (AtomicU32::new(0), AtomicBool::new(false));
        let report = thread::scope(|scope| {
            scope.spawn(|| {
                let server = TcpListener::bind("127.0.0.1:9000").unwrap();
                while !stop.load(Ordering::Relaxed) && made.load(Ordering::Relaxed) < 395 {
                    open_and_close(&server).unwrap();
                    made.fetch_add(1, Ordering::Relaxed);
                    // The pace that is to be measured.
                    thread::sleep(Duration::from_millis(20));
                }
            });
            let report = json(&["--watch=2s"]);
            stop.store(true, Ordering::Relaxed);
            report
        });
        let it = towards(&report, 9000);
        let (forecast, seconds) = (&it["forecast"], report["watched_ms"].as_f64().unwrap() / 1e3);
        let new = forecast["new_per_second"].as_f64().unwrap();
        assert!(seconds >= 2.0);
        assert!(new > 0.0 && new * 2.0 <= f64::from(made.load(Ordering::Relaxed)) + 1.0, "{report}");
        assert_eq!(forecast["closes_first"], "here");
        assert!(report["opened_per_second"].as_f64().unwrap() > 0.0, "{report}");
        // At least 7 a second fill 400 ports in a minute.
        if new > 7.0 {
            assert!(forecast["refused_in_ms"].as_u64() >= forecast["cliff_in_ms"].as_u64(), "{report}");
            assert_eq!(it["short"], true);
            assert!(it["remedies"].as_array().unwrap().iter().any(|it| it["code"] == "keep-alive"));
        }
        assert!(run(&["ports"]).status.code() < Some(2));
    });
}

#[test]
fn where_nothing_moves_nothing_is_foretold() {
    in_own_host(|host| {
        narrow(host, 40);
        let server = TcpListener::bind("127.0.0.1:9000").unwrap();
        let _open = (TcpStream::connect("127.0.0.1:9000").unwrap(), server.accept().unwrap());
        let report = json(&["--watch=2s"]);
        let forecast = &towards(&report, 9000)["forecast"];
        assert_eq!((&forecast["new_per_second"], &forecast["levels_off_at"]), (&0.0.into(), &1.into()));
        assert!(forecast["refused_in_ms"].is_null() && forecast["closes_first"].is_null(), "{report}");
        // A busy machine takes longer.
        let screen = seen(&run(&["ports", "--watch=2s"]));
        let (before, after) = screen.split_once("(seen for ").unwrap();
        let after = after.split_once(';').unwrap().1;
        assert_screen!("ports-watched", format!("{before}(seen for N.N s;{after}"));
    });
}

#[test]
fn another_network_namespace_has_a_budget_of_its_own() {
    in_own_host(|host| {
        narrow(host, 40);
        let mut elsewhere = timewait(&["serve", "127.0.0.1:9100"]);
        let elsewhere = Process::start_by(&mut elsewhere, hosts::isolate).unwrap();
        elsewhere.until("listening on");
        let report = json(&["--netns", &inner_pid_of(9100, &elsewhere)]);
        assert_ne!(report["range"], json(&[])["range"]);
    });
}
