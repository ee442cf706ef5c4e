use super::{
    Answer, Facts, Flags, Occupant, Request,
    sharing::{Blocker, blockers},
};

/// What a bind(2) that was tried tells about flags that no table shows: the facts, with what follows from its
/// outcome (`None` is success).
///
/// A success means that no socket refuses: each that would for want of a flag has it. A refusal means that one wants
/// it; which, follows only where a single kind of socket can have refused.
pub fn learn(request: &Request, outcome: Option<Answer>, facts: Facts) -> Facts {
    let blockers: Vec<Blocker> = blockers(request, &facts).collect();
    let has_it = match (outcome, blockers.as_slice()) {
        (None, _) => true,
        (Some(Answer::InUse), [only]) if !only.certain => false,
        (Some(_), _) => return facts,
    };
    let mut facts = facts;
    for blocker in blockers.iter().filter(|blocker| !blocker.certain) {
        if let Some(occupant) = facts.occupants.get_mut(blocker.index) {
            settle(occupant, blocker, has_it);
        }
    }
    facts
}

/// Only flags that decide can be learned. Of several a success leaves open which it was; a refusal, none.
fn settle(occupant: &mut Occupant, blocker: &Blocker, has_it: bool) {
    let Flags { reuseaddr, reuseport, v6only } = blocker.undecided;
    let several = usize::from(reuseaddr) + usize::from(reuseport) > 1;
    if v6only || (has_it && several) {
        return;
    }
    if reuseaddr {
        occupant.reuseaddr = Some(has_it);
    }
    if reuseport {
        occupant.reuseport = Some(has_it);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bind::{Verdict, predict};
    use timewait_facts::{Socket, State, Timer, TimerKind};

    fn waiting(local: &str) -> Occupant {
        let timer = Timer { kind: TimerKind::TimeWait, expires_ms: 59_000, retries: 0 };
        let peer = "127.0.0.1:51234".parse().unwrap();
        Occupant::of(Socket { timer, ..Socket::bare(State::TimeWait, local.parse().unwrap(), peer) }, None)
    }

    fn facts(occupants: Vec<Occupant>) -> Facts {
        Facts { occupants, ..Facts::default() }
    }

    fn request(reuseaddr: bool, reuseport: bool) -> Request {
        Request { reuseaddr, reuseport, ..Request::plain("0.0.0.0:9000".parse().unwrap(), 0) }
    }

    #[test]
    fn a_refusal_of_a_socket_with_reuseaddr_means_that_the_old_one_lacks_it() {
        let known = learn(&request(true, false), Some(Answer::InUse), facts(vec![waiting("127.0.0.1:9000")]));
        assert_eq!((known.occupants[0].reuseaddr, known.occupants[0].reuseport), (Some(false), None));
        assert!(matches!(predict(&request(true, false), &known).bind, Verdict::Fails(_)));
    }

    #[test]
    fn a_success_means_that_all_of_them_have_it() {
        let two = facts(vec![waiting("127.0.0.1:9000"), waiting("127.0.0.2:9000")]);
        let known = learn(&request(true, false), None, two);
        assert!(known.occupants.iter().all(|occupant| occupant.reuseaddr == Some(true)));
        assert_eq!(predict(&request(true, false), &known).bind, Verdict::Succeeds);
    }

    #[test]
    fn of_two_that_can_have_refused_nobody_knows_which() {
        let two = facts(vec![waiting("127.0.0.1:9000"), waiting("127.0.0.2:9000")]);
        let known = learn(&request(true, false), Some(Answer::InUse), two.clone());
        assert_eq!(known.occupants, two.occupants);
    }

    #[test]
    fn with_both_options_a_refusal_settles_both_and_a_success_neither() {
        let one = || facts(vec![waiting("127.0.0.1:9000")]);
        let refused = learn(&request(true, true), Some(Answer::InUse), one());
        assert_eq!(
            (refused.occupants[0].reuseaddr, refused.occupants[0].reuseport),
            (Some(false), Some(false))
        );
        let passed = learn(&request(true, true), None, one());
        assert_eq!((passed.occupants[0].reuseaddr, passed.occupants[0].reuseport), (None, None));
    }

    #[test]
    fn a_refusal_for_another_reason_tells_nothing() {
        let one = facts(vec![waiting("127.0.0.1:9000")]);
        assert_eq!(
            learn(&request(true, false), Some(Answer::NotPermitted), one.clone()).occupants,
            one.occupants
        );
    }
}
