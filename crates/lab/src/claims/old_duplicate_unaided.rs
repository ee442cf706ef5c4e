//! "A late segment of the old connection is taken as data by the new one", with no number touched by us.
//!
//! Initial sequence numbers advance by one in 64 ns (linux v6.12 net/core/secure_seq.c `seq_scale`), by 15.6 million in a
//! second. A connection that carries more than that leaves segments behind whose numbers its successor will use. Here
//! both directions carry as much, so that not only the old segment's own number but also the one that it acknowledges is
//! one of the new connection's. It is a race against that clock, run until it is won by a margin that covers the close
//! and the next connection's beginning; if it was lost all the same, it is run once more for a larger one.

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
    replay::{NEW, OLD},
    streams::{Progress, Strange, both_ways as talk_both_ways, download, upload},
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
/// How far the old segment's numbers must be ahead of the clock: a second of it at first, then two, then four.
const MARGINS: [f64; 3] = [ADVANCE, 2.0 * ADVANCE, 4.0 * ADVANCE];
/// A connection carries no more than this each way.
const MOST: usize = 1 << 30;
/// A segment that is nearly full.
const FULL: usize = 60_000;
/// The most that a receiver has room for: some five packets, for which an ordinary user's packet socket has room as well.
const ROOM: &str = "4096 327680 327680";

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
    /// How often the clock was faster, before.
    overtaken: usize,
}

impl Claim for OldDuplicateUnaided {
    /// Whether the old segment arrives.
    type Setup = bool;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "old-duplicate-unaided",
        says: "that happens with real sequence numbers too, if the old connection was fast enough",
        by: Voice::Article(4),
        how: "As old-duplicate, but all numbers are the kernels' own. A first connection carries records both ways, until its numbers are well \
              ahead of those that a next one will begin with; one of its segments is held on the wire. The second, between the same \
              addresses and ports, carries as much again, and when the old segment's number is next, it arrives. Nobody waits \
              (tcp_max_tw_buckets = 0), timestamps are off. Control: the old segment lies within the second connection. Confirmed if the \
              server reads what the client did not send.",
        if_confirmed: "It takes no forger: a fast connection, a slow packet, and nobody who waits.",
        if_refuted: "The old segment did no harm.",
        // It must outrun the kernels' clock: it needs a core now and then, which the fast set does not leave it where others
        // keep the cores busy as well.
        pace: Pace::Slow,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: bool = true;
    const CONTRARY: Option<Contrary<bool>> =
        Some(Contrary { what: "the old segment does not arrive", setup: false });

