//! "Without TIME-WAIT a lost last ACK ends in an RST; with it, in an ACK": the article's first reason for the wait.

use std::{
    io::Write as _,
    net::Shutdown,
    thread,
    time::{Duration, Instant},
};

use rustix::net::sockopt::set_tcp_cork;
use serde::Serialize;
use timewait_facts::State;
use timewait_linux::{Errno, options};
use timewait_tcp::{
    Fate, Flags as Control, Seen, Segment,
    Side::{self, Left, Right},
    Trace,
};

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Dial, Flags, PATIENCE, PORT, read_to_end, waiting_at},
    wire::from,
};

pub(super) struct LostLastAck;

/// What the wire does with the server's last ACK.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Setup {
    Lost,
    Delivered,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    /// Whether the wire was to lose the last ACK.
    to_be_lost: bool,
    without_wait: Close,
    with_wait: Close,
}

/// How a connection ended for the client, which closed second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Close {
    /// Whether the server waited: a control.
    server_waited: bool,
    /// Whether the wire lost the last ACK: a control.
    last_ack_lost: bool,
    /// Whether the client had to send its FIN again.
    fin_again: bool,
    /// What came back to that.
    answer: Option<Reply>,
    /// What the client's socket reports (SO_ERROR).
    client_error: Option<String>,
    /// What of its last words, and its FIN, was never acknowledged.
    unacknowledged: u32,
}

/// The two things that can come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Reply {
    Ack,
    Rst,
}

/// The client's last words, which travel with its FIN.
const LAST_WORDS: &[u8] = b"bye, and thank you a lot";

impl Claim for LostLastAck {
    type Setup = Setup;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "lost-last-ack",
        says: "without TIME-WAIT a lost last ACK ends in an RST; with it, in an ACK",
        by: Voice::Article(4),
        how: "The server closes first; the client answers with its last words and its FIN in one segment, and the wire drops the \
              server's ACK of them. Once with tcp_max_tw_buckets = 0, so that the server does not wait, once as usual. Control: the server \
              waits, or not, as set, and the ACK was lost. Confirmed if the FIN that comes again draws an RST without the wait and an ACK with it.",
        if_confirmed: "The wait is there for the peer: without it a connection that went well ends in ECONNRESET on the other side, and the \
                       peer cannot know whether its last words arrived.",
        if_refuted: "A last ACK that gets lost makes no difference here.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Setup = Setup::Lost;
    const CONTRARY: Option<Contrary<Setup>> =
        Some(Contrary { what: "the wire drops nothing", setup: Setup::Delivered });

    fn experiment(lab: &Lab, setup: Setup) -> Result<Evidence, Trouble> {
        let to_be_lost = setup == Setup::Lost;
        let (without_wait, with_wait) = (close(lab, setup, false)?, close(lab, setup, true)?);
        Ok(Evidence { to_be_lost, without_wait, with_wait })
    }

    fn judge(Evidence { to_be_lost, without_wait, with_wait }: &Evidence) -> Verdict {
        let waited_as_set = !without_wait.server_waited && with_wait.server_waited;
        let lost_as_set = [without_wait, with_wait].iter().all(|close| close.last_ack_lost == *to_be_lost);
        let control = waited_as_set && lost_as_set;
        let answers = (without_wait.answer, with_wait.answer);
        let otherwise = "the server did not wait, or the wire did not lose the ACK, as set";
        Verdict::given(control, otherwise, answers == (Some(Reply::Rst), Some(Reply::Ack)))
    }

    fn decided_by(Evidence { without_wait, with_wait, .. }: &Evidence) -> String {
        let told = |close: &Close| {
            let answer = match close.answer {
                Some(Reply::Ack) => "ACK",
                Some(Reply::Rst) => "RST",
                None => "nothing (it came once)",
            };
            let error = close.client_error.as_deref().unwrap_or("no error");
            format!("{answer}, the client sees {error}")
        };
        format!("FIN again: without the wait {}; with it {}", told(without_wait), told(with_wait))
    }
}

