//! The same worlds, explored by somebody else's model checker.
#![allow(clippy::unwrap_used, reason = "tests")]

use stateright::{Checker, Model, Property};
use timewait_model::{Action, Bounds, Question, Rules, World, explore};

struct Checked(Rules);

impl Model for Checked {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::start(&self.0)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        actions.extend(world.actions(&self.0));
    }

    /// Nothing further is asked of a world in which an old segment was accepted.
    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let after = world.after(action, &self.0);
        after.wrong.accepted.is_none().then_some(after.world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing old accepted", |Self(rules), world: &World| {
                let mut actions = world.actions(rules).into_iter();
                actions.all(|action| {
                    world.after(action, rules).wrong.accepted.is_none_or(|accepted| accepted.from_nobody)
                })
            }),
            Property::always("ends reliably", |Self(rules), world: &World| {
                let mut actions = world.actions(rules).into_iter();
                actions.all(|action| world.after(action, rules).wrong.reset.is_none())
            }),
            // Keeps it exploring when the others have been refuted.
            Property::always("is explored to the end", |_, _| true),
        ]
    }
}

#[test]
fn stateright_finds_as_many_states_and_the_same_answers() {
    for (msl, waits) in [(1, 0..=3), (2, 3..=4)] {
        for wait in waits {
            let rules = Rules::new(Bounds { msl, ..Bounds::default() }, wait);
            let ours = explore(&rules, 1 << 30, |_| ()).unwrap();
            let theirs = Checked(rules).checker().threads(1).spawn_bfs().join();
            assert_eq!(
                theirs.unique_state_count(),
                usize::try_from(ours.states).unwrap(),
                "msl {msl}, wait {wait}"
            );
            for (name, question) in [
                ("nothing old accepted", Question::NothingOldAccepted),
                ("ends reliably", Question::EndsReliably),
            ] {
                assert_eq!(
                    theirs.discovery(name).is_none(),
                    ours.holds(question),
                    "msl {msl}, wait {wait}: {name}"
                );
            }
        }
    }
}
