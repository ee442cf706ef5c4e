//! What the claims about old segments do: a payment of a first connection is held on the wire and reaches a second
//! one between the same two addresses and ports.
//!
//! The second connection begins with the same sequence numbers as the first, so that the old segment fits. The client's is
//! chosen (TCP_REPAIR); the server's follows from it, since with `tcp_syncookies` = 2 it is a function of the four numbers,
//! of the client's, and of the minute (linux v6.12 net/ipv4/syncookies.c `secure_tcp_syn_cookie`). Where that minute ends
//! nobody tells; if it ends between the two connections, which shows in their numbers, both are made anew in the next.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr},
    time::Duration,
};

use serde::Serialize;
use timewait_linux::settings;
use timewait_tcp::{
    Flags as Control, Seen, Seq, Side,
    Side::{Left, Right},
    Trace,
};

use crate::{
    Answer, Lab, Trouble,
    site::{Dial, Flags, Listener, PORT, Pair, read_to_end, waiting_at, waiting_towards},
    wire::from,
    wired::Wired,
};

/// What the client sends in the first connection, and in the second: as many octets.
pub(super) const OLD: &str = "OLD: pay 1000 to Mallory";
pub(super) const NEW: &str = "NEW: pay 1 to Alice, now";

/// The client's port in both.
const CLIENT: u16 = 40_000;
/// The number before the client's first, in both.
const ISS: u32 = 3_000_000_000;
/// How long a second connect(2) may take that is not to succeed: longer than 1 s, after which its SYN is sent again.
const REFUSED: Duration = Duration::from_millis(2500);
/// How often both connections are made anew at most: a minute has room for many, unless the machine stands still.
const MOST_EDGES: u32 = 3;

/// How a replay is set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) title: &'static str,
    /// Whether anybody waits; else `tcp_max_tw_buckets` = 0 on both.
    pub(super) wait: bool,
    /// Who closes the first connection first, and so waits.
    pub(super) closes_first: Side,
    /// `tcp_timestamps`
    pub(super) timestamps: bool,
    /// `tcp_rfc1337` of the server.
    pub(super) rfc1337: bool,
    /// Whether the wire holds the old payment back, and lets it go into the second connection.
    pub(super) held: bool,
}

impl Plan {
    /// Nobody waits, nothing else protects.
    pub(super) const NO_WAIT: Self = Self {
        title: "without the wait",
        wait: false,
        closes_first: Left,
        timestamps: false,
        rfc1337: false,
        held: true,
    };

