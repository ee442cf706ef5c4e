//! The claims, a file each.

mod fin_timeout;
mod first_closer_waits;

use crate::Entrant;

/// Every claim: the article's own in its order, then what others say.
pub const ALL: &[Entrant] =
    &[Entrant::of::<first_closer_waits::FirstCloserWaits>(), Entrant::of::<fin_timeout::FinTimeout>()];

/// The claim with this name.
pub fn find(id: &str) -> Option<&'static Entrant> {
    ALL.iter().find(|claim| claim.about.id == id)
}
