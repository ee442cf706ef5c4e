use super::*;
use timewait_facts::{Timer, TimerKind};

const PORT: u16 = 9000;

fn row(state: State, local: &str, peer: &str) -> Held {
    let waits = state == State::TimeWait;
    let timer =
        if waits { Timer { kind: TimerKind::TimeWait, expires_ms: 59_000, retries: 0 } } else { Timer::OFF };
    let socket = Socket { timer, ..Socket::bare(state, local.parse().unwrap(), peer.parse().unwrap()) };
    (socket, None)
}

fn listener() -> Held {
    row(State::Listen, "0.0.0.0:9000", "0.0.0.0:0")
}

fn server_waits() -> Held {
    row(State::TimeWait, "127.0.0.1:9000", "127.0.0.1:40000")
}

fn client_waits() -> Held {
    row(State::TimeWait, "127.0.0.1:40000", "127.0.0.1:9000")
}

fn orphans(count: usize) -> Vec<Held> {
    let (mut socket, _) = server_waits();
    socket.state = State::FinWait2;
    vec![(socket, None); count]
}

fn ran(outcome: Outcome) -> Moment {
    Moment::Ran(Run { command: "timewait serve".into(), said: Vec::new(), outcome })
}

fn refused() -> Moment {
    ran(Outcome::Refused { call: "bind".into(), errno: "EADDRINUSE".into() })
}

fn listens() -> Moment {
    ran(Outcome::Listens)
}

fn step(id: StepId, moments: Vec<Moment>) -> Step {
    Step { id, port: PORT, moments }
}

#[test]
fn the_first_program_is_as_told_when_only_the_server_s_side_waits() {
    let told = |rows| step(StepId::FirstProgram, vec![listens(), Moment::Table(rows)]).as_told();
    assert!(told(vec![listener(), server_waits()]));
    assert!(!told(vec![listener(), client_waits()]), "the client's side waits");
    assert!(!told(vec![listener()]), "nobody waits");
    assert!(
        !told(vec![server_waits(), row(State::LastAck, "127.0.0.1:40000", "127.0.0.1:9000")]),
        "a client's row"
    );
}

#[test]
fn a_restart_that_listens_is_not_what_the_third_part_tells() {
    for id in [StepId::RestartRefused, StepId::OptionTooLate] {
        let told = |start, rows| step(id, vec![start, Moment::Table(rows)]).as_told();
        assert!(told(refused(), vec![server_waits()]));
        assert!(!told(listens(), vec![listener(), server_waits()]), "{id:?}");
        assert!(!told(refused(), vec![listener(), server_waits()]), "somebody else listens");
        assert!(!told(refused(), vec![]), "nothing waits");
        let other = ran(Outcome::Refused { call: "listen".into(), errno: "EADDRINUSE".into() });
        assert!(!told(other, vec![server_waits()]), "another call failed");
    }
}

#[test]
fn the_cure_must_leave_the_wait_in_place_to_be_as_told() {
    let told = |starts: [Moment; 2], rows| {
        let [first, second] = starts;
        step(StepId::OptionRestarts, vec![first, second, Moment::Table(rows)]).as_told()
    };
    assert!(told([listens(), listens()], vec![listener(), server_waits()]));
    assert!(!told([listens(), listens()], vec![listener()]), "the wait is gone");
    assert!(!told([listens(), refused()], vec![server_waits()]), "the cure fails");
}

#[test]
fn a_client_that_closes_first_waits_itself() {
    let told = |rows| step(StepId::ClientCloses, vec![listens(), listens(), Moment::Table(rows)]).as_told();
    assert!(told(vec![listener(), client_waits()]));
    assert!(!told(vec![listener(), server_waits()]));
    assert!(!told(vec![listener(), client_waits(), server_waits()]), "a simultaneous close");
}

#[test]
fn a_crash_is_as_told_when_the_orphans_refuse_one_restart_and_not_the_other() {
    let told = |orphan_count, second, third| {
        let moments = vec![listens(), Moment::Table(orphans(orphan_count)), second, third];
        step(StepId::CrashUnderLoad, moments).as_told()
    };
    assert!(told(CLIENTS, refused(), listens()));
    assert!(!told(CLIENTS - 1, refused(), listens()), "a connection is missing");
    assert!(!told(CLIENTS, listens(), listens()), "the plain restart listens");
    assert!(!told(CLIENTS, refused(), refused()), "the option does not help");
}

#[test]
fn the_answer_of_the_closing_table_is_what_was_seen() {
    let seen = step(StepId::OptionRestarts, vec![listens(), listens(), Moment::Table(vec![server_waits()])]);
    assert_eq!(seen.answer(), "listens, 1 waiting here");
    let seen = step(StepId::OptionTooLate, vec![listens(), Moment::Table(vec![])]);
    assert_eq!(seen.answer(), "listens", "also where the story tells otherwise");
    let crash = vec![listens(), Moment::Table(orphans(3)), refused(), listens()];
    assert_eq!(step(StepId::CrashUnderLoad, crash).answer(), "EADDRINUSE, listens, 3 orphans");
}

#[test]
fn every_step_has_a_name_of_its_own() {
    for id in StepId::ALL {
        assert_eq!(
            StepId::ALL.iter().filter(|other| other.name() == id.name()).count(),
            1,
            "a name of its own"
        );
    }
    assert_eq!(StepId::CrashUnderLoad.number(), 6);
}
