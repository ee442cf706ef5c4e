//! The claims, a file each.

mod bound_once;
mod crash_under_load;
mod dual_stack;
mod fin_timeout;
mod first_closer_waits;
mod flag_after_bind;
mod forged_twin;
mod lasts_1_to_4_minutes;
mod let_client_close;
mod linger_zero_free;
mod listen_refused;
mod lost_last_ack;
mod old_duplicate;
mod outgoing;
mod ports_run_out;
mod replay;
mod restart;
mod restart_refused;
mod reuseaddr_prevents;
mod reuseaddr_rescues;
mod reuseaddr_restarts;
mod reuseport_same;
mod tw_recycle;
mod tw_reuse_bind;
mod tw_reuse_connect;

use crate::Entrant;

/// Every claim: the article's own in its order, then what others say.
pub const ALL: &[Entrant] = &[
    Entrant::of::<first_closer_waits::FirstCloserWaits>(),
    Entrant::of::<restart_refused::RestartRefused>(),
    Entrant::of::<crash_under_load::CrashUnderLoad>(),
    Entrant::of::<bound_once::BoundOnce>(),
    Entrant::of::<lost_last_ack::LostLastAck>(),
    Entrant::of::<old_duplicate::OldDuplicate>(),
    Entrant::of::<forged_twin::ForgedTwin>(),
    Entrant::of::<lasts_1_to_4_minutes::Lasts1To4Minutes>(),
    Entrant::of::<reuseaddr_restarts::ReuseaddrRestarts>(),
    Entrant::of::<reuseaddr_prevents::ReuseaddrPrevents>(),
    Entrant::of::<flag_after_bind::FlagAfterBind>(),
    Entrant::of::<reuseaddr_rescues::ReuseaddrRescues>(),
    Entrant::of::<reuseport_same::ReuseportSame>(),
    Entrant::of::<fin_timeout::FinTimeout>(),
    Entrant::of::<tw_reuse_bind::TwReuseBind>(),
    Entrant::of::<tw_reuse_connect::TwReuseConnect>(),
    Entrant::of::<tw_recycle::TwRecycle>(),
    Entrant::of::<linger_zero_free::LingerZeroFree>(),
    Entrant::of::<let_client_close::LetClientClose>(),
    Entrant::of::<ports_run_out::PortsRunOut>(),
    Entrant::of::<dual_stack::DualStack>(),
    Entrant::of::<listen_refused::ListenRefused>(),
];

/// The claim with this name.
pub fn find(id: &str) -> Option<&'static Entrant> {
    ALL.iter().find(|claim| claim.about.id == id)
}
