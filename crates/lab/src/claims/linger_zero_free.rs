//! "`SO_LINGER` 0 avoids TIME-WAIT at no cost": it does avoid it.

use std::{
    io::{self, Read as _, Write as _},
    time::Duration,
};

use serde::Serialize;
use socket2::Socket;

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Flags, PORT, read_to_end, waiting_at, waiting_towards},
};

pub(super) struct LingerZeroFree;

/// What is left to do when the server closes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Setup {
    DataOnItsWay,
    /// The client has read everything and closed.
    AllDone,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    with_linger: Course,
    /// The control: a close without the option.
    without: Course,
}

/// What became of a connection.
#[derive(Serialize)]
pub(super) struct Course {
    /// Bytes that write(2) took from the server.
    sent: usize,
    /// Bytes that the client read.
    received: usize,
    /// How the client's reading ended: OK is the server's FIN, or its own close.
    end: Answer,
    /// Rows in TIME-WAIT, on either side.
    waiting: usize,
}

impl Claim for LingerZeroFree {
    type Setup = Setup;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "linger-zero-free",
        says: "SO_LINGER 0 avoids TIME-WAIT at no cost",
        by: Voice::Folklore,
        how: "A server writes until its socket takes no more, then closes with SO_LINGER on and 0; the client reads only then. Control: \
              without the option every byte arrives and a connection waits. Confirmed if none waits, every byte arrives, and the client \
              sees an ordinary end.",
        if_confirmed: "Here the option spares the wait, and nothing is lost by it.",
        if_refuted: "It closes by an RST: what is on its way is thrown away, and the client reads ECONNRESET. Do not use it to save rows.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: Setup = Setup::DataOnItsWay;
    const CONTRARY: Option<Contrary<Setup>> =
        Some(Contrary { what: "the client has read everything and closed before", setup: Setup::AllDone });

    fn experiment(lab: &Lab, setup: Setup) -> Result<Evidence, Trouble> {
        Ok(Evidence {
            without: course(lab, PORT, None, setup)?,
            with_linger: course(lab, PORT + 1, Some(Duration::ZERO), setup)?,
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let complete = |course: &Course| course.received == course.sent && course.end.is_ok();
        let control = complete(&evidence.without) && evidence.without.waiting == 1;
        let is_so = complete(&evidence.with_linger) && evidence.with_linger.waiting == 0;
        Verdict::given(control, "an ordinary close loses bytes too, or leaves nothing that waits", is_so)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Course { sent, received, end, waiting } = &evidence.with_linger;
        format!("{received} of {sent} bytes read, then {end}; {waiting} waiting")
    }
}

fn course(lab: &Lab, port: u16, linger: Option<Duration>, setup: Setup) -> Result<Course, Trouble> {
    lab.case(if linger.is_some() { "closed with SO_LINGER 0" } else { "closed without an option" });
    let host = lab.alone()?;
    let listener = host.listen(host.at(port), Flags::NONE)?;
    let pair = host.pair(&listener)?;
    pair.server.set_linger(linger).map_err(host.failed("SO_LINGER"))?;
    let (sent, received, end) = match setup {
        Setup::DataOnItsWay => {
            let sent = fill(&pair.server).map_err(host.failed("write"))?;
            drop(pair.server);
            let (received, end) = read_all(&pair.client, usize::MAX);
            drop(pair.client);
            (sent, received, end)
        }
        Setup::AllDone => {
            let sent = (&pair.server).write(&[b'x'; 100]).map_err(host.failed("write"))?;
            let (received, end) = read_all(&pair.client, sent);
            drop(pair.client);
            read_to_end(&pair.server).map_err(host.failed("read"))?;
            drop(pair.server);
            (sent, received, end)
        }
    };
    let rows = host.settled(port)?;
    host.show("after both have closed", &rows);
    host.did(format!("{sent} bytes sent, {received} received, then {end}"));
    Ok(Course { sent, received, end, waiting: waiting_at(&rows, port) + waiting_towards(&rows, port) })
}

/// Writes until the socket takes no more: then much is on its way.
fn fill(mut socket: &Socket) -> io::Result<usize> {
    /// More than any socket takes here.
    const MOST: usize = 64 << 20;
    let (chunk, mut sent) = (vec![b'x'; 1 << 16], 0);
    socket.set_nonblocking(true)?;
    while sent < MOST {
        match socket.write(&chunk) {
            Ok(taken) => sent += taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    socket.set_nonblocking(false)?;
    Ok(sent)
}

/// Reads so many bytes, or to the end: how many there were, and how it ended.
fn read_all(mut socket: &Socket, most: usize) -> (usize, Answer) {
    let (mut buffer, mut received) = (vec![0; 1 << 16], 0);
    while received < most {
        match socket.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => received += count,
            Err(error) => return (received, Answer::of::<()>(&Err(error))),
        }
    }
    (received, Answer::ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(received: usize, end: &str, waiting: usize) -> Course {
        let end = if end == "OK" { Answer::ok() } else { Answer::errno(end) };
        Course { sent: 1000, received, end, waiting }
    }

    fn judge(with_linger: Course, without: Course) -> Verdict {
        LingerZeroFree::judge(&Evidence { with_linger, without })
    }

    #[test]
    fn lost_bytes_a_reset_or_a_row_refute_and_only_none_of_them_confirms() {
        assert_eq!(judge(course(1000, "OK", 0), course(1000, "OK", 1)), Verdict::Confirmed);
        for costs in [
            course(300, "OK", 0),
            course(1000, "ECONNRESET", 0),
            course(0, "ECONNRESET", 0),
            course(1000, "OK", 1),
        ] {
            assert_eq!(judge(costs, course(1000, "OK", 1)), Verdict::Refuted);
        }
    }

    #[test]
    fn an_ordinary_close_that_loses_bytes_or_does_not_wait_decides_nothing() {
        for broken in [course(300, "OK", 1), course(1000, "ECONNRESET", 1), course(1000, "OK", 0)] {
            assert!(matches!(judge(course(300, "ECONNRESET", 0), broken), Verdict::CouldNotTry(_)));
        }
    }
}