/// One connection over a wire.
fn close(lab: &Lab, setup: Setup, wait: bool) -> Result<Close, Trouble> {
    lab.case(if wait { "with the wait" } else { "without the wait" });
    let wired = lab.wired()?;
    if !wait {
        wired.server.set("net.ipv4.tcp_max_tw_buckets", "0")?;
    }
    if setup == Setup::Lost {
        wired.wire.rule(from(Right).last_ack_of_the_close().first().drop("the last ACK"))?;
    }
    let listener = wired.server.listen(wired.server.any(PORT), Flags::REUSEADDR)?;
    let pair = wired.client.pair_with(&wired.server, &listener, Dial::default())?;
    let (client, server) = (pair.client, pair.server);
    server.shutdown(Shutdown::Write).map_err(wired.server.failed("shutdown"))?;
    wired.note(Right, "shutdown(SHUT_WR)")?;
    read_to_end(&client).map_err(wired.client.failed("read"))?;
    wired.note(Left, "says good-bye and closes")?;
    set_tcp_cork(&client, true)
        .map_err(std::io::Error::from)
        .and_then(|()| (&client).write_all(LAST_WORDS))
        .and_then(|()| client.shutdown(Shutdown::Write))
        .map_err(wired.client.failed("the last words"))?;
    read_to_end(&server).map_err(wired.server.failed("read"))?;
    drop(server);
    let rows = wired.server.settled(PORT)?;
    let server_waited = waiting_at(&rows, PORT) == 1;
    await_end(&client).ok_or_else(|| wired.client.in_vain("the client's connection ends"))?;
    let error = client.take_error().map_err(wired.client.failed("SO_ERROR"))?;
    let client_error = error.and_then(|error| Errno::of(&error)).map(Errno::name);
    let unacknowledged = options::unacknowledged(&client).map_err(wired.client.failed("SIOCOUTQ"))?;
    let saw = client_error.as_deref().unwrap_or("no error");
    wired.note(Left, &format!("{saw}, {unacknowledged} unacknowledged"))?;
    wired.client.called("SO_ERROR of the client's socket", &saw);
    wired.draw(if wait { "with the wait" } else { "without the wait (tcp_max_tw_buckets = 0)" });
    let trace = wired.wire.trace();
    let last_ack_lost = loses(&trace, Right);
    let (fin_again, answer) = answer_to_fin_again(&trace);
    Ok(Close { server_waited, last_ack_lost, fin_again, answer, client_error, unacknowledged })
}

/// Waits until the client's socket has no connection any more; `None` if that does not come.
fn await_end(client: &socket2::Socket) -> Option<()> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if options::tcp_state(client).ok()? == State::Closed {
            return Some(());
        }
        thread::sleep(Duration::from_micros(500));
    }
    None
}

/// Whether a segment of this side was lost.
fn loses(trace: &Trace, side: Side) -> bool {
    let is_lost = |seen: &Seen| matches!(seen, Seen::Segment { from, fate: Fate::Lost, .. } if *from == side);
    trace.rows.iter().any(|row| is_lost(&row.seen))
}

/// Whether the left side sent a FIN twice, and what came back to the second.
fn answer_to_fin_again(trace: &Trace) -> (bool, Option<Reply>) {
    let mut segments = trace.rows.iter().filter_map(|row| match &row.seen {
        Seen::Segment { from, segment, fate, .. } => Some((*from, segment, *fate)),
        Seen::State { .. } | Seen::Note { .. } => None,
    });
    let again = segments.by_ref().filter(|(from, segment, _)| *from == Left && segment.has(Control::FIN));
    let again = again.take(2).count() == 2;
    // On a slow machine the FIN is sent again before the first answer, the lost one, has come.
    let back = segments.find(|&(from, _, fate)| from == Right && fate != Fate::Lost);
    let reply = |(_, segment, _): (Side, &Segment, Fate)| {
        if segment.has(Control::RST) { Reply::Rst } else { Reply::Ack }
    };
    (again, back.filter(|_| again).map(reply))
}

