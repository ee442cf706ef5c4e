//! "A late segment of the old connection is taken as data by the new one", with no number touched by us.
//!
//! Initial sequence numbers advance by one in 64 ns (linux v6.12 net/core/secure_seq.c `seq_scale`), by 15.6 million in a
//! second. A connection that carries more than that leaves segments behind whose numbers its successor will use. Here
//! both directions carry as much, so that not only the old segment's own number but also the one that it acknowledges is
//! one of the new connection's.

use std::{
    net::SocketAddr,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use timewait_tcp::{
    Flags as Control, Seq,
    Side::{Left, Right},
};

use super::{
    echo::{Progress, Strange, converse},
    replay::{NEW, OLD},
};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Dial, Flags, Listener, PATIENCE, PORT, Pair},
    wire::{Cable, Packet, both_ways, from},
    wired::Wired,
};

pub(super) struct OldDuplicateUnaided;

/// The client's port in both connections.
const CLIENT: u16 = 40_000;
/// Numbers that an initial sequence number advances in a second.
const ADVANCE: f64 = 1e9 / 64.0;
/// The old segment must be so far behind the first number of the next connection, if that began now.
const MARGIN: f64 = 4e6;
/// A connection carries no more than this.
const MOST: usize = 384 << 20;
/// How far the old segment's ACK must lag: more than the two initial numbers may differ in their advance.
const LAG: std::ops::Range<u32> = 64 << 10..1 << 20;
/// A segment that is nearly full.
const FULL: usize = 60_000;

#[derive(Serialize)]
pub(super) struct Evidence {
    /// Octets into the first connection, and into the second, at which the old segment lies.
    first_offset: u32,
    second_offset: u32,
    /// Octets that the server's application read and the client had not sent in that connection.
    strange: usize,
    /// The stream around the first of them, as the application read it.
    read: String,
    /// What the client had sent, over and over.
    sent: &'static str,
}

impl Claim for OldDuplicateUnaided {
    /// Whether the old segment arrives.
    type Setup = bool;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "old-duplicate-unaided",
        says: "that happens with real sequence numbers too, if the old connection was fast enough",
        by: Voice::Article(4),
        how: "As old-duplicate, but all numbers are the kernels' own. A first connection sends records and has them sent back, until its \
              numbers are well ahead of what a next one will begin with; one of its segments is held on the wire. In the second, between \
              the same addresses and ports, it arrives when its numbers are reached. Nobody waits (tcp_max_tw_buckets = 0), timestamps are \
              off. Control: the old segment lies within the second connection. Confirmed if the server reads what the client did not \
              send.",
        if_confirmed: "It takes no forger: a fast connection, a slow packet, and nobody who waits.",
        if_refuted: "The old segment did no harm.",
        // It races the kernels' clock: it needs a core for itself, which the fast set does not leave it.
        pace: Pace::Slow,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: bool = true;
    const CONTRARY: Option<Contrary<bool>> =
        Some(Contrary { what: "the old segment does not arrive", setup: false });

