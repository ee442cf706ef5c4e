//! The claims, a file each.

mod bound_once;
mod dual_stack;
mod fin_timeout;
mod first_closer_waits;
mod flag_after_bind;
mod forged_twin;
mod listen_refused;
mod lost_last_ack;
mod old_duplicate;
mod replay;
mod restart;
mod restart_refused;
mod reuseaddr_prevents;
mod reuseaddr_rescues;
mod reuseaddr_restarts;
mod reuseport_same;

use crate::Entrant;

/// Every claim: the article's own in its order, then what others say.
pub const ALL: &[Entrant] = &[
    Entrant::of::<first_closer_waits::FirstCloserWaits>(),
    Entrant::of::<restart_refused::RestartRefused>(),
    Entrant::of::<bound_once::BoundOnce>(),
    Entrant::of::<lost_last_ack::LostLastAck>(),
    Entrant::of::<old_duplicate::OldDuplicate>(),
    Entrant::of::<forged_twin::ForgedTwin>(),
    Entrant::of::<reuseaddr_restarts::ReuseaddrRestarts>(),
    Entrant::of::<reuseaddr_prevents::ReuseaddrPrevents>(),
    Entrant::of::<flag_after_bind::FlagAfterBind>(),
    Entrant::of::<reuseaddr_rescues::ReuseaddrRescues>(),
    Entrant::of::<reuseport_same::ReuseportSame>(),
    Entrant::of::<fin_timeout::FinTimeout>(),
    Entrant::of::<dual_stack::DualStack>(),
    Entrant::of::<listen_refused::ListenRefused>(),
];

/// The claim with this name.
pub fn find(id: &str) -> Option<&'static Entrant> {
    ALL.iter().find(|claim| claim.about.id == id)
}