#[cfg(test)]
mod tests {
    use timewait_tcp::{Row, Seq};

    use super::*;

    fn seen(from: Side, segment: Segment) -> Row {
        let note = String::new();
        Row {
            at: Duration::ZERO,
            seen: Seen::Segment { from, connection: 1, segment, fate: Fate::Delivered, note },
        }
    }

    fn fin() -> Segment {
        Segment { flags: Control::FIN, ..Segment::ack(Seq::new(1), Seq::new(2)) }
    }

    fn answers(back: &[Segment]) -> (bool, Option<Reply>) {
        let fins =
            [seen(Left, fin()), seen(Right, Segment::ack(Seq::new(2), Seq::new(2))), seen(Left, fin())];
        let rows = fins.into_iter().chain(back.iter().map(|segment| seen(Right, segment.clone())));
        answer_to_fin_again(&Trace { rows: rows.collect(), ..Trace::default() })
    }

    fn late_loss() -> (bool, Option<Reply>) {
        let note = String::new();
        let segment = Segment::ack(Seq::new(2), Seq::new(2));
        let lost = Seen::Segment { from: Right, connection: 1, segment, fate: Fate::Lost, note };
        let lost = Row { at: Duration::ZERO, seen: lost };
        let rows = vec![seen(Left, fin()), seen(Left, fin()), lost, seen(Right, Segment::rst(Seq::new(2)))];
        answer_to_fin_again(&Trace { rows, ..Trace::default() })
    }

    #[test]
    fn only_what_comes_back_to_the_second_fin_is_its_answer() {
        assert_eq!(answers(&[]), (true, None));
        assert_eq!(answers(&[Segment::rst(Seq::new(2))]), (true, Some(Reply::Rst)));
        assert_eq!(
            late_loss(),
            (true, Some(Reply::Rst)),
            "what is lost is no answer, however late it is lost"
        );
        assert_eq!(answers(&[Segment::ack(Seq::new(2), Seq::new(2))]), (true, Some(Reply::Ack)));
        let once = Trace {
            rows: vec![seen(Left, fin()), seen(Right, Segment::rst(Seq::new(2)))],
            ..Trace::default()
        };
        assert_eq!(answer_to_fin_again(&once), (false, None));
    }

    fn close(server_waited: bool, answer: Reply) -> Close {
        Close {
            server_waited,
            last_ack_lost: true,
            fin_again: true,
            answer: Some(answer),
            client_error: None,
            unacknowledged: 0,
        }
    }

    fn judge(without_wait: Close, with_wait: Close) -> Verdict {
        LostLastAck::judge(&Evidence { to_be_lost: true, without_wait, with_wait })
    }

    #[test]
    fn an_rst_in_both_or_an_ack_in_both_refutes() {
        assert_eq!(judge(close(false, Reply::Rst), close(true, Reply::Ack)), Verdict::Confirmed);
        assert_eq!(judge(close(false, Reply::Rst), close(true, Reply::Rst)), Verdict::Refuted);
        assert_eq!(judge(close(false, Reply::Ack), close(true, Reply::Ack)), Verdict::Refuted);
    }

    #[test]
    fn a_server_that_waits_anyway_or_an_ack_that_was_not_lost_decides_nothing() {
        let waits_anyway = judge(close(true, Reply::Ack), close(true, Reply::Ack));
        assert!(matches!(waits_anyway, Verdict::CouldNotTry(_)));
        let arrived = Close { last_ack_lost: false, ..close(false, Reply::Rst) };
        assert!(matches!(judge(arrived, close(true, Reply::Ack)), Verdict::CouldNotTry(_)));
    }

    #[test]
    fn where_nothing_is_to_be_lost_and_nothing_is_no_answer_refutes() {
        let once = |waited| Close {
            last_ack_lost: false,
            fin_again: false,
            answer: None,
            ..close(waited, Reply::Ack)
        };
        let evidence = Evidence { to_be_lost: false, without_wait: once(false), with_wait: once(true) };
        assert_eq!(LostLastAck::judge(&evidence), Verdict::Refuted);
    }
}
