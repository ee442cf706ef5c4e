//! `timewait lab`: every claim is tried, and its verdict turned, on the kernel that runs the tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use serde_json::Value;
use timewait_trial::{Process, eventually, forbid, have_tool, in_own_host};

use crate::{assert_screen, program, run, seen};

fn json(arguments: &[&str]) -> Value {
    let finished = run(arguments);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", seen(&finished)))
}

/// The names of all claims that do not take a minute.
fn fast() -> Vec<String> {
    let listing = json(&["lab", "--list", "--json"]);
    let claims = listing["claims"].as_array().unwrap().iter();
    claims
        .filter(|claim| claim["slow"] == false)
        .map(|claim| claim["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Everything below `/proc/sys/net` that can be read, by its path.
fn settings() -> BTreeMap<String, String> {
    fn below(folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                below(&path, found);
            } else if let Ok(value) = fs::read_to_string(&path) {
                found.insert(path.display().to_string(), value);
            }
        }
    }
    let mut found = BTreeMap::new();
    below(Path::new("/proc/sys/net"), &mut found);
    // What the kernel counts by itself.
    found.retain(|path, _| !path.contains("netfilter/nf_conntrack_count"));
    found
}

/// The verdicts of all claims, by name and family, as said or in their contrary setups.
fn verdicts(claims: &[Value], contrary: bool) -> BTreeMap<(&str, &str), &str> {
    fn row(claim: &Value) -> [&str; 3] {
        ["id", "family", "verdict"].map(|field| claim[field].as_str().unwrap())
    }
    let these = claims.iter().filter(|claim| claim["contrary"].is_null() != contrary);
    these.map(row).map(|[id, family, verdict]| ((id, family), verdict)).collect()
}

#[test]
fn every_claim_is_decided_as_before_and_the_other_way_round_in_its_contrary_setup() {
    in_own_host(|_host| {
        let names = fast();
        assert!(names.len() > 30, "is this test blind? {names:?}");
        let before = settings();
        let arguments: Vec<&str> =
            ["lab", "--json"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let report = json(&arguments);
        let claims = report["claims"].as_array().unwrap();
        for claim in claims.iter().filter(|claim| claim["contrary"].is_null()) {
            assert_ne!(claim["verdict"], "could-not-try", "{claim}");
            assert_eq!(claim["news"], false, "this kernel differs from the record: {claim}");
        }
        let (as_said, turned) = (verdicts(claims, false), verdicts(claims, true));
        let tried: BTreeSet<&str> = as_said.keys().map(|(id, _)| *id).collect();
        assert_eq!(tried, names.iter().map(String::as_str).collect());
        let other = |verdict: &&str| if *verdict == "confirmed" { "refuted" } else { "confirmed" };
        let others: BTreeMap<_, _> =
            as_said.iter().map(|(whose, verdict)| (*whose, other(verdict))).collect();
        assert_eq!(turned, others, "every rule must be able to come out the other way");
        assert_eq!(settings(), before, "the host's settings are nobody's to change");
    });
}

#[test]
fn the_table_names_each_claim_its_verdict_and_what_decided() {
    in_own_host(|_host| {
        let finished = run(&["lab", "--family", "ipv4", "--color", "never"]);
        let screen = &finished.stdout;
        assert_eq!(finished.status.code(), Some(0), "{}", seen(&finished));
        assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
        for expected in [
            "confirmed  first-closer-waits: ",
            "refuted    reuseaddr-prevents: ",
            "4 connections: 4 rows without it, 4 with it",
        ] {
            assert!(screen.contains(expected), "{expected}: {screen}");
        }
        assert!(!screen.contains("lasts-1-to-4-minutes"), "that one takes a minute: {screen}");
    });
}

#[test]
fn the_article_is_told_by_its_parts_with_what_it_got_right_and_wrong() {
    let listed = run(&["lab", "--list", "--article", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let parts = listed["claims"].as_array().unwrap().iter().map(|claim| claim["by"].as_str().unwrap());
    let parts: Vec<&str> = parts.map(|by| by.strip_prefix("the article, part ").expect("its own")).collect();
    assert!(parts.is_sorted(), "in its order: {parts:?}");
    assert_eq!(parts.iter().copied().collect::<BTreeSet<_>>(), ["1", "2", "3", "4", "5"].into());
}

#[test]
fn a_wait_that_is_short_refutes_that_one_lasts_minutes() {
    in_own_host(|_host| {
        let arguments = ["lab", "--perform", "--family", "ipv4", "--contrary", "lasts-1-to-4-minutes"];
        let finding = json(&arguments);
        assert_eq!(finding["verdict"], "refuted", "{finding}");
        let gone = finding["evidence"]["row_gone_ms"].as_u64().unwrap();
        assert!((1_000..60_000).contains(&gone), "{finding}");
    });
}

#[test]
fn a_kernel_of_another_series_has_no_record_and_no_news() {
    if !have_tool("setarch") {
        return;
    }
    in_own_host(|_host| {
        // For whom it is asked by this, every kernel is a 2.6.
        let mut old = Command::new("setarch");
        old.args(["--uname-2.6", program(), "lab", "--family", "ipv4", "fin-timeout"]);
        let finished = Process::start(&mut old).finish();
        assert_eq!(finished.status.code(), Some(0), "{}", seen(&finished));
        let told = "There is no record of Linux 2.6: no verdict is news here.";
        assert!(finished.stdout.contains(told), "{}", seen(&finished));
    });
}

/// A kernel that still has `tcp_tw_recycle`, as far as a process can tell: a folder over the settings.
#[test]
fn a_verdict_that_differs_from_the_record_is_news_and_the_exit_status_1() {
    if !have_tool("unshare") || !have_tool("mount") {
        return;
    }
    in_own_host(|_host| {
        let script = "mount -t tmpfs tmpfs /proc/sys && mkdir -p /proc/sys/net/ipv4 && cd /proc/sys/net/ipv4 && \
             echo 0 >tcp_tw_recycle && echo 60 >tcp_fin_timeout && echo 0 >tcp_child_ehash_entries && cd / && exec \"$@\"";
        let mut changed = Command::new("unshare");
        changed.args(["--mount", "sh", "-ec", script, "sh", program(), "lab", "tw-recycle"]);
        let finished = Process::start(&mut changed).finish();
        assert_eq!(finished.status.code(), Some(1), "{}", seen(&finished));
        assert!(
            finished.stdout.contains("confirmed: net.ipv4.tcp_tw_recycle is there"),
            "{}",
            seen(&finished)
        );
        assert!(finished.stdout.contains("refuted it"), "{}", seen(&finished));
    });
}

#[test]
fn a_claim_in_detail_shows_each_step_and_the_other_way_round() {
    in_own_host(|_host| {
        assert_screen!("lab-restart-refused", seen(&run(&["lab", "restart-refused"])));
        assert_screen!("lab-lost-last-ack", seen(&run(&["lab", "--family", "ipv4", "lost-last-ack"])));
    });
}

#[test]
fn the_list_names_every_claim_and_who_says_it() {
    assert_screen!("lab-list", seen(&run(&["lab", "--list"])));
    assert_screen!("lab-list-article", seen(&run(&["lab", "--list", "--article"])));
}

#[test]
fn what_it_cannot_do_is_said_before_anything_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display().to_string();
    let nowhere = format!("{here}/nowhere");
    for (arguments, expected) in [
        (&["lab", "tcp_fin_timeout"][..], "there is no claim 'tcp_fin_timeout' (near it: fin-timeout"),
        (&["lab", "--pcap", &nowhere], "nowhere is no folder that can be written to"),
        (&["lab", "--report", &here], "is a folder; --report takes a file's name"),
        (&["lab", "--report", &format!("{nowhere}/lab.html")], "nowhere is no folder"),
        (&["lab", "--report", "/dev/null"], "/dev/null is no file that could be replaced"),
        (&["lab", "--family", "ipv5"], "no family of addresses has this name"),
        (&["lab", "--all", "fin-timeout"], "cannot be used with"),
        (&["lab", "--perform", "--family", "ipv4", "fin-timeout"], "not in a network namespace of its own"),
    ] {
        let finished = run(arguments);
        assert_eq!(finished.status.code(), Some(2), "{}", seen(&finished));
        assert!(finished.stderr.contains(expected), "{expected}: {}", seen(&finished));
        assert!(finished.stdout.is_empty(), "{}", seen(&finished));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Root may write everywhere but where the kernel takes no file.
#[test]
fn a_folder_that_takes_no_file_is_refused_before_anything_is_tried() {
    for arguments in [["lab", "--pcap", "/proc"], ["lab", "--report", "/proc/lab.html"]] {
        let finished = run(&arguments);
        assert_eq!(finished.status.code(), Some(2), "{}", seen(&finished));
        assert!(finished.stderr.contains("/proc is no folder that can be written to"), "{}", seen(&finished));
        assert!(finished.stdout.is_empty(), "{}", seen(&finished));
    }
}

#[test]
fn a_report_replaces_the_file_that_a_link_leads_to_and_is_written_for_who_reads_one_line_only() {
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("lab.html"), folder.path().join("link"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let finished = run(&["lab", "--report", &link.display().to_string(), "tw-recycle"]);
        assert_eq!(finished.status.code(), Some(0), "{}", seen(&finished));
        assert!(link.is_symlink());
        assert!(fs::read_to_string(&file).unwrap().ends_with("</html>"));

        // Whoever reads the first line only has a report all the same.
        fs::write(&file, "before").unwrap();
        let script = "\"$@\" | head -n 1";
        let mut piped = Command::new("sh");
        piped.args(["-ec", script, "sh", program(), "lab", "--report", &file.display().to_string()]);
        let finished = Process::start(piped.args(["tw-recycle", "first-closer-waits"])).finish();
        assert_eq!(finished.stdout.lines().count(), 1, "{}", seen(&finished));
        assert!(fs::read_to_string(&file).unwrap().ends_with("</html>"), "{}", seen(&finished));
    });
}

#[test]
fn a_report_for_which_there_is_no_room_leaves_no_half_file_and_takes_no_result_with_it() {
    if !have_tool("unshare") || !have_tool("mount") {
        return;
    }
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().display().to_string();
        let script = "mount -t tmpfs -o size=4k tmpfs \"$0\" && cd \"$0\" && \"$@\" || status=$?; ls -A \"$0\"; exit $status";
        let mut full = Command::new("unshare");
        full.args(["--mount", "sh", "-uc", script, &folder, program(), "lab", "--json"]);
        let finished = Process::start(full.args(["--report", "lab.html", "tw-recycle"])).finish();
        assert_eq!(finished.status.code(), Some(2), "{}", seen(&finished));
        assert!(finished.stderr.contains("cannot write"), "{}", seen(&finished));
        // All that is printed: the files that are left would follow.
        let report: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(report["claims"][0]["verdict"], "refuted", "what was found is told all the same");
    });
}

#[test]
fn where_namespaces_are_refused_it_says_once_what_stands_in_the_way() {
    std::thread::scope(|scope| {
        let refused = scope.spawn(|| {
            forbid(libc::SYS_unshare, None);
            run(&["lab", "fin-timeout"])
        });
        let finished = refused.join().unwrap();
        assert_eq!(finished.status.code(), Some(2), "{}", seen(&finished));
        assert!(finished.stderr.contains("unshare(2)"), "{}", seen(&finished));
        assert_eq!(finished.stderr.lines().count(), 1, "{}", seen(&finished));
    });
}

#[test]
fn captures_open_in_tshark_without_a_warning_and_say_what_the_wire_did() {
    if !have_tool("tshark") {
        return;
    }
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        let finished = run(&["lab", "--family", "ipv4", "--pcap", &path, "lost-last-ack"]);
        assert_eq!(finished.status.code(), Some(0), "{}", seen(&finished));
        let written: BTreeSet<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        let expected = ["-1.pcapng", "-2.pcapng", "-contrary-1.pcapng", "-contrary-2.pcapng"];
        assert_eq!(written, expected.map(|end| format!("lost-last-ack-ipv4{end}")).into());
        let first = folder.path().join("lost-last-ack-ipv4-1.pcapng");
        let read = Command::new("tshark")
            .args(["-n", "-r", &first.display().to_string(), "-T", "fields"])
            .args(["-e", "frame.interface_name", "-e", "tcp.flags.str", "-e", "frame.comment"])
            .env("HOME", folder.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&read.stdout);
        assert!(told.contains("dropped by the wire: the last ACK"), "{told}");
        assert!(told.contains("client") && told.contains("server"), "{told}");
        let complaints = String::from_utf8_lossy(&read.stderr);
        let complaints: Vec<&str> =
            complaints.lines().filter(|line| !line.starts_with("Running as user")).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
    });
}

