//! `timewait load`: what it counts is what the kernel has, and it stops before the ports run out.

use std::process::Command;

use serde_json::Value;
use timewait_linux::hosts::Host;
use timewait_trial::{Finished, Process, have_tool, in_own_host};

use crate::{assert_screen, program, run, seen, serve, timewait};

/// Runs it with these arguments, and reads its object.
fn load(arguments: &[&str]) -> (Value, Option<i32>) {
    let answer = run(&[&["load", "--json"], arguments].concat());
    let object =
        serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {}", seen(&answer)));
    (object, answer.status.code())
}

fn count(arguments: &[&str]) -> u64 {
    run(&[&["ls", "--count"], arguments].concat()).stdout.trim().parse().unwrap()
}

/// A hundred local ports, none of which is used again while it waits.
fn few_ports(host: &Host) {
    host.set("net.ipv4.ip_local_port_range", "40000 40099").unwrap();
    host.set("net.ipv4.tcp_tw_reuse", "0").unwrap();
    // Nor does a late RST end a wait.
    host.set("net.ipv4.tcp_rfc1337", "1").unwrap();
}

const CLIENT: [&str; 3] = [":9000", "--close-first", "client"];

#[test]
fn a_server_that_closes_first_has_the_waits_and_all_is_well() {
    in_own_host(|_host| {
        let server = serve(&["--connections", "300"]);
        let (object, status) = load(&[":9000", "--connections", "300"]);
        assert_eq!(status, Some(0), "{object}");
        for field in ["begun", "connected", "finished"] {
            assert_eq!(object[field], 300, "{field}: {object}");
        }
        assert_eq!(object["received"], 300 * 22);
        assert_eq!((&object["ended"], &object["time_waits"]), (&"connections".into(), &0.into()));
        assert_eq!(
            (&object["connect_us"]["count"], &object["whole_us"]["count"]),
            (&300.into(), &300.into())
        );
        assert!(server.finish().stdout.contains("served 300 of 300 clients"));
        assert_eq!((count(&["--local", ":9000"]), count(&["--peer", ":9000"])), (300, 0));
    });
}

#[test]
fn it_stops_at_half_of_the_ports_and_says_what_to_do() {
    in_own_host(|host| {
        few_ports(host);
        let _server = serve(&["--close-first", "client"]);
        let first = run(&[&["load"], &CLIENT[..]].concat());
        assert_eq!(first.status.code(), Some(1));
        assert_eq!(count(&["--peer", ":9000"]), 50, "{}", seen(&first));
        assert_screen!("load-half-of-the-ports", masked(&seen(&first)));

        let (again, status) = load(&CLIENT);
        assert_eq!((&again["begun"], &again["ended"], status), (&0.into(), &"ports".into(), Some(1)));
        assert_eq!(again["waited_before"], 50);
    });
}

#[test]
fn the_json_counts_what_the_socket_table_has() {
    in_own_host(|host| {
        few_ports(host);
        let _server = serve(&["--close-first", "client"]);
        let (object, status) = load(&[&CLIENT[..], &["--connections", "30"]].concat());
        assert_eq!((&object["time_waits"], status), (&30.into(), Some(0)), "{object}");
        assert_eq!(count(&["--peer", ":9000"]), 30);
        assert_eq!((&object["ports"], &object["ports_left"]), (&100.into(), &70.into()));
        assert_eq!(object["most_ports"], 50);
    });
}

#[test]
fn to_exhaust_them_meets_eaddrnotavail_and_says_so() {
    in_own_host(|host| {
        few_ports(host);
        let _server = serve(&["--close-first", "client"]);
        let (more, one) = (["--exhaust", "--connections", "105"], ["--concurrency", "1"]);
        let answer = run(&[&["load"], &CLIENT[..], &more, &one].concat());
        assert_eq!(answer.status.code(), Some(1));
        assert_eq!(count(&["--peer", ":9000"]), 100, "{}", seen(&answer));
        assert!(answer.stdout.contains("5 EADDRNOTAVAIL in connect"), "{}", answer.stdout);
        assert!(answer.stdout.contains("this side that runs out"), "{}", answer.stdout);
    });
}