    fn experiment(lab: &Lab, arrives: bool) -> Result<Evidence, Trouble> {
        let wired = lab.wired_by(Cable::default().with_mtu(65_521).without_states())?;
        wired.set("net.ipv4.tcp_timestamps", "0")?;
        wired.set("net.ipv4.tcp_max_tw_buckets", "0")?;
        // SYNs, FINs and RSTs; what is held and released is recorded in any case.
        let turning = |packet: &Packet| {
            packet.segment.text.is_empty() && packet.segment.flags.without(Control::PSH) != Control::NONE
        };
        wired.wire.record_only(both_ways().when(turning))?;
        let listener = wired.server.listen(wired.server.any(PORT), Flags::REUSEADDR)?;
        let old = first_connection(&wired, &listener)?;
        let (begins, strange) = second_connection(&wired, &listener, &old.packet, arrives)?;
        wired.draw("two fast connections between the same addresses and ports");
        Ok(Evidence {
            first_offset: old.packet.segment.seq.since(old.begins),
            second_offset: old.packet.segment.seq.since(begins),
            strange: strange.octets,
            read: strange.excerpt(4 * OLD.len()),
            sent: NEW,
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let within = (1..evidence.first_offset).contains(&evidence.second_offset);
        Verdict::given(
            within,
            "the second connection began behind the old segment's numbers",
            evidence.strange > 0,
        )
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { strange, first_offset, second_offset, .. } = evidence;
        let place =
            format!("octet {first_offset} of the old connection was octet {second_offset} of the new");
        if *strange == 0 {
            format!("every octet read was sent; {place}")
        } else {
            format!("{strange} octets read that were not sent: \"{}\"; {place}", evidence.read)
        }
    }
}

/// A segment of the first connection.
struct Old {
    packet: Packet,
    /// That connection's first number, the client's.
    begins: Seq,
}

fn open(wired: &Wired, listener: &Listener) -> Result<(Pair, Seq, Seq), Trouble> {
    let from_address: SocketAddr = wired.client.at(CLIENT);
    wired.wire.mark()?;
    let pair = wired.client.pair_with(&wired.server, listener, Dial::again_from(from_address))?;
    let syn = wired.wire.await_packet("the SYN", from(Left).syn())?;
    let answer = wired.wire.await_packet("the SYN,ACK", from(Right).syn())?;
    Ok((pair, syn.segment.seq, answer.segment.seq))
}

/// Records, until the wire holds one that the next connection's numbers will reach.
fn first_connection(wired: &Wired, listener: &Listener) -> Result<Old, Trouble> {
    let (pair, begins, server_begins) = open(wired, listener)?;
    let start = Instant::now();
    let late_enough = move |packet: &Packet| {
        let Some(ack) = packet.segment.ack else { return false };
        let (offset, returned) = (packet.segment.seq.since(begins), ack.since(server_begins));
        packet.segment.text.len() >= FULL
            && f64::from(offset) > ADVANCE * 1.4 * start.elapsed().as_secs_f64() + MARGIN
            && LAG.contains(&offset.wrapping_sub(returned))
    };
    wired.wire.rule(from(Left).in_connection(1).when(late_enough).first().hold("an old record"))?;
    let progress = Progress::default();
    thread::scope(|scope| {
        let talk = scope.spawn(|| converse(&pair.client, &pair.server, (OLD, MOST), &progress));
        let held = held_soon(wired, "an old record");
        progress.enough.store(true, Ordering::Relaxed);
        let talked = talk.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        talked.map_err(wired.client.failed("the first conversation"))?;
        held
    })?;
    // The client closed first; nobody waits.
    drop(pair);
    wired.client.settled(PORT)?;
    wired.server.settled(PORT)?;
    let packet = held_soon(wired, "an old record")?;
    Ok(Old { packet, begins })
}

/// What the wire holds under this name, as soon as it does.
fn held_soon(wired: &Wired, name: &str) -> Result<Packet, Trouble> {
    let start = Instant::now();
    loop {
        match wired.wire.held(name) {
            Ok(held) if !held.is_empty() => {
                return held.into_iter().next().ok_or_else(|| wired.client.in_vain(name));
            }
            Ok(_) | Err(_) if start.elapsed() < PATIENCE => thread::sleep(Duration::from_micros(500)),
            Ok(_) => return Err(wired.client.in_vain(name)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Other records; when the old segment's number is next, everything newer is held until that has arrived.
fn second_connection(
    wired: &Wired,
    listener: &Listener,
    old: &Packet,
    arrives: bool,
) -> Result<(Seq, Strange), Trouble> {
    let (pair, begins, _) = open(wired, listener)?;
    let place = old.segment.seq;
    if begins.is_after(place) {
        return Ok((begins, Strange::default()));
    }
    let reached = move |packet: &Packet| !packet.segment.seq.is_before(place);
    wired.wire.rule(from(Left).with_text().in_connection(2).when(reached).hold("what follows"))?;
    let progress = Progress::default();
    let strange = thread::scope(|scope| {
        let talk = scope.spawn(|| converse(&pair.client, &pair.server, (NEW, MOST), &progress));
        let turned = at_the_turn(wired, begins, &progress, arrives);
        progress.enough.store(true, Ordering::Relaxed);
        let talked = talk.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        turned?;
        talked.map_err(wired.client.failed("the second conversation"))
    })?;
    Ok((begins, strange))
}

fn at_the_turn(wired: &Wired, begins: Seq, progress: &Progress, arrives: bool) -> Result<(), Trouble> {
    let next = held_soon(wired, "what follows")?;
    // All before it has gone through the server and back: what the old segment acknowledges has been sent.
    let before = usize::try_from(next.segment.seq.since(begins) - 1).unwrap_or(usize::MAX);
    let start = Instant::now();
    while progress.returned.load(Ordering::Relaxed) < before && start.elapsed() < PATIENCE {
        thread::sleep(Duration::from_micros(500));
    }
    if arrives {
        wired.wire.release("an old record")?;
    }
    wired.wire.clear_rules()?;
    wired.wire.release("what follows")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_octet_that_was_not_sent_confirms_if_the_old_segment_could_have_brought_it() {
        let judge = |second_offset, strange| {
            let (read, first_offset) = (String::new(), 10_000_000);
            OldDuplicateUnaided::judge(&Evidence { first_offset, second_offset, strange, read, sent: NEW })
        };
        assert_eq!(judge(2_000_000, 60_000), Verdict::Confirmed);
        assert_eq!(judge(2_000_000, 0), Verdict::Refuted);
        assert!(matches!(judge(20_000_000, 0), Verdict::CouldNotTry(_)));
        assert!(matches!(judge(0, 0), Verdict::CouldNotTry(_)));
    }
}
