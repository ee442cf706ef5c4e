//! The house itself: what the documents say of it holds.

use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    net::TcpStream,
    path::{Path, PathBuf},
};

use serde_json::Value;
use timewait_linux::hosts::Host;
use timewait_trial::{Process, in_own_host};

use crate::{run, serve, timewait};

/// The workspace's folder.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below a folder with this ending, as paths from the workspace's folder.
fn files(below: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(workspace().join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{below}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path, ending));
        } else if path.ends_with(ending) {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_path_that_the_documents_name_exists() {
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"] {
        let text = read(document);
        let quoted = text.split('`').skip(1).step_by(2);
        let paths: Vec<&str> = quoted
            .filter(|word| !word.contains(' ') && !word.starts_with('/') && !word.contains("::"))
            .filter(|word| {
                word.contains('/') && !word.contains(|c: char| "*|<>[]$".contains(c)) || word.ends_with(".md")
            })
            .filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        assert!(
            document == "README.md" || !paths.is_empty(),
            "{document} names no path: is this test blind?"
        );
        for path in paths {
            assert!(workspace().join(path).exists(), "{document} names `{path}`, which does not exist");
        }
    }
}

/// The crates of this workspace that a crate of it may depend on, as the map in ARCHITECTURE.md has them.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("facts", &[]),
    ("tcp", &[]),
    ("model", &["tcp"]),
    ("diagnose", &["facts"]),
    ("linux", &["facts"]),
    ("oneline", &["facts", "linux"]),
    ("lab", &["facts", "linux", "oneline", "tcp"]),
    ("trial", &["linux"]),
    ("cli", &["facts", "diagnose", "lab", "linux", "model", "oneline", "tcp"]),
];

#[test]
fn data_goes_one_way_between_the_crates() {
    let crates: BTreeSet<String> = fs::read_dir(workspace().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(crates, MAY_USE.iter().map(|(name, _)| (*name).to_owned()).collect());
    for (name, may_use) in MAY_USE {
        let manifest = read(&format!("crates/{name}/Cargo.toml"));
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        let used = dependencies.lines().filter_map(|line| line.strip_prefix("timewait-")?.split('.').next());
        for used in used {
            assert!(may_use.contains(&used), "{name} depends on {used}");
        }
    }
}

#[test]
fn the_pure_crates_depend_on_nothing_that_reaches_the_system() {
    for name in ["facts", "diagnose", "tcp", "model"] {
        let manifest = read(&format!("crates/{name}/Cargo.toml"));
        for reaches in ["libc", "rustix", "nix", "socket2", "jiff", "tokio"] {
            assert!(!manifest.contains(&format!("\n{reaches}.")), "{name} depends on {reaches}");
        }
        assert!(read(&format!("crates/{name}/src/lib.rs")).contains("#![forbid(unsafe_code)]"));
    }
}

#[test]
fn unsafe_code_stands_behind_one_fence() {
    let sources = files("crates", ".rs");
    assert!(sources.len() > 30, "is this test blind?");
    for source in sources.iter().filter(|source| !source.ends_with("house.rs")) {
        let text = read(source);
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let has_unsafe = code.into_iter().any(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
        let is_fenced =
            source == "crates/linux/src/calls.rs" || source.starts_with("crates/linux/src/calls/");
        assert_eq!(has_unsafe, is_fenced, "{source}");
    }
}

#[test]
fn the_command_opens_no_netlink_socket_and_reads_no_proc() {
    for source in files("crates/cli/src", ".rs") {
        let text = read(&source);
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let reads = line.contains("\"/proc") || line.contains("AddressFamily::NETLINK");
            assert!(!reads, "{source}: {line}");
        }
    }
}

#[test]
fn the_readme_s_first_screen_has_the_two_commands() {
    let readme = read("README.md");
    for command in ["cargo run --release -- demo", "cargo test --workspace"] {
        assert!(readme.contains(command), "{command}");
    }
    assert!(read(".ci/run").contains("cargo test --workspace"));
}

/// Every name of a field anywhere in a value.
fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| {
            found.insert(name.clone());
            // What is in it is each claim's own.
            if name != "evidence" {
                fields(value, found);
            }
        }),
        Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Ports in use: the only ones that there are.
fn leave_one_open(host: &Host) -> TcpStream {
    host.set("net.ipv4.ip_local_port_range", "40000 40001").unwrap();
    TcpStream::connect("127.0.0.1:9000").unwrap()
}

#[test]
fn every_field_that_is_printed_is_documented() {
    in_own_host(|host| {
        let document = read("docs/json.md");
        let report: Value = serde_json::from_str(&run(&["demo", "--json"]).stdout).unwrap();
        let mut printed = BTreeSet::from(["count".to_owned()]);
        fields(&report, &mut printed);
        let _server = serve(&["127.0.0.1:9000"]);
        let _open = leave_one_open(host);
        for port in [":9000", ":9001"] {
            let load = run(&["load", "--json", port, "--connections", "3"]).stdout;
            fields(&serde_json::from_str(&load).unwrap(), &mut printed);
        }
        for question in [
            &["why", "--json", ":9000"][..],
            &["ls", "--by", "peer", "--all", "--limit", "1", "--json"],
            &["ls", "--by", "process", "--listening", "--json"],
            &["why", "--json", "--listening"],
            &["why", "--json", "--to", ":9000"],
            &["lab", "--json", "fin-timeout"],
            &["lab", "--list", "--json"],
            &["ports", "--json", "--watch=2s", "--threshold", "1%"],
            &["doctor", "--json"],
            &["model", "--json", "--sweep", "--msl=1"],
        ] {
            fields(&serde_json::from_str(&run(question).stdout).unwrap(), &mut printed);
        }
        let watch = Process::start(timewait(&["watch", ":9000"]).args(["--json"]));
        watch.until("watching");
        // To its end: a client that leaves before the server's line draws an RST, which leaves samples nothing to see.
        TcpStream::connect("127.0.0.1:9000").unwrap().read_to_end(&mut Vec::new()).unwrap();
        watch.until("\"event\":\"close\"");
        watch.signal("INT");
        for line in watch.finish().stdout.lines() {
            fields(&serde_json::from_str(line).unwrap(), &mut printed);
        }
        assert!(
            printed.contains("expires_in_ms") && printed.contains("unit"),
            "is this test blind? {printed:?}"
        );
        for name in printed {
            assert!(document.contains(&format!("`{name}`")), "docs/json.md does not know the field '{name}'");
        }
    });
}
