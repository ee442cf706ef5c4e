//! Whatever callers call and strangers send, a host keeps its promises.

use std::time::Duration;

use proptest::prelude::*;
use timewait_tcp::{
    Flags, Options, Profile, Segment, Seq, StateName, Timestamps,
    endpoint::{Handle, Packet},
    profile::{InWindow, Reopens, RightEdge},
};

use crate::host::{Host, IRS, ISS, at_s, client, host, prompt, server};

#[derive(Clone, Debug)]
enum Op {
    Listen(usize),
    Open,
    Accept(u32),
    Write(u32, usize),
    Read(u32, usize),
    ShutDown(u32),
    Close(u32),
    Abort(u32),
    Delete(bool),
    Segment(Segment),
    /// The peer's last word but its numbers as the host expects them, with these flags and so much text.
    Fitting(Flags, usize),
    Time,
    Later(u16),
}

fn near(seq: Seq) -> impl Strategy<Value = Seq> {
    prop_oneof![4 => (0..12_u32).prop_map(move |by| seq + by - 3), 1 => any::<u32>().prop_map(Seq::new)]
}

fn options() -> impl Strategy<Value = Options> {
    (any::<Option<u16>>(), any::<Option<u8>>(), any::<bool>(), any::<Option<u32>>()).prop_map(
        |(mss, window_scale, sack_permitted, stamp)| Options {
            mss,
            window_scale,
            sack_permitted,
            timestamps: stamp.map(|value| Timestamps { value, echo: 0 }),
        },
    )
}

