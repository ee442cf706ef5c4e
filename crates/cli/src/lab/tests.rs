use timewait_lab::{Family, claims};

use super::*;

/// A claim that Linux 6.18 refuted, with these verdicts as said and, if there is one, in its contrary setup.
fn found(id: &str, as_said: &[Verdict], contrary: Option<Verdict>) -> Found {
    let claim = claims::find(id).unwrap();
    let finding = |verdict: &Verdict, contrary| {
        let untried = claim.not_tried(Family::Ipv4, contrary, String::new());
        Finding { verdict: verdict.clone(), ..untried }
    };
    let as_said = as_said.iter().map(|verdict| finding(verdict, false));
    let findings = as_said.chain(contrary.into_iter().map(|verdict| finding(&verdict, true))).collect();
    Found { claim, findings, missing: 0 }
}

fn outcome(release: &str, founds: Vec<Found>) -> Outcome {
    let kernel = KernelVersion::from_release(release);
    Outcome { kernel, took: Duration::ZERO, founds, article: false }
}

fn untried() -> Verdict {
    Verdict::CouldNotTry("no device".to_owned())
}

/// `fin-timeout`, which Linux 6.18 refuted, alone.
fn status(release: &str, as_said: &[Verdict], contrary: Option<Verdict>) -> ExitCode {
    outcome(release, vec![found("fin-timeout", as_said, contrary)]).status()
}

#[test]
fn a_verdict_as_recorded_is_0_another_is_1_and_what_could_not_be_tried_is_2() {
    use Verdict::{Confirmed, Refuted};
    assert_eq!(status("6.18.44", &[Refuted, Refuted], None), ExitCode::SUCCESS);
    assert_eq!(
        status("6.18.44", &[Refuted, Confirmed], None),
        ExitCode::FAILURE,
        "over one family is enough"
    );
    assert_eq!(status("6.18.44", &[Refuted, untried()], None), ExitCode::from(2));
    assert_eq!(status("6.18.44", &[Confirmed, untried()], None), ExitCode::from(2), "2 says more than 1");
}

#[test]
fn the_contrary_setup_is_no_news_but_must_be_tried() {
    use Verdict::{Confirmed, Refuted};
    assert_eq!(status("6.18.44", &[Refuted], Some(Confirmed)), ExitCode::SUCCESS);
    assert_eq!(status("6.18.44", &[Refuted], Some(untried())), ExitCode::from(2));
}

#[test]
fn a_series_without_record_has_no_news_and_says_so() {
    use Verdict::{Confirmed, Refuted};
    for verdict in [Confirmed, Refuted] {
        let outcome = outcome("6.1.90-cloud", vec![found("fin-timeout", &[verdict], None)]);
        assert_eq!(outcome.status(), ExitCode::SUCCESS);
        let mut screen = Vec::new();
        table::closing(&mut screen, Paint::OFF, &outcome).unwrap();
        let screen = String::from_utf8(screen).unwrap();
        assert!(screen.contains("There is no record of Linux 6.1: no verdict is news here."), "{screen}");
    }
    assert_eq!(status("6.1.90-cloud", &[untried()], None), ExitCode::from(2));
}

#[test]
fn what_stands_for_a_claim_is_what_could_not_be_tried_then_what_is_news() {
    use Verdict::{Confirmed, Refuted};
    let kernel = KernelVersion::from_release("6.18.44");
    let told = |verdicts: &[Verdict]| {
        found("fin-timeout", verdicts, None).told(&kernel).map(|finding| finding.verdict.clone())
    };
    assert_eq!(told(&[Refuted, Confirmed]), Some(Confirmed), "the news");
    assert_eq!(told(&[Confirmed, untried()]), Some(untried()));
    assert_eq!(told(&[]), None);
}

#[test]
fn the_article_is_told_what_it_got_right_and_wrong() {
    use Verdict::{Confirmed, Refuted};
    let founds = vec![
        found("first-closer-waits", &[Confirmed], None),
        found("bound-once", &[Refuted], None),
        found("lost-last-ack", &[untried()], None),
    ];
    let outcome = Outcome { article: true, ..outcome("6.18.44", founds) };
    assert_eq!(
        outcome.of_the_article().as_deref(),
        Some("The article is right in 1 of 3 statements, wrong in: bound-once; 1 could not be tried.")
    );
}