#[test]
fn the_report_is_one_page_that_asks_for_nothing_and_complains_of_nothing() {
    if !have_tool("chromium") {
        return;
    }
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("lab.html");
        let shown = page.display().to_string();
        let finished = run(&["lab", "--family", "ipv4", "--report", &shown, "lost-last-ack", "fin-timeout"]);
        assert_eq!(finished.status.code(), Some(0), "{}", seen(&finished));
        let source = fs::read_to_string(&page).unwrap();
        for elsewhere in ["http://", "https://", "<script", "@import", "url(", "src="] {
            let elsewhere_in = source.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere_in.contains(elsewhere), "{elsewhere}");
        }
        let loaded = load(&page, folder.path());
        assert!(!loaded.stderr.contains("CONSOLE"), "{}", loaded.stderr);
        // Its own policy forbids all requests, so that one would be complained of.
        let spoilt = folder.path().join("spoilt.html");
        fs::write(&spoilt, source.replace("<main>", "<main><img src=\"http://192.0.2.1/pixel.png\">"))
            .unwrap();
        let complains = load(&spoilt, folder.path()).stderr;
        assert!(complains.contains("CONSOLE") && complains.contains("192.0.2.1"), "blind: {complains}");
        assert!(loaded.stdout.matches("<svg").count() >= 4, "both closes, as said and the other way round");
        assert!(loaded.stdout.contains("id=\"fin-timeout\"") && loaded.stdout.contains("ECONNRESET"));
    });
}

