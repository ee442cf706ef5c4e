//! `timewait model`.

use serde_json::Value;

use crate::{assert_screen, run};

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&run(arguments).stdout).unwrap()
}

#[test]
fn each_wait_has_its_row_and_each_question_its_first_wait_and_its_disaster() {
    let answer = run(&["model"]);
    assert_eq!(answer.status.code(), Some(0), "2 MSL do: {}", answer.stderr);
    assert!(answer.stderr.is_empty(), "no progress where standard error is no terminal: {}", answer.stderr);
    assert!(answer.stdout.lines().all(|line| line.chars().count() <= 80), "{}", answer.stdout);
    assert_screen!("model", answer.stdout);
}

#[test]
fn a_wait_that_is_too_short_is_bad_news_with_its_counterexample() {
    let answer = run(&["model", "--msl", "1", "--wait", "1"]);
    assert_eq!(answer.status.code(), Some(1));
    assert_screen!("model-wait-1", answer.stdout);
}

#[test]
fn what_the_rules_change_is_seen() {
    let first = |arguments: &[&str]| {
        let first = json(&[&["model", "--json", "--msl=1"], arguments].concat())["first_wait"].clone();
        ["ends_reliably", "nothing_old_accepted", "not_even_an_rst"].map(|name| first[name].as_u64())
    };
    assert_eq!(first(&[]), [Some(2), Some(2), Some(3)]);
    assert_eq!(first(&["--any-ack-restarts"]), [Some(2), Some(2), Some(2)]);
    assert_eq!(first(&["--rst-kills-time-wait"]), [Some(2), None, None]);
    assert_eq!(
        first(&["--losses=2"]),
        [Some(3), Some(3), Some(3)],
        "a close that fails leaves nobody waiting"
    );
}

#[test]
fn the_json_has_what_the_table_has_and_a_counterexample_for_each_unsafe_wait() {
    let report = json(&["model", "--json", "--msl", "1", "--sweep"]);
    assert_eq!(report["wait"], 2);
    for row in report["rows"].as_array().unwrap() {
        let fails = ["ends_reliably", "nothing_old_accepted", "not_even_an_rst"]
            .iter()
            .any(|name| row[name] == false);
        assert_eq!(row["counterexample"].is_array(), fails, "{row}");
    }
    assert!(report["sweep"].as_array().unwrap().len() >= 9);
}

#[test]
fn bounds_of_which_nothing_can_come_are_bad_input() {
    for (arguments, says) in [
        (&["--msl", "0"][..], "1..=20"),
        (&["--msl", "x"], "invalid"),
        (&["--losses", "3"], "3 losses need 3 retransmissions"),
        (&["--wait", "101"], "0..=100"),
        (&["--highlight", "time-wait"], "--diagram"),
        (&["--diagram", "text", "--highlight", "TIME_WAIT"], "time-wait"),
        (&["--diagram", "png"], "mermaid"),
    ] {
        let answer = run(&[&["model"], arguments].concat());
        assert_eq!(answer.status.code(), Some(2), "{arguments:?}");
        assert!(answer.stderr.contains(says) && answer.stdout.is_empty(), "{arguments:?}: {}", answer.stderr);
    }
}

#[test]
fn the_states_are_drawn_in_three_forms() {
    let drawn = |form| run(&["model", "--diagram", form, "--highlight", "time-wait"]).stdout;
    assert!(drawn("text").contains("time-wait"));
    assert!(
        drawn("mermaid").starts_with("stateDiagram-v2") && drawn("mermaid").contains("class TimeWait marked")
    );
    roxmltree::Document::parse(&drawn("svg")).unwrap();
    let states = std::fs::read_to_string(crate::house::workspace().join("docs/states.svg")).unwrap();
    assert_eq!(run(&["model", "--diagram", "svg"]).stdout.trim_end(), states.trim_end());
}