#[test]
fn a_prefix_is_connected_from_in_turn() {
    in_own_host(|host| {
        few_ports(host);
        let _server = serve(&["--close-first", "client"]);
        let from = ["--from", "127.0.5.0/30,127.0.9.9", "--connections", "90"];
        let (object, status) = load(&[&CLIENT[..], &from].concat());
        assert_eq!((&object["sources"], status), (&3.into(), Some(0)), "{object}");
        for source in ["127.0.5.1", "127.0.5.2", "127.0.9.9"] {
            assert_eq!(count(&["--local", source]), 30, "{source}");
        }
    });
}

#[test]
fn after_an_rst_nobody_waits() {
    in_own_host(|_host| {
        let _server = serve(&["--close-first", "client"]);
        let (object, status) = load(&[":9000", "--close-first", "rst", "--connections", "100"]);
        assert_eq!((&object["finished"], &object["time_waits"], status), (&100.into(), &0.into(), Some(0)));
        assert_eq!(count(&[":9000"]), 0);
    });
}

#[test]
fn at_a_rate_each_that_was_due_is_begun_or_counted_as_behind() {
    in_own_host(|_host| {
        let _server = serve(&[]);
        let (object, status) = load(&[":9000", "--rate", "200", "--duration", "1s"]);
        assert_eq!((&object["ended"], status), (&"duration".into(), Some(0)));
        let begun = object["begun"].as_u64().unwrap() + object["behind"].as_u64().unwrap();
        let due = object["elapsed_ms"].as_u64().unwrap() / 5;
        assert!(begun.abs_diff(due) <= 1, "{begun} of {due}: {object}");
    });
}

#[test]
fn words_are_said_first() {
    in_own_host(|_host| {
        let server = serve(&["--connections", "20", "-q"]);
        let say = ["--connections", "20", "--say", "GET / HTTP/1.0\\r\\n\\r\\n"];
        let (object, status) = load(&[&[":9000"], &say[..]].concat());
        assert_eq!((&object["finished"], &object["received"], status), (&20.into(), &440.into(), Some(0)));
        server.finish();
    });
}

#[test]
fn where_nobody_listens_the_errors_are_counted_by_errno() {
    in_own_host(|_host| {
        let answer = run(&["load", ":9000", "--connections", "3"]);
        assert_eq!(answer.status.code(), Some(1));
        assert_screen!("load-refused", masked(&seen(&answer)));
    });
}

#[test]
fn an_address_that_is_not_of_this_machine_is_refused() {
    in_own_host(|_host| {
        // Others, a broadcast and a multicast address, and one in another's form.
        for address in ["192.0.2.1", "[2001:db8::1]", "127.255.255.255", "224.0.0.1", "[::ffff:192.0.2.1]"] {
            let answer = run(&["load", &format!("{address}:80"), "--connections", "1"]);
            assert_eq!(answer.status.code(), Some(2), "{address}: {}", seen(&answer));
            assert!(answer.stderr.contains("is not of this machine"), "{}", answer.stderr);
        }
    });
}

/// Runs it where names are what this text, in the form of /etc/hosts, says.
fn load_where(names: &str, arguments: &[&str]) -> Finished {
    let file = std::env::temp_dir().join(format!("timewait-names-{}", std::process::id()));
    std::fs::write(&file, names).unwrap();
    let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).arg(&file).args([program(), "load"]).args(arguments);
    let finished = Process::start(&mut command).finish();
    std::fs::remove_file(file).unwrap();
    finished
}

#[test]
fn a_name_of_other_machines_is_refused_and_of_several_addresses_only_one_of_this_machine_is_taken() {
    if !have_tool("unshare") || !have_tool("mount") {
        return;
    }
    in_own_host(|_host| {
        let names = "192.0.2.1 elsewhere.test\n198.51.100.7 elsewhere.test\n\
                     192.0.2.1 both.test\n127.0.0.1 both.test\n";
        let answer = load_where(names, &["elsewhere.test:9000", "--connections", "1"]);
        assert_eq!(answer.status.code(), Some(2), "{}", seen(&answer));
        assert!(
            answer.stderr.contains("192.0.2.1, 198.51.100.7 are not of this machine"),
            "{}",
            answer.stderr
        );

        let _server = serve(&[]);
        let answer = load_where(names, &["both.test:9000", "--connections", "5", "--json"]);
        let object: Value =
            serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{}", seen(&answer)));
        assert_eq!((&object["to"]["addr"], &object["finished"]), (&"127.0.0.1".into(), &5.into()));
    });
}