    /// Whether the second SYN reopens a server's wait, because its timestamp is newer: then the server's number follows from
    /// the old connection's, and from no minute (linux v6.12 net/ipv4/tcp_minisocks.c `tcp_timewait_state_process`).
    fn reopens_what_waits(self) -> bool {
        self.wait && self.closes_first == Right && self.timestamps
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Replay {
    /// Rows in TIME-WAIT after the first connection, on both sides.
    pub(super) waiting: usize,
    /// What connect(2) answered to the second connection.
    pub(super) second: Answer,
    /// Whether both connections began with the same numbers, on both sides.
    pub(super) twin: Option<bool>,
    /// How often a minute ended between the two, so that both were made anew.
    pub(super) edges: u32,
    /// What the client sent in the second.
    pub(super) sent: Option<String>,
    /// What the server's application read in the second.
    pub(super) read: Option<String>,
    /// How many segments PAWS rejected at the server meanwhile.
    pub(super) paws: u64,
}

impl Replay {
    /// The server read what the client never sent in this connection.
    pub(super) fn was_corrupted(&self) -> bool {
        self.read.is_some() && self.read != self.sent
    }

    /// In a few words.
    pub(super) fn told(&self) -> String {
        match &self.read {
            Some(read) => format!("server read \"{read}\""),
            None => format!("second connect: {}", self.second),
        }
    }
}

pub(super) fn replay(lab: &Lab, plan: Plan) -> Result<Replay, Trouble> {
    lab.case(plan.title);
    if plan.reopens_what_waits() {
        let (wired, replay) = once(lab, plan)?;
        wired.draw(plan.title);
        return Ok(Replay { twin: Begun::in_trace(&wired.wire.trace()).twin(), ..replay });
    }
    let (begun, replay) = in_one_minute(lab, plan.title, || once(lab, plan))?;
    Ok(Replay { twin: begun.twin(), edges: begun.edges, ..replay })
}

/// Makes two connections, and makes them anew if the server's minute ended between them; draws the last of it.
pub(super) fn in_one_minute<T>(
    lab: &Lab,
    title: &str,
    mut make: impl FnMut() -> Result<(Wired, T), Trouble>,
) -> Result<(Begun, T), Trouble> {
    let mut edges = 0;
    loop {
        let (wired, outcome) = make()?;
        let begun = Begun { edges, ..Begun::in_trace(&wired.wire.trace()) };
        if !begun.crosses_a_minute() || edges == MOST_EDGES {
            wired.draw(title);
            return Ok((begun, outcome));
        }
        edges += 1;
        lab.did("the minute of the server's numbers ended between the two connections: both once more");
    }
}

fn once(lab: &Lab, plan: Plan) -> Result<(Wired, Replay), Trouble> {
    let wired = lab.wired()?;
    prepare(&wired, plan)?;
    if plan.held {
        wired.wire.rule(from(Left).with_text().in_connection(1).first().hold("the old payment"))?;
    }
    let listener = wired.server.listen(wired.server.any(PORT), Flags::REUSEADDR)?;
    let first = wired.client.pair_with(&wired.server, &listener, dial(&wired, plan))?;
    first_connection(&wired, plan, first)?;
    let waiting = waiting_at(&wired.server.look("after the first connection", PORT)?, PORT)
        + waiting_towards(&wired.client.look("after the first connection", PORT)?, PORT);
    let paws = paws_rejected(&wired)?;
    let outcome = second_connection(&wired, plan, &listener)?;
    let replay = Replay {
        waiting,
        second: outcome.0,
        twin: None,
        edges: 0,
        sent: outcome.1.is_some().then(|| NEW.to_owned()),
        read: outcome.1,
        paws: paws_rejected(&wired)?.saturating_sub(paws),
    };
    Ok((wired, replay))
}

pub(super) fn prepare(wired: &Wired, plan: Plan) -> Result<(), Trouble> {
    wired.set("net.ipv4.tcp_timestamps", if plan.timestamps { "1" } else { "0" })?;
    wired.server.set("net.ipv4.tcp_syncookies", "2")?;
    wired.server.set("net.ipv4.tcp_rfc1337", if plan.rfc1337 { "1" } else { "0" })?;
    if !plan.wait {
        wired.set("net.ipv4.tcp_max_tw_buckets", "0")?;
    }
    Ok(())
}

/// Always from the same port, and with the same number.
pub(super) fn dial(wired: &Wired, plan: Plan) -> Dial {
    let from: SocketAddr = wired.client.at(CLIENT);
    Dial { iss: Some(ISS), patience: plan.rfc1337.then_some(REFUSED), ..Dial::again_from(from) }
}

/// The old payment arrives, by a retransmission if the wire holds it, and the connection is closed in good order.
pub(super) fn first_connection(
    wired: &Wired,
    plan: Plan,
    Pair { client, server }: Pair,
) -> Result<(), Trouble> {
    (&client).write_all(OLD.as_bytes()).map_err(wired.client.failed("write"))?;
    wired.note(Left, &format!("sends \"{OLD}\""))?;
    let read = read_exactly(&server, OLD.len()).map_err(wired.server.failed("read"))?;
    wired.note(Right, &format!("reads \"{read}\""))?;
    let (one, other, at_one, at_other) = match plan.closes_first {
        Left => (client, server, &wired.client, &wired.server),
        Right => (server, client, &wired.server, &wired.client),
    };
    one.shutdown(Shutdown::Write).map_err(at_one.failed("shutdown"))?;
    read_to_end(&other).map_err(at_other.failed("read"))?;
    drop(other);
    // An orphan in FIN-WAIT-2 would go at once where nobody waits: so it is closed at its end only.
    read_to_end(&one).map_err(at_one.failed("read"))?;
    drop(one);
    wired.client.settled(PORT)?;
    wired.server.settled(PORT)?;
    Ok(())
}

/// The second connection, if it comes to be: the old payment arrives a moment before the new one.
fn second_connection(
    wired: &Wired,
    plan: Plan,
    listener: &Listener,
) -> Result<(Answer, Option<String>), Trouble> {
    wired.wire.rule(from(Left).with_text().in_connection(2).first().hold("the new payment"))?;
    let outcome = wired.client.connect(wired.server.reached_at(listener), dial(wired, plan));
    let answer = Answer::of(&outcome);
    wired.client.called(format!("connect again from port {CLIENT}"), &answer);
    wired.note(Left, &format!("connect: {answer}"))?;
    let Ok(client) = outcome else { return Ok((answer, None)) };
    let server = listener.accept().map_err(wired.server.failed("accept"))?;
    (&client).write_all(NEW.as_bytes()).map_err(wired.client.failed("write"))?;
    wired.note(Left, &format!("sends \"{NEW}\""))?;
    wired.wire.await_packet("the new payment", from(Left).with_text().in_connection(2))?;
    if plan.held {
        wired.wire.release("the old payment")?;
    }
    wired.wire.release("the new payment")?;
    let read = read_exactly(&server, NEW.len()).map_err(wired.server.failed("read"))?;
    wired.note(Right, &format!("reads \"{read}\""))?;
    wired.server.called("read in the second connection", &format!("\"{read}\""));
    Ok((answer, Some(read)))
}

fn read_exactly(mut socket: &socket2::Socket, length: usize) -> std::io::Result<String> {
    let mut bytes = vec![0; length];
    socket.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// TcpExtPAWSEstab of the server.
fn paws_rejected(wired: &Wired) -> Result<u64, Trouble> {
    let counters = wired.server.inside(settings::tcp_counters).and_then(|counters| counters);
    let counters = counters.map_err(wired.server.failed("reading /proc/net/netstat"))?;
    Ok(counters.get("PAWSEstab").copied().unwrap_or(0))
}

/// With which numbers two connections began: the client's, and the server's answer to it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Begun {
    first: Option<(Seq, Seq)>,
    /// `None`: there was no second.
    second: Option<(Seq, Seq)>,
    /// How often both had to be made anew before.
    edges: u32,
}

impl Begun {
    fn in_trace(trace: &Trace) -> Self {
        let begins = |connection_wanted: u32, side: Side| -> Option<Seq> {
            trace.rows.iter().find_map(|row| match &row.seen {
                Seen::Segment { from, connection, segment, .. }
                    if *from == side && *connection == connection_wanted && segment.has(Control::SYN) =>
                {
                    Some(segment.seq)
                }
                Seen::Segment { .. } | Seen::State { .. } | Seen::Note { .. } => None,
            })
        };
        let pair = |connection| Some((begins(connection, Left)?, begins(connection, Right)?));
        Self { first: pair(1), second: pair(2), edges: 0 }
    }

    /// Whether both began with the same numbers. `None` without a second.
    pub(super) fn twin(&self) -> Option<bool> {
        Some(self.first? == self.second?)
    }

    /// The client's numbers are the same and the server's are not: its minute has ended in between.
    fn crosses_a_minute(&self) -> bool {
        self.first.zip(self.second).is_some_and(|(first, second)| first.0 == second.0 && first.1 != second.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_the_server_s_numbers_alone_differ_a_minute_has_ended() {
        let numbers = |client, server| Some((Seq::new(client), Seq::new(server)));
        let begun = |first, second| Begun { first, second, edges: 0 };
        let twins = begun(numbers(1, 2), numbers(1, 2));
        assert_eq!((twins.twin(), twins.crosses_a_minute()), (Some(true), false));
        let crossed = begun(numbers(1, 2), numbers(1, 3));
        assert_eq!((crossed.twin(), crossed.crosses_a_minute()), (Some(false), true));
        let other = begun(numbers(1, 2), numbers(9, 3));
        assert_eq!((other.twin(), other.crosses_a_minute()), (Some(false), false), "not chosen: no twin");
        let refused = begun(numbers(1, 2), None);
        assert_eq!((refused.twin(), refused.crosses_a_minute()), (None, false));
    }
}
