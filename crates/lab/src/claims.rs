//! The claims, a file each.

mod assassination;
mod bound_once;
mod bucket_limit;
mod crash_under_load;
mod dual_stack;
mod explicit_port_reuse;
mod fin_again_rearms;
mod fin_timeout;
mod first_closer_waits;
mod flag_after_bind;
mod forged_twin;
mod keep_alive;
mod kill_frees;
mod lasts_1_to_4_minutes;
mod late_last_ack;
mod let_client_close;
mod linger_zero_free;
mod listen_refused;
mod lost_last_ack;
mod old_duplicate;
mod old_duplicate_unaided;
mod only_fin_rearms;
mod open_descriptor;
mod orphan_counts;
mod other_namespace;
mod outgoing;
mod ownerless;
mod ports_run_out;
mod replay;
mod restart;
mod restart_refused;
mod reuseaddr_prevents;
mod reuseaddr_rescues;
mod reuseaddr_restarts;
mod reuseport_same;
mod running_server_cure;
mod shared_option;
mod simultaneous_close;
mod stolen_port;
mod streams;
mod syn_reopens;
mod tw_recycle;
mod tw_reuse_bind;
mod tw_reuse_connect;
mod two_rows;
mod unread_input;
mod waiting_server;

use crate::Entrant;

/// Every claim: the article's own in its order, then what others say.
pub const ALL: &[Entrant] = &[
    Entrant::of::<first_closer_waits::FirstCloserWaits>(),
    Entrant::of::<two_rows::TwoRows>(),
    Entrant::of::<restart_refused::RestartRefused>(),
    Entrant::of::<crash_under_load::CrashUnderLoad>(),
    Entrant::of::<bound_once::BoundOnce>(),
    Entrant::of::<lost_last_ack::LostLastAck>(),
    Entrant::of::<lasts_1_to_4_minutes::Lasts1To4Minutes>(),
    Entrant::of::<old_duplicate::OldDuplicate>(),
    Entrant::of::<old_duplicate_unaided::OldDuplicateUnaided>(),
    Entrant::of::<late_last_ack::LateLastAck>(),
    Entrant::of::<forged_twin::ForgedTwin>(),
    Entrant::of::<reuseaddr_restarts::ReuseaddrRestarts>(),
    Entrant::of::<reuseaddr_prevents::ReuseaddrPrevents>(),
    Entrant::of::<flag_after_bind::FlagAfterBind>(),
    Entrant::of::<reuseaddr_rescues::ReuseaddrRescues>(),
    Entrant::of::<shared_option::SharedOption>(),
    Entrant::of::<reuseport_same::ReuseportSame>(),
    Entrant::of::<fin_timeout::FinTimeout>(),
    Entrant::of::<tw_reuse_bind::TwReuseBind>(),
    Entrant::of::<tw_reuse_connect::TwReuseConnect>(),
    Entrant::of::<tw_recycle::TwRecycle>(),
    Entrant::of::<linger_zero_free::LingerZeroFree>(),
    Entrant::of::<let_client_close::LetClientClose>(),
    Entrant::of::<simultaneous_close::SimultaneousClose>(),
    Entrant::of::<fin_again_rearms::FinAgainRearms>(),
    Entrant::of::<only_fin_rearms::OnlyFinRearms>(),
    Entrant::of::<assassination::Assassination>(),
    Entrant::of::<syn_reopens::SynReopens>(),
    Entrant::of::<ports_run_out::PortsRunOut>(),
    Entrant::of::<explicit_port_reuse::ExplicitPortReuse>(),
    Entrant::of::<stolen_port::StolenPort>(),
    Entrant::of::<dual_stack::DualStack>(),
    Entrant::of::<listen_refused::ListenRefused>(),
    Entrant::of::<bucket_limit::BucketLimit>(),
    Entrant::of::<ownerless::Ownerless>(),
    Entrant::of::<kill_frees::KillFrees>(),
    Entrant::of::<running_server_cure::RunningServerCure>(),
    Entrant::of::<keep_alive::KeepAlive>(),
    Entrant::of::<unread_input::UnreadInput>(),
    Entrant::of::<open_descriptor::OpenDescriptor>(),
    Entrant::of::<other_namespace::OtherNamespace>(),
    Entrant::of::<orphan_counts::OrphanCounts>(),
];

/// The claim with this name.
pub fn find(id: &str) -> Option<&'static Entrant> {
    ALL.iter().find(|claim| claim.about.id == id)
}