#[test]
fn a_source_that_is_not_of_this_machine_is_refused() {
    in_own_host(|host| {
        host.add_address("192.0.2.7/32".parse().unwrap()).unwrap();
        for from in ["192.0.2.1", "192.0.2.0/24", "127.0.0.2,192.0.2.1"] {
            let answer = run(&["load", ":9000", "--connections", "1", "--from", from]);
            assert_eq!(answer.status.code(), Some(2), "{from}: {}", seen(&answer));
            assert!(answer.stderr.contains("not all of it is of this machine"), "{}", answer.stderr);
        }
        let answer = run(&["load", ":9000", "--connections", "1", "--from", "::1"]);
        assert_eq!(answer.status.code(), Some(2), "{}", seen(&answer));
        let _server = serve(&[]);
        let (object, status) = load(&[":9000", "--connections", "7", "--from", "192.0.2.7"]);
        assert_eq!((&object["finished"], status), (&7.into(), Some(0)), "{object}");
    });
}

#[test]
fn ports_that_the_kernel_uses_again_do_not_stop_it() {
    in_own_host(|host| {
        host.set("net.ipv4.ip_local_port_range", "40000 40099").unwrap();
        host.set("net.ipv4.tcp_tw_reuse", "2").unwrap();
        let _server = serve(&["--close-first", "client"]);
        // Six seconds, after which more ports wait than half of them are; but each is held for one or two.
        let rate = ["--rate", "10", "--connections", "60"];
        let (object, status) = load(&[&CLIENT[..], &rate].concat());
        assert_eq!(
            (&object["time_waits"], &object["ended"]),
            (&60.into(), &"connections".into()),
            "{object}"
        );
        assert_eq!((&object["most_ports"], status), (&50.into(), Some(0)));
    });
}

#[test]
fn one_that_is_killed_leaves_a_server_that_goes_on() {
    in_own_host(|_host| {
        let server = serve(&["-q"]);
        let loading = Process::start(&mut timewait(&["load", ":9000", "--duration", "1h"]));
        loading.until("connecting to");
        loading.signal("KILL");
        assert_eq!(loading.finish().status.code(), None);
        let (object, status) = load(&[":9000", "--connections", "20"]);
        assert_eq!((&object["finished"], status), (&20.into(), Some(0)), "{object}");
        server.signal("TERM");
        let finished = server.finish();
        assert_eq!(finished.status.code(), Some(0), "{finished:?}");
    });
}

#[test]
fn ctrl_c_prints_the_summary() {
    in_own_host(|_host| {
        let _server = serve(&[]);
        let loading = Process::start(&mut timewait(&["load", ":9000", "--rate", "50", "--duration", "1h"]));
        loading.until("connecting to");
        loading.signal("INT");
        let finished = loading.finish();
        assert!(finished.stdout.contains("ended  by the wish to stop"), "{finished:?}");
    });
}

#[test]
fn on_a_terminal_it_shows_how_it_goes() {
    if !have_tool("script") {
        return;
    }
    in_own_host(|_host| {
        let _server = serve(&["--close-first", "client"]);
        let command = format!("{} load :9000 --rate 100 --duration 1s --close-first client", program());
        let terminal = Process::start(Command::new("script").args(["-qfec", &command, "/dev/null"]));
        let screen = terminal.finish().stdout;
        for part in ["/s  no errors", "time-wait made", "ports left"] {
            assert!(screen.contains(part), "{part}: {screen}");
        }
    });
}

/// Masks what differs from run to run: the rows of times, and the rate.
fn masked(screen: &str) -> String {
    let mask = |line: &str| match line.split_once(" came to their end in ") {
        Some((begin, _)) => format!("{begin} came to their end in N.N s: N a second\n"),
        None if line.starts_with("  connect") || line.starts_with("  whole") => {
            format!("{:9} (five times)\n", line.get(..9).unwrap_or_default())
        }
        None => format!("{line}\n"),
    };
    screen.lines().map(mask).collect()
}
