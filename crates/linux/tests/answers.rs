//! Answers of every kind, from a kernel that we play.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod wire;

use std::{
    fs,
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::SIGUSR1;
use timewait_facts::{Cookie, Socket, State, States};
use timewait_linux::{
    AnswerError, Fault, Malformed,
    sockets::{Query, ReadError, SocketTable},
};
use timewait_trial::{DEADLINE, eventually, in_own_host};
use wire::{
    BY_FAMILY, DONE, FakeKernel, INTERRUPTED, LEGACY, MULTI, OVERRUN, attribute, done, error, message, row,
};

const WAITING: u8 = State::TimeWait as u8;

fn all() -> Query {
    Query::in_states(States::all())
}

fn part(body: &[u8]) -> Vec<u8> {
    message(LEGACY, MULTI, 1, body)
}

/// What a dump comes to when the kernel says this and hangs up.
fn dump(datagrams: &[Vec<u8>]) -> Result<Vec<Socket>, ReadError> {
    let (_kernel, mut table) = FakeKernel::that_says(datagrams);
    table.collect(&all())
}

fn failure(datagrams: &[Vec<u8>]) -> AnswerError {
    match dump(datagrams) {
        Err(ReadError::Answer(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn fault(datagrams: &[Vec<u8>]) -> Malformed {
    match failure(datagrams) {
        AnswerError::Malformed(malformed) => malformed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_are_all_that_came_before_the_end_mark_in_one_datagram_or_many() {
    let rows = dump(&[[part(&row(WAITING)), part(&row(1))].concat(), part(&row(10)), done(1)]).unwrap();
    assert_eq!(
        rows.iter().map(|row| row.state).collect::<Vec<_>>(),
        [State::TimeWait, State::Established, State::Listen]
    );
    assert_eq!(rows[0].cookie, Cookie(0x1_0027_cbfc), "the higher half is the second");
    assert_eq!(dump(&[done(1)]).unwrap(), []);
}

#[test]
fn of_messages_alike_each_is_looked_at() {
    let alike = |bodies: &[Vec<u8>]| bodies.iter().flat_map(|body| part(body)).collect::<Vec<u8>>();
    let states = dump(&[alike(&[row(WAITING), row(1), row(10)]), done(1)]).unwrap();
    assert_eq!(
        states.iter().map(|row| row.state).collect::<Vec<_>>(),
        [State::TimeWait, State::Established, State::Listen]
    );
    let third = 2 * 88 + 16;
    assert_eq!(
        fault(&[alike(&[row(1), row(1), row(14)])]),
        Malformed { offset: third + 1, fault: Fault::State { state: 14 } }
    );
    let cut = &alike(&[row(1), row(1), row(1)])[..3 * 88 - 1];
    let expected = Fault::MessageLength { claimed: 88, left: 87 };
    assert_eq!(fault(&[cut.to_vec()]), Malformed { offset: 2 * 88, fault: expected });
}

#[test]
fn behind_a_message_that_is_no_part_of_a_dump_nothing_is_read() {
    let alone = |state| message(LEGACY, 0, 1, &row(state));
    let rows = dump(&[[alone(1), alone(10)].concat()]).unwrap();
    assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [State::Established]);
}

#[test]
fn a_message_that_says_nothing_is_passed_over_and_what_follows_is_read() {
    for flags in [0, MULTI] {
        let nothing = message(1, flags, 1, &[]);
        let rows = dump(&[[nothing.clone(), nothing, part(&row(1)), done(1)].concat()]).unwrap();
        assert_eq!(rows.len(), 1, "with flags {flags}");
    }
}

#[test]
fn an_end_without_its_mark_is_no_end() {
    assert!(matches!(failure(&[part(&row(1))]), AnswerError::Unfinished));
    assert!(matches!(failure(&[]), AnswerError::Unfinished));
}

#[test]
fn a_kernel_that_falls_silent_is_waited_for_and_given_up() {
    let (kernel, mut table) = FakeKernel::new(Duration::from_millis(10));
    kernel.say(&part(&row(1)));
    assert!(matches!(table.collect(&all()), Err(ReadError::Answer(AnswerError::Silent))));
}

#[test]
fn the_end_mark_can_carry_an_error() {
    let failed = message(DONE, MULTI, 1, &(-libc::ENOMEM).to_ne_bytes());
    let AnswerError::Errno(error) = failure(&[part(&row(1)), failed]) else { panic!("an errno") };
    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
}

#[test]
fn a_refusal_is_told_from_a_kernel_without_the_table() {
    assert!(matches!(dump(&[error(1, libc::EPERM)]), Err(ReadError::Refused(_))));
    assert!(matches!(dump(&[error(1, libc::EACCES)]), Err(ReadError::Refused(_))));
    for absent in [libc::ENOENT, libc::EOPNOTSUPP, libc::EPROTONOSUPPORT] {
        let answer = dump(&[error(1, absent), error(2, absent)]);
        assert!(matches!(answer, Err(ReadError::Absent(_))), "{answer:?}");
    }
}

#[test]
fn a_kernel_that_does_not_know_the_old_request_is_asked_family_by_family() {
    let (kernel, mut table) = FakeKernel::new(DEADLINE);
    kernel.say(&error(1, libc::EINVAL));
    kernel.say(&[message(BY_FAMILY, MULTI, 2, &row(1)), done(2)].concat());
    kernel.say(&[message(BY_FAMILY, MULTI, 3, &row(WAITING)), done(3)].concat());
    assert_eq!(table.collect(&all()).unwrap().len(), 2);
    let questions = [(); 3].map(|()| kernel.question());
    assert_eq!(questions.clone().map(|question| question[4]), [18, 20, 20]);
    assert_eq!(questions.map(|question| question[16]), [0, 2, 10], "neither, IPv4, IPv6");
}

#[test]
fn an_error_after_the_first_row_is_not_answered_by_asking_otherwise() {
    let answer = dump(&[part(&row(1)), message(DONE, MULTI, 1, &(-libc::ENOENT).to_ne_bytes())]);
    assert!(matches!(answer, Err(ReadError::Absent(_))), "{answer:?}");
}

#[test]
fn a_datagram_longer_than_the_buffer_is_known_to_be_cut() {
    let long = vec![0; 40_000];
    assert!(matches!(failure(&[long]), AnswerError::Cut { length: 40_000, limit: 32_768 }));
}

#[test]
fn lost_and_inconsistent_data_are_told_apart() {
    assert!(matches!(failure(&[message(OVERRUN, 0, 1, &[])]), AnswerError::Overrun));
    let inconsistent = message(LEGACY, MULTI | INTERRUPTED, 1, &row(1));
    assert!(matches!(failure(&[inconsistent]), AnswerError::Interrupted));
    let late = message(DONE, MULTI | INTERRUPTED, 1, &0_i32.to_ne_bytes());
    assert!(matches!(failure(&[part(&row(1)), late]), AnswerError::Interrupted));
}

#[test]
fn an_answer_to_another_question_is_no_answer() {
    let stray = message(LEGACY, MULTI, 7, &row(1));
    assert_eq!(fault(&[stray]), Malformed { offset: 0, fault: Fault::Sequence { sequence: 7, expected: 1 } });
    let other_kind = message(BY_FAMILY, MULTI, 1, &row(1));
    assert_eq!(fault(&[other_kind]).fault, Fault::MessageKind { kind: 20, expected: 18 });
}

#[test]
fn a_state_or_family_of_tomorrow_is_named_with_its_place() {
    let place = |change: fn(&mut Vec<u8>)| {
        let mut body = row(1);
        change(&mut body);
        fault(&[[part(&row(1)), part(&body)].concat()])
    };
    let second = 16 + row(1).len() + 16;
    assert_eq!(
        place(|body| body[1] = 14),
        Malformed { offset: second + 1, fault: Fault::State { state: 14 } }
    );
    assert_eq!(place(|body| body[0] = 1), Malformed { offset: second, fault: Fault::Family { family: 1 } });
}

#[test]
fn what_is_not_interpreted_is_kept_and_what_is_must_have_its_size() {
    let unknown = [attribute(22, &[0x52, 0]), attribute(0x8fff, b"tomorrow's")].concat();
    let known =
        [attribute(15, &7_u32.to_ne_bytes()), attribute(8, &[3]), attribute(21, &9_u64.to_ne_bytes())]
            .concat();
    let (_kernel, mut table) = FakeKernel::that_says(&[part(&[row(1), unknown, known].concat()), done(1)]);
    let mut kept = Vec::new();
    let dumped = table.dump(&all(), |row| {
        kept.extend(row.unknown_attributes().map(|(number, value)| (number, value.to_vec())));
        let Socket { mark, shutdown, cgroup, .. } = row.socket();
        assert_eq!((mark, shutdown, cgroup), (Some(7), Some(3), Some(9)));
        ControlFlow::Continue(())
    });
    assert_eq!(dumped.unwrap().rows, 1);
    assert_eq!(kept, [(22, vec![0x52, 0]), (0x8fff, b"tomorrow's".to_vec())]);

    let short_mark = [row(1), attribute(15, &[7, 0])].concat();
    let expected = Fault::AttributeSize { number: 15, length: 2, expected: 4 };
    assert_eq!(fault(&[part(&short_mark)]), Malformed { offset: 16 + 72, fault: expected });
}

#[test]
fn the_user_of_a_socket_that_nobody_holds_is_not_guessed() {
    let mut owned = row(1);
    owned[68] = 42;
    let mut orphan = row(4);
    orphan[64] = 7;
    let rows =
        dump(&[part(&owned), part(&row(4)), part(&orphan), part(&row(WAITING)), part(&row(3)), done(1)])
            .unwrap();
    let users: Vec<_> = rows.iter().map(|row| row.uid).collect();
    assert_eq!(users, [Some(0), None, Some(7), None, None]);
}

#[test]
fn what_is_left_of_a_broken_off_answer_is_not_taken_for_the_next() {
    let (kernel, mut table) = FakeKernel::new(DEADLINE);
    kernel.say(&[part(&row(1)), part(&row(1))].concat());
    kernel.say(&part(&row(10)));
    kernel.say(&done(1));
    let dumped = table.dump(&all(), |_| ControlFlow::Break(())).unwrap();
    assert_eq!((dumped.rows, dumped.complete), (1, false));
    assert_eq!(answer_later(&kernel, &mut table), 1);
}

#[test]
fn after_a_malformed_answer_the_table_can_be_asked_again() {
    let (kernel, mut table) = FakeKernel::new(DEADLINE);
    kernel.say(&[1, 2, 3]);
    kernel.say(&done(1));
    assert!(table.collect(&all()).is_err());
    assert_eq!(answer_later(&kernel, &mut table), 1);
}

/// Answers the next question, number 2, with one row, once it was asked; gives how many rows arrived.
fn answer_later(kernel: &FakeKernel, table: &mut SocketTable) -> usize {
    kernel.question();
    thread::scope(|scope| {
        scope.spawn(|| {
            kernel.question();
            kernel.say(&[message(LEGACY, MULTI, 2, &row(WAITING)), done(2)].concat());
        });
        table.collect(&all()).unwrap().len()
    })
}

#[test]
fn one_connection_is_found_by_its_ends_and_no_other_is_taken_for_it() {
    let (local, peer) = ("127.0.0.1:9000".parse().unwrap(), "127.0.0.1:51234".parse().unwrap());
    let answer = |datagram: Vec<u8>| {
        let (_kernel, mut table) = FakeKernel::that_says(&[datagram]);
        table.find(local, peer)
    };
    let found = answer(message(BY_FAMILY, 0, 1, &row(WAITING))).unwrap();
    assert_eq!(found.map(|socket| socket.timer.expires_ms), Some(59_976));
    assert_eq!(answer(error(1, libc::ENOENT)).unwrap(), None);
    let mut listener = row(10);
    listener[6..8].fill(0);
    assert_eq!(answer(message(BY_FAMILY, 0, 1, &listener)).unwrap(), None);
    assert!(matches!(answer(error(1, libc::EPERM)), Err(ReadError::Refused(_))));
}

/// A signal handler runs while recv(2) waits; with a receive timeout, that call is never restarted (signal(7)).
#[test]
fn a_signal_in_the_midst_of_an_answer_changes_nothing() {
    in_own_host(|_host| {
        let handled = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGUSR1, Arc::clone(&handled)).unwrap();
        // A single test runs on the process's first thread, which is the one that the kernel gives signals to.
        let reader = fs::read_link("/proc/thread-self").unwrap();
        let (kernel, mut table) = FakeKernel::new(DEADLINE);
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..3 {
                    eventually("a reader that waits", || is_asleep(&reader).then_some(()));
                    kill_process(getpid(), Signal::USR1).unwrap();
                    eventually("a handled signal", || handled.swap(false, Ordering::SeqCst).then_some(()));
                }
                kernel.question();
                kernel.say(&[part(&row(1)), done(1)].concat());
            });
            assert_eq!(table.collect(&all()).unwrap().len(), 1);
        });
    });
}

fn is_asleep(task: &Path) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(task).join("stat")).unwrap();
    stat.rsplit(')').next().unwrap().trim_start().starts_with('S')
}