fn segment() -> impl Strategy<Value = Segment> {
    let text = prop::collection::vec(any::<u8>(), 0..6);
    (near(IRS), prop::option::of(near(ISS)), any::<u8>(), any::<u16>(), options(), text).prop_map(
        |(seq, ack, flags, window, options, text)| Segment {
            seq,
            ack,
            flags: Flags::from_octet(flags),
            window,
            options,
            text,
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let handle = || 1..5_u32;
    let call = prop_oneof![
        (0..3_usize).prop_map(Op::Listen),
        Just(Op::Open),
        handle().prop_map(Op::Accept),
        (handle(), 0..40_usize).prop_map(|(handle, len)| Op::Write(handle, len)),
        (handle(), 0..40_usize).prop_map(|(handle, len)| Op::Read(handle, len)),
        handle().prop_map(Op::ShutDown),
        handle().prop_map(Op::Close),
        handle().prop_map(Op::Abort),
        any::<bool>().prop_map(Op::Delete),
    ];
    prop_oneof![
        8 => call,
        4 => segment().prop_map(Op::Segment),
        8 => (0..8_u8, 0..5_usize).prop_map(|(flags, len)| Op::Fitting(Flags::from_octet(flags & 0x05), len)),
        1 => Just(Op::Time),
        1 => any::<u16>().prop_map(Op::Later),
    ]
}

/// A segment that fits the connection between the two, if there is one; a SYN otherwise.
fn fitting(host: &Host, flags: Flags, len: usize) -> Segment {
    let handle = host.blocks().find_map(|block| block.handle.filter(|_| block.remote.is_some()));
    let numbers = handle.and_then(|handle| host.inspect(handle)?.numbers());
    let text = vec![b'x'; len];
    match numbers {
        Some(numbers) => {
            Segment { flags, text, window: 500, ..Segment::ack(numbers.rcv_nxt(), numbers.snd_nxt()) }
        }
        None if flags.has(Flags::FIN) => Segment { window: 500, ..Segment::ack(IRS + 1, ISS + 1) },
        None => Segment { window: 500, ..Segment::syn(IRS) },
    }
}

/// Any profile that chooses between what standards and kernels do, with little room.
fn small() -> impl Strategy<Value = Profile> {
    let edge = prop::sample::select(vec![RightEdge::Outside, RightEdge::ReadIfFull, RightEdge::Inside]);
    let in_window = || prop::sample::select(vec![InWindow::Resets, InWindow::Challenge]);
    let reopens = vec![Reopens::Never, Reopens::OnHigherNumber, Reopens::Rfc6191, Reopens::Linux];
    let rules = (edge, in_window(), in_window(), prop::sample::select(reopens), any::<[bool; 4]>());
    (1..40_u32, 1..9_u16, any::<bool>(), rules).prop_map(|(window, mss, linux, rules)| {
        let (right_edge, in_window_rst, in_window_syn, reopens, [returns, ends, drops, repeats]) = rules;
        Profile {
            window,
            mss,
            send_buffer: 20,
            right_edge,
            in_window_rst,
            in_window_syn,
            reopens,
            returns_to_time_wait: returns,
            rst_ends_time_wait: ends,
            drops_syn_with_fin: drops,
            repeats_syn_ack: repeats,
            ..if linux { prompt() } else { Profile::RFC_9293 }
        }
    })
}

proptest! {
    /// Debug builds refuse every step that is no row of TABLE, so that this asks for that as well.
    #[test]
    fn an_rst_is_never_answered_by_an_rst_answers_are_few_and_every_wait_ends(
        profile in small(),
        ops in prop::collection::vec(op(), 0..60),
    ) {
        let mut host = host(profile);
        let mut now = at_s(0);
        for op in ops {
            let is_segment = matches!(op, Op::Segment(_) | Op::Fitting(..));
            let heard = match &op {
                Op::Segment(segment) => Some(segment.clone()),
                Op::Fitting(flags, len) => Some(fitting(&host, *flags, *len)),
                _ => None,
            };
            let handle = |number: u32| Handle::from_number(number.into());
            match op {
                Op::Listen(backlog) => drop(host.listen(server(), backlog)),
                Op::Open => drop(host.open(now, server(), client())),
                Op::Accept(number) => drop(host.accept(handle(number))),
                Op::Write(number, len) => drop(host.write(now, handle(number), &vec![b'w'; len])),
                Op::Read(number, len) => drop(host.read(now, handle(number), len)),
                Op::ShutDown(number) => drop(host.shut_down(now, handle(number))),
                Op::Close(number) => drop(host.close(now, handle(number))),
                Op::Abort(number) => drop(host.abort(handle(number))),
                Op::Delete(listener) => drop(host.delete(server(), (!listener).then(client))),
                Op::Segment(_) | Op::Fitting(..) => {
                    host.segment(now, client(), server(), heard.clone().unwrap());
                }
                Op::Time => {
                    now = host.next_timer().unwrap_or(now).max(now);
                    host.on_timer(now);
                }
                Op::Later(ms) => now = now + Duration::from_millis(ms.into()),
            }
            let packets: Vec<Packet> = std::iter::from_fn(|| host.poll_transmit()).collect();
            let was_rst = heard.is_some_and(|segment| segment.has(Flags::RST));
            prop_assert!(!was_rst || packets.iter().all(|packet| !packet.segment.has(Flags::RST)));
            prop_assert!(!is_segment || packets.len() <= 41, "a send buffer of 20, an octet each, and its FIN");
            prop_assert!(packets.iter().all(|packet| packet.from == server() && packet.to == client()));
        }
        // Left alone, whatever waits for an answer or for time comes to its end.
        for _ in 0..2000 {
            let Some(next) = host.next_timer() else { break };
            now = now.max(next);
            host.on_timer(now);
            prop_assert!(host.next_timer().is_none_or(|next| next > now), "what was due has been done");
            while host.poll_transmit().is_some() {}
        }
        let silent = |state| matches!(
            state,
            StateName::Listen | StateName::Established | StateName::CloseWait | StateName::FinWait2
        );
        prop_assert!(host.blocks().all(|block| silent(block.state)), "{:?}", host.blocks().collect::<Vec<_>>());
    }
}
