//! Any profile at all, sensible or not: no segment and no call may make a machine panic by one.

use std::time::Duration;

use proptest::{option, prelude::*, sample::select};
use timewait_tcp::{
    Profile,
    profile::{InWindow, Reopens, Restarts, RightEdge},
};

fn wait() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        6 => (1..3000_u64).prop_map(Duration::from_millis),
        1 => any::<u64>().prop_map(Duration::from_nanos),
        1 => Just(Duration::MAX),
    ]
}

fn size() -> impl Strategy<Value = u16> {
    prop_oneof![4 => 0..12_u16, 1 => any::<u16>()]
}

/// Rules and switches.
fn rules() -> impl Strategy<Value = Profile> {
    let in_window = || select(vec![InWindow::Resets, InWindow::Challenge]);
    let restarts = select(vec![Restarts::OnFin, Restarts::OnAnyAck]);
    let reopens = vec![Reopens::Never, Reopens::OnHigherNumber, Reopens::Rfc6191, Reopens::Linux];
    let edge = select(vec![RightEdge::Outside, RightEdge::ReadIfFull, RightEdge::Inside]);
    let words = (restarts, select(reopens), in_window(), in_window(), edge);
    (words, any::<[bool; 9]>(), any::<u32>()).prop_map(|(words, switches, step)| {
        let (time_wait_restarts, reopens, in_window_rst, in_window_syn, right_edge) = words;
        let [ends, returns, old_acks, with_fin, repeats, sack, timestamps, unstamped, nagle] = switches;
        Profile {
            time_wait_restarts,
            rst_ends_time_wait: ends,
            reopens,
            returns_to_time_wait: returns,
            reopening_isn_step: step,
            in_window_rst,
            in_window_syn,
            right_edge,
            refuses_old_acks: old_acks,
            drops_syn_with_fin: with_fin,
            repeats_syn_ack: repeats,
            sack_permitted: sack,
            timestamps,
            drops_unstamped: unstamped,
            nagle,
            ..Profile::RFC_9293
        }
    })
}

/// Waits, sizes and counts around those rules.
pub(crate) fn profile() -> impl Strategy<Value = Profile> {
    let limits = (option::of(wait()), option::of(wait()), option::of(wait()), option::of(wait()));
    let waits = (wait(), wait(), wait(), wait(), wait(), wait());
    let counts =
        (any::<u8>(), option::of(0..9_u8), option::of(0..9_u8), option::of(0..9_u8), option::of(any::<u8>()));
    let windows = prop_oneof![4 => 0..60_u32, 1 => 0..200_000_u32, 1 => Just(1 << 20)];
    let sizes = (size(), size(), size(), windows, 0..80_usize);
    (rules(), limits, waits, counts, sizes).prop_map(|(rules, limits, waits, counts, sizes)| Profile {
        challenge_ack_every: limits.0,
        user_timeout: limits.1,
        fin_wait_2_timeout: limits.2,
        delayed_ack: limits.3,
        time_wait: waits.0,
        syn_timeout: waits.1,
        retransmission_timeout: waits.2,
        max_timeout: waits.3,
        timestamp_unit: waits.4,
        ts_recent_valid: waits.5,
        syn_linear_retries: counts.0,
        syn_retries: counts.1,
        syn_ack_retries: counts.2,
        retries: counts.3,
        window_scale: counts.4,
        mss: sizes.0,
        default_mss: sizes.1,
        default_mss_v6: sizes.2,
        window: sizes.3,
        send_buffer: sizes.4,
        ..rules
    })
}
