//! Ladders as people see them, and what holds for every trace.

#![allow(clippy::unwrap_used, reason = "failing is what tests do")]

mod any;
mod stories;

use timewait_tcp::{
    Trace,
    draw::{Ladder, Page, side_by_side},
};

/// Compares the drawings of a trace with those that were kept: text and SVG.
#[track_caller]
fn compare(name: &str, trace: &Trace) {
    let ladder = Ladder::of(trace);
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots", omit_expression => true }, {
        insta::assert_snapshot!(format!("ladder-{name}"), ladder.text(Page::default()));
        insta::assert_snapshot!(format!("ladder-{name}-svg"), ladder.svg(name));
    });
}

#[track_caller]
fn compare_text(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots", omit_expression => true }, {
        insta::assert_snapshot!(format!("ladder-{name}"), text);
    });
}

#[test]
fn a_handshake_and_a_server_that_closes_first() {
    compare("server-closes-first", &stories::server_closes_first());
}

#[test]
fn a_lost_last_ack_without_the_wait() {
    compare("lost-last-ack-without-the-wait", &stories::lost_last_ack(false));
}

#[test]
fn a_lost_last_ack_with_the_wait() {
    compare("lost-last-ack-with-the-wait", &stories::lost_last_ack(true));
}

#[test]
fn a_simultaneous_close_whose_fins_cross() {
    compare("simultaneous-close", &stories::simultaneous_close());
}

#[test]
fn an_old_duplicate_that_a_new_connection_takes_for_its_own() {
    compare("old-duplicate", &stories::old_duplicate());
}

#[test]
fn a_models_trace_in_ticks() {
    compare("ticks", &stories::ticks());
}

#[test]
fn what_strangers_wrote_acts_on_nothing() {
    compare("hostile", &stories::hostile());
}

#[test]
fn a_trace_of_nothing() {
    compare("empty", &Trace { left: "client".into(), right: "server".into(), ..Trace::default() });
    compare("nameless", &Trace::default());
}

#[test]
fn numbers_that_go_round_and_everything_a_wire_can_do() {
    compare("every-fate", &stories::every_fate());
}

#[test]
fn ascii_where_box_characters_cannot_be_shown() {
    let page = Page { ascii: true, ..Page::default() };
    let all = [stories::lost_last_ack(true), stories::every_fate()];
    let drawn = all.map(|trace| Ladder::of(&trace).text(page).to_string()).join("\n");
    assert!(drawn.is_ascii());
    compare_text("ascii", &drawn);
}

#[test]
fn a_narrow_page_tells_less_about_each_segment() {
    let page = Page { width: 60, ..Page::default() };
    compare_text("narrow", &Ladder::of(&stories::server_closes_first()).text(page).to_string());
}

#[test]
fn two_ladders_stand_next_to_each_other_where_there_is_room() {
    let both = [false, true].map(|wait| Ladder::of(&stories::lost_last_ack(wait)));
    let drawn = side_by_side(&both, Page { width: 160, ..Page::default() });
    assert!(drawn.width() <= 160);
    compare_text("side-by-side", &drawn.to_string());

    let one_below_the_other = side_by_side(&both, Page::default()).to_string();
    let [first, second] = both.map(|ladder| ladder.text(Page::default()).to_string());
    assert_eq!(one_below_the_other, format!("{first}\n{second}"));
}