/// The page's elements as a browser has them once it is loaded, and what it wrote meanwhile. It runs in a host without a
/// way out.
fn load(page: &Path, home: &Path) -> timewait_trial::Finished {
    let profile = home.join("profile");
    let mut chromium = Command::new("chromium");
    chromium
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("XDG_CACHE_HOME", home);
    Process::start(&mut chromium).finish()
}

#[test]
fn whatever_ends_it_leaves_no_process_and_no_file_behind() {
    in_own_host(|_host| {
        for signal in ["KILL", "INT", "TERM"] {
            // A copy of its own, so that nobody else's processes are counted.
            let folder = tempfile::tempdir().unwrap();
            let copy = folder.path().join("timewait");
            fs::copy(program(), &copy).unwrap();
            let files = tempfile::tempdir().unwrap();
            let report = files.path().join("lab.html").display().to_string();
            let pcap = files.path().display().to_string();
            let lab = Process::start(Command::new(&copy).args([
                "lab",
                "--report",
                &report,
                "--pcap",
                &pcap,
                "lasts-1-to-4-minutes",
            ]));
            eventually("children at work", || (crate::demo::processes_of(&copy).len() >= 3).then_some(()));
            lab.signal(signal);
            eventually("their end", || crate::demo::processes_of(&copy).is_empty().then_some(()));
            assert_eq!(fs::read_dir(files.path()).unwrap().count(), 0, "half a file after SIG{signal}");
        }
    });
}
