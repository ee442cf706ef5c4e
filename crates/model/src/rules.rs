use timewait_tcp::Profile;

use crate::Bounds;

/// What a world obeys: the bounds, and the machine's profile for one wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub(crate) bounds: Bounds,
    pub(crate) wait: u8,
    pub(crate) profile: Profile,
}

impl Rules {
    /// For a wait of so many ticks.
    pub fn new(bounds: Bounds, wait: u8) -> Self {
        Self { bounds, wait, profile: bounds.profile(wait) }
    }
}