    fn experiment(lab: &Lab, arrives: bool) -> Result<Evidence, Trouble> {
        for (overtaken, margin) in MARGINS.into_iter().enumerate() {
            let wired = wired(lab)?;
            let listener = wired.server.listen(wired.server.any(PORT), Flags::REUSEADDR)?;
            let old = first_connection(&wired, &listener, margin)?;
            let (begun, strange) = second_connection(&wired, &listener, &old, arrives)?;
            let evidence = Evidence {
                first_offset: old.offset(old.begun),
                second_offset: old.offset(begun),
                strange: strange.octets,
                read: strange.excerpt(4 * OLD.len()),
                sent: NEW,
                overtaken,
            };
            if old.is_of(begun) || overtaken + 1 == MARGINS.len() {
                wired.draw("two fast connections between the same addresses and ports");
                return Ok(evidence);
            }
            lab.did("the clock was faster: the second connection began behind the old segment; once more");
        }
        Err(Trouble::Otherwise("no race was run".to_owned()))
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let within = (1..evidence.first_offset).contains(&evidence.second_offset);
        Verdict::given(
            within,
            "the clock was faster: the second connection began behind the old segment's numbers",
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

/// With which numbers a connection began: the client's, and the server's.
#[derive(Clone, Copy)]
struct Begun {
    client: Seq,
    server: Seq,
}

/// A segment of the first connection.
struct Old {
    packet: Packet,
    /// That connection's first numbers.
    begun: Begun,
}

impl Old {
    /// Where it lies in a connection that began so.
    fn offset(&self, begun: Begun) -> u32 {
        self.packet.segment.seq.since(begun.client)
    }

    /// What it acknowledges of a connection that began so.
    fn acknowledges(&self, begun: Begun) -> u32 {
        self.packet.segment.ack.map_or(0, |ack| ack.since(begun.server))
    }

    /// Whether both its numbers are such of a connection that began so.
    fn is_of(&self, begun: Begun) -> bool {
        let of_both = [self.offset(begun), self.acknowledges(begun)];
        of_both
            .into_iter()
            .zip([self.offset(self.begun), self.acknowledges(self.begun)])
            .all(|(there, here)| (1..here).contains(&there))
    }
}

/// Two hosts that forget closed connections, and a wire for long packets.
fn wired(lab: &Lab) -> Result<Wired, Trouble> {
    let wired = lab.wired_by(Cable::default().with_mtu(65_521).without_states())?;
    wired.set("net.ipv4.tcp_timestamps", "0")?;
    wired.set("net.ipv4.tcp_max_tw_buckets", "0")?;
    wired.set("net.ipv4.tcp_rmem", ROOM)?;
    // SYNs, FINs and RSTs; what is held and released is recorded in any case.
    let turning = |packet: &Packet| {
        packet.segment.text.is_empty() && packet.segment.flags.without(Control::PSH) != Control::NONE
    };
    wired.wire.record_only(both_ways().when(turning))?;
    Ok(wired)
}

fn open(wired: &Wired, listener: &Listener) -> Result<(Pair, Begun), Trouble> {
    let from_address: SocketAddr = wired.client.at(CLIENT);
    wired.wire.mark()?;
    let pair = wired.client.pair_with(&wired.server, listener, Dial::again_from(from_address))?;
    let syn = wired.wire.await_packet("the SYN", from(Left).syn())?;
    let answer = wired.wire.await_packet("the SYN,ACK", from(Right).syn())?;
    Ok((pair, Begun { client: syn.segment.seq, server: answer.segment.seq }))
}

/// Records both ways, until the wire holds one whose numbers are so far ahead of the clock.
fn first_connection(wired: &Wired, listener: &Listener, margin: f64) -> Result<Old, Trouble> {
    let start = Instant::now();
    let (pair, begun) = open(wired, listener)?;
    let is_ahead = move |packet: &Packet| {
        let Some(ack) = packet.segment.ack else { return false };
        let least = ADVANCE * start.elapsed().as_secs_f64() + margin;
        let both = [packet.segment.seq.since(begun.client), ack.since(begun.server)];
        packet.segment.text.len() >= FULL && both.into_iter().all(|offset| f64::from(offset) > least)
    };
    wired.wire.rule(from(Left).in_connection(1).when(is_ahead).first().hold("an old record"))?;
    let progress = Progress::default();
    let packet = thread::scope(|scope| {
        let talk = scope.spawn(|| talk_both_ways(&pair.client, &pair.server, (OLD, MOST), &progress));
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
    Ok(Old { packet, begun })
}

/// What the wire holds under this name, as soon as it does.
fn held_soon(wired: &Wired, name: &str) -> Result<Packet, Trouble> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(packet) = wired.wire.held(name)?.into_iter().next() {
            return Ok(packet);
        }
        thread::sleep(LOOK_AGAIN);
    }
    Err(wired.client.in_vain(&format!("{name} is held: numbers ahead of a clock of 15.6 million a second")))
}

/// Other records. The server sends as much as the old segment acknowledges; then the client sends, and when the old segment's
/// number is next, everything newer is held until that has arrived.
fn second_connection(
    wired: &Wired,
    listener: &Listener,
    old: &Old,
    arrives: bool,
) -> Result<(Begun, Strange), Trouble> {
    let (pair, begun) = open(wired, listener)?;
    if !old.is_of(begun) {
        return Ok((begun, Strange::default()));
    }
    let acknowledged = usize::try_from(old.acknowledges(begun) - 1).unwrap_or(0);
    download(&pair.client, &pair.server, NEW, acknowledged).map_err(wired.client.failed("the download"))?;
    let place = old.packet.segment.seq;
    let reached = move |packet: &Packet| !packet.segment.seq.is_before(place);
    wired.wire.rule(from(Left).with_text().in_connection(2).when(reached).hold("what follows"))?;
    let progress = Progress::default();
    let strange = thread::scope(|scope| {
        let talk = scope.spawn(|| upload(&pair.client, &pair.server, (NEW, MOST), &progress));
        let turned = at_the_turn(wired, begun, &progress, arrives);
        progress.enough.store(true, Ordering::Relaxed);
        let talked = talk.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        turned?;
        talked.map_err(wired.client.failed("the upload"))
    })?;
    Ok((begun, strange))
}

fn at_the_turn(wired: &Wired, begun: Begun, progress: &Progress, arrives: bool) -> Result<(), Trouble> {
    let next = held_soon(wired, "what follows")?;
    let before = usize::try_from(next.segment.seq.since(begun.client) - 1).unwrap_or(usize::MAX);
    let start = Instant::now();
    while progress.read.load(Ordering::Relaxed) < before && start.elapsed() < PATIENCE {
        thread::sleep(LOOK_AGAIN);
    }
    if arrives {
        wired.wire.release("an old record")?;
    }
    wired.wire.clear_rules()?;
    wired.wire.release("what follows")?;
    Ok(())
}

const LOOK_AGAIN: Duration = Duration::from_micros(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_octet_that_was_not_sent_confirms_if_the_old_segment_could_have_brought_it() {
        let judge = |second_offset, strange| {
            let (read, first_offset) = (String::new(), 10_000_000);
            let (sent, overtaken) = (NEW, 0);
            OldDuplicateUnaided::judge(&Evidence {
                first_offset,
                second_offset,
                strange,
                read,
                sent,
                overtaken,
            })
        };
        assert_eq!(judge(2_000_000, 60_000), Verdict::Confirmed);
        assert_eq!(judge(2_000_000, 0), Verdict::Refuted);
        assert!(matches!(judge(20_000_000, 0), Verdict::CouldNotTry(_)));
        assert!(matches!(judge(0, 0), Verdict::CouldNotTry(_)));
    }
}
