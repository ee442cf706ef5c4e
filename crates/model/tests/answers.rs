//! What the full machine says.

use timewait_model::{Bounds, Explored, Question, Rules, explore};
use timewait_tcp::draw::{Ladder, Page};

const MEMORY: usize = 1 << 30;

fn explored(bounds: Bounds, wait: u8) -> Explored {
    bounds.check().unwrap();
    explore(&Rules::new(bounds, wait), MEMORY, |_| ()).unwrap()
}

/// The first wait from which it holds.
fn first(bounds: Bounds, question: Question) -> Option<u8> {
    let holds: Vec<bool> = (0..=bounds.enough()).map(|wait| explored(bounds, wait).holds(question)).collect();
    let first = holds.iter().position(|holds| *holds)?;
    assert!(holds[first..].iter().all(|holds| *holds), "a longer wait is no worse: {holds:?}");
    Some(u8::try_from(first).unwrap())
}

fn ladder(bounds: Bounds, wait: u8, question: Question) -> String {
    let trace = explored(bounds, wait).counterexample(question).expect("it does not hold");
    Ladder::of(&trace).text(Page::default()).to_string()
}

#[test]
fn show() {
    for (wait, q) in [
        (0, Question::EndsReliably),
        (0, Question::NothingOldAccepted),
        (2, Question::EndsReliably),
        (3, Question::NothingOldAccepted),
        (5, Question::NotEvenAnRst),
    ] {
        println!("{}", ladder(Bounds::default(), wait, q));
    }
    let b = Bounds { any_ack_restarts: true, ..Bounds::default() };
    println!("{:?}", Question::ALL.map(|q| first(b, q)));
    for b in [
        Bounds { rst_kills_time_wait: true, ..Bounds::default() },
        Bounds { rst_kills_time_wait: true, any_ack_restarts: true, ..Bounds::default() },
        Bounds { both_close: true, ..Bounds::default() },
        Bounds { reopen_on_newer_syn: true, ..Bounds::default() },
        Bounds { reopen_on_newer_syn: true, timestamps: true, ..Bounds::default() },
        Bounds { timestamps: true, ..Bounds::default() },
    ] {
        for w in 3..=6 {
            let e = explored(b, w);
            println!("{b:?} {w} {} {} {:?}", e.states, e.bytes, Question::ALL.map(|q| e.holds(q)));
        }
    }
}
