//! The two lines of a ladder, from top to bottom.

use alloc::vec::Vec;

use super::{Life, Line, Middle};
use crate::{Side, StateName};

/// A stretch of a side's line, along which it says one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) side: Side,
    pub(super) life: Life,
    /// Nothing was seen for long.
    pub(super) pause: bool,
    pub(super) from: i32,
    pub(super) to: i32,
}

/// Both lines as far as they are drawn.
pub(super) struct Lifelines {
    left: Stretch,
    right: Stretch,
    done: Vec<Stretch>,
}

impl Lifelines {
    /// They begin at this height, in these states.
    pub(super) fn at(top: i32, left: Option<StateName>, right: Option<StateName>) -> Self {
        let stretch = |side, state: Option<StateName>| {
            let life = state.map(Life::of).unwrap_or_default();
            Stretch { side, life, pause: false, from: top, to: top }
        };
        Self { left: stretch(Side::Left, left), right: stretch(Side::Right, right), done: Vec::new() }
    }

    /// Goes past a line of the ladder, where `left` and `right` are the heights at which something happens.
    pub(super) fn pass(&mut self, line: &Line, left: i32, right: i32, (top, bottom): (i32, i32)) {
        let pause = matches!(line.middle, Middle::Pause(_));
        for (stretch, place, y) in [(&mut self.left, &line.left, left), (&mut self.right, &line.right, right)]
        {
            if pause {
                self.done.push(Stretch { to: top, ..*stretch });
                self.done.push(Stretch { from: top, to: bottom, pause: true, ..*stretch });
                stretch.from = bottom;
            } else if stretch.life != place.life {
                self.done.push(Stretch { to: y, ..*stretch });
                *stretch = Stretch { from: y, life: place.life, ..*stretch };
            }
        }
    }

    /// They end at this height.
    pub(super) fn end(mut self, bottom: i32) -> Vec<Stretch> {
        self.done.push(Stretch { to: bottom, ..self.left });
        self.done.push(Stretch { to: bottom, ..self.right });
        self.done
    }
}

/// Where the sides are in TIME-WAIT, pauses within it or not.
pub(super) fn waits(stretches: &[Stretch]) -> Vec<Stretch> {
    let mut waits: Vec<Stretch> = Vec::new();
    for side in [Side::Left, Side::Right] {
        let waiting =
            stretches.iter().filter(|stretch| stretch.side == side && stretch.life == Life::Waiting);
        for stretch in waiting {
            match waits.last_mut() {
                Some(last) if last.side == side && last.to == stretch.from => last.to = stretch.to,
                _ => waits.push(*stretch),
            }
        }
    }
    waits
}
