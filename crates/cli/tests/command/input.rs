//! Bad input: a clear error, exit status 2, and nothing done.

use crate::{assert_screen, run, seen};

/// What is refused, each for a reason of its own.
const REFUSED: &[&[&str]] = &[
    &["ls", "70000"],
    &["ls", "::1:80"],
    &["ls", "localhost:http"],
    &["ls", "10.1.2.3/8"],
    &["ls", "--state", "half-open"],
    &["ls", "--local"],
    &["ls", "--all", "--listening"],
    &["ls", "--by", "colour"],
    &["ls", "--by", "process"],
    &["ls", "--by", "peer", "--count"],
    &["ls", "--by", "peer", "--verbose"],
    &["ls", "--by", "peer", "--sort", "local"],
    &["ls", "--sort", "count"],
    &["ls", "--sort", "left", "--count"],
    &["ls", "--limit", "0"],
    &["ls", "--limit", "5", "--count"],
    &["ls", "--netns", "no-such-namespace"],
    &["ls", "--netns", "4194305"],
    &["ls", "--netns", "/dev/null"],
    &["why", "70000"],
    &["why", "::1:80"],
    &["why", ":53/udp"],
    &["why", "127.0.0.1"],
    &["why", ":80", "--flags", "reuse"],
    &["why", ":80", "--flags", "v6only,dual-stack"],
    &["why", ":80", "--device", "no-such-device"],
    &["why", ":80", "--to", ":90"],
    &["why"],
    &["ports", "70000"],
    &["ports", "--watch=1s"],
    &["ports", "--watch=soon"],
    &["ports", "--threshold", "101%"],
    &["ports", "--netns", "no-such-namespace"],
    &["ports", "--all-netns", "--netns", "4711"],
    &["doctor", "--all-netns", "a.conf"],
    &["doctor", "--kernel", "6.12"],
    &["doctor", "--kernel", "new", "a.conf"],
    &["doctor", "a.conf", "--netns", "4711"],
    &["serve", "10.0.0.0/8"],
    &["serve", "--backlog", "0"],
    &["serve", "--linger", "70000"],
    &["serve", "--connections", "0"],
    &["serve", "127.0.0.1:9000", "--v6only"],
    &["connect"],
    &["connect", "127.0.0.1:http"],
    &["connect", ":9000", "--timeout", "soon"],
    &["connect", "[::1]:9000", "--from", "127.0.0.1"],
    &["connect", ":9000", "--from", "127.0.0.0/8"],
    &["load"],
    &["load", "192.0.2.1:80"],
    &["load", "[::ffff:192.0.2.1]:80"],
    &["load", ":0"],
    &["load", ":9000", "--rate", "0"],
    &["load", ":9000", "--from", "::1"],
    &["load", ":9000", "--from", "127.0.0.1:80"],
    &["load", ":9000", "--close-first", "nobody"],
    &["serve", "--threads", "0"],
    &["demo", "--pause"],
    &["demo", "--pause", "--json"],
    &["generate", "completions", "tcsh"],
    &["frobnicate"],
];

#[test]
fn bad_input_names_what_was_wrong_and_what_was_expected() {
    let mut screen = String::new();
    for input in REFUSED {
        let answer = run(input);
        assert_eq!(answer.status.code(), Some(2), "{input:?}: {}", seen(&answer));
        assert_eq!(answer.stdout, "", "{input:?}");
        screen += &format!(
            "$ timewait {}\n{}\n",
            input.join(" "),
            answer.stderr.replace("\n\nFor more information, try '--help'.", "")
        );
    }
    assert_screen!("bad-input", screen);
}

#[test]
fn an_argument_that_holds_an_escape_sequence_is_shown_as_one() {
    let answer = run(&["ls", "\x1b[2J"]);
    assert_eq!(answer.status.code(), Some(2));
    assert!(!answer.stderr.contains('\x1b'), "{:?}", answer.stderr);
}
