//! A script, performed by somebody.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use timewait_tcp::{Flags, Segment, Seq};

use super::{
    Line,
    notation::{self, Base, IRS, UNKNOWN_ISS, Unreadable},
    subject::{CLIENT_PORT, Call, SCRIPT_CLIENT_PORT, SCRIPT_SERVER_PORT, SERVER_PORT, Subject, addresses},
};
use crate::{Family, Trouble, site::PATIENCE, wire::Plug};

/// Nobody is here, on either side.
const NOBODYS_PORT: u16 = 7;
/// Where the segments come from that ask whether everything has been said.
const ASKING_PORT: u16 = 50_000;
/// Segments that fill a window, at most.
const MOST_TO_FILL: usize = 500;

/// A script on its way.
pub(super) struct Play<'a> {
    subject: &'a mut Subject,
    plug: &'a Plug,
    here: IpAddr,
    there: IpAddr,
    /// The subject's port and the script's, of the connection that the script is about.
    ports: (u16, u16),
    base: Base,
    knows_iss: bool,
    shift: u8,
    asked: u32,
    lines: Vec<Line>,
}

/// What is written in one word, and done in several lines.
const SHORT_FOR: [(&str, &[&str]); 5] = [
    ("opened", &["listen", "> SYN 0 mss 1460", "> ACK 1 ack 1", "accept"]),
    ("opened with timestamps", &["listen", "> SYN 0 mss 1460 ts 0", "> ACK 1 ack 1 ts 0", "accept"]),
    ("connected", &["connect", "> SYN 0 ack 1 mss 1460"]),
    ("in TIME-WAIT", &["opened", "close", "> ACK 1 ack 2", "> FIN 1 ack 2"]),
    (
        "in TIME-WAIT with timestamps",
        &["opened with timestamps", "close", "> ACK 1 ack 2 ts 0", "> FIN 1 ack 2 ts 0"],
    ),
];

impl<'a> Play<'a> {
    pub(super) fn new(subject: &'a mut Subject, plug: &'a Plug, family: Family) -> Self {
        let (here, there) = addresses(family);
        let base = Base { peer: IRS, subject: UNKNOWN_ISS, clock: 0, edge: IRS, mss: family.mss() };
        Self {
            subject,
            plug,
            here,
            there,
            ports: (SERVER_PORT, SCRIPT_CLIENT_PORT),
            base,
            knows_iss: false,
            shift: 0,
            asked: 0,
            lines: Vec::new(),
        }
    }

    pub(super) fn perform(mut self, script: &str) -> Result<Vec<Line>, Trouble> {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.line(line)?;
        }
        Ok(self.lines)
    }

    fn line(&mut self, line: &str) -> Result<(), Trouble> {
        if let Some((_, lines)) = SHORT_FOR.iter().find(|(short, _)| *short == line) {
            return lines.iter().try_for_each(|line| self.line(line));
        }
        let answer = self.answer(line)?;
        self.lines.push(Line { step: line.to_owned(), answer });
        Ok(())
    }

    fn answer(&mut self, line: &str) -> Result<String, Trouble> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let long: Vec<u8>;
        let call = match word {
            ">" => {
                self.send(rest)?;
                return self.said();
            }
            // Nobody asks for an answer yet: the next line follows at once.
            ">>" => {
                self.send(rest)?;
                return Ok("-".to_owned());
            }
            "state" => {
                let ends =
                    (SocketAddr::new(self.here, self.ports.0), SocketAddr::new(self.there, self.ports.1));
                return self.subject.state(ends);
            }
            "fill" => return self.fill(),
            "wait" => return self.wait(),
            "again" => return self.again(rest.parse().unwrap_or(1)),
            "listen" => Call::Listen,
            "unlisten" => Call::Unlisten,
            "accept" => Call::Accept,
            "connect" => {
                self.ports = (CLIENT_PORT, SCRIPT_SERVER_PORT);
                Call::Connect
            }
            "read" => Call::Read,
            "write" => {
                let many = rest.strip_prefix('x').and_then(|count| count.parse().ok());
                long = many.map_or_else(|| rest.as_bytes().to_vec(), |count| vec![b'.'; count]);
                Call::Write(&long)
            }
            "shutdown" => Call::Shutdown,
            "close" => Call::Close,
            "reset" => Call::Reset,
            "error" => Call::Error,
            _ => return Err(Trouble::Otherwise(format!("a script does not know '{line}'"))),
        };
        let answer = self.subject.call(call)?;
        let said = self.said()?;
        Ok(if said == NOTHING { answer } else { format!("{answer}; {said}") })
    }

    fn send(&mut self, told: &str) -> Result<(), Trouble> {
        let segment = notation::read(told, &self.base)?;
        self.send_segment(&segment)
    }

    fn send_segment(&self, segment: &Segment) -> Result<(), Trouble> {
        let (to, from) = self.ports;
        let (from, to) = (SocketAddr::new(self.there, from), SocketAddr::new(self.here, to));
        Ok(self.plug.send(from, to, segment)?)
    }

    /// What the subject has sent, when it has sent everything: it answers in the order in which it is asked.
    fn said(&mut self) -> Result<String, Trouble> {
        let heard = self.heard()?;
        let told: Vec<_> = heard.iter().map(|segment| self.hear(segment)).collect();
        Ok(if told.is_empty() { NOTHING.to_owned() } else { told.join("; ") })
    }

    fn heard(&mut self) -> Result<Vec<Segment>, Trouble> {
        self.asked += 1;
        let question = Segment::syn(Seq::new(self.asked));
        let (from, to) = (SocketAddr::new(self.there, ASKING_PORT), SocketAddr::new(self.here, NOBODYS_PORT));
        self.plug.send(from, to, &question)?;
        let mut heard = Vec::new();
        loop {
            let Some((source, segment)) = self.next(PATIENCE)? else {
                return Err(in_vain("the answer of a closed port"));
            };
            if source != to {
                heard.push(segment);
            } else if segment.ack == Some(question.end()) {
                return Ok(heard);
            }
        }
    }

    fn next(&self, patience: Duration) -> Result<Option<(SocketAddr, Segment)>, Trouble> {
        Ok(self.plug.next(patience)?.map(|(source, _, segment)| (source, segment)))
    }

    /// Writes a segment of the subject's down, and keeps in mind what it says.
    fn hear(&mut self, segment: &Segment) -> String {
        let is_syn = segment.has(Flags::SYN);
        if is_syn && !self.knows_iss {
            self.base.subject = segment.seq;
            self.knows_iss = true;
            self.shift = segment.options.window_scale.unwrap_or(0);
        }
        if let Some(stamp) = segment.options.timestamps {
            self.base.clock = stamp.value;
        }
        if let Some(ack) = segment.ack.filter(|_| !segment.has(Flags::RST)) {
            // What the script offers has no window scale unless it says so, and then the subject's is agreed to.
            let shift = if is_syn { 0 } else { self.shift };
            self.base.edge = ack + (u32::from(segment.window) << shift);
        }
        notation::write(segment, &self.base)
    }

    /// Sends text until the subject's window is closed. From then on, the peer's numbers are told from the next one.
    fn fill(&mut self) -> Result<String, Trouble> {
        let mut next = self.base.peer + 1;
        for _ in 0..MOST_TO_FILL {
            let room = self.base.edge.since(next);
            if room == 0 {
                self.base.peer = next;
                return Ok("win 0".to_owned());
            }
            let text = vec![b'.'; room.min(u32::from(self.base.mss)) as usize];
            let segment = Segment { text, window: 65_000, ..Segment::ack(next, self.base.subject + 1) };
            next = segment.end();
            self.send_segment(&segment)?;
            self.said()?;
        }
        Err(in_vain("a closed window"))
    }

    /// The next segment of the subject's, sent by its own clock.
    fn wait(&mut self) -> Result<String, Trouble> {
        match self.next(PATIENCE)? {
            Some((_, segment)) => Ok(self.hear(&segment)),
            None => Err(in_vain("a segment that it sends by its own clock")),
        }
    }

    /// So many repetitions of what it sent last, and how the waits between them grow: by the clock of who sent them, for here
    /// they may be read late.
    fn again(&mut self, times: usize) -> Result<String, Trouble> {
        let mut sent_at = Vec::new();
        let mut told = String::new();
        while sent_at.len() < times {
            let Some((_, segment)) = self.next(PATIENCE)? else {
                return Err(in_vain("a segment sent again"));
            };
            let Some(stamp) = segment.options.timestamps else {
                return Err(Trouble::Otherwise("a script that tells waits agrees on timestamps".to_owned()));
            };
            sent_at.push(Seq::new(stamp.value));
            let line = self.hear(&segment);
            if !told.is_empty() && line != told {
                return Ok(format!("{told}; {line}"));
            }
            told = line;
        }
        let waits: Vec<_> =
            sent_at.windows(2).filter_map(|two| Some(two.get(1)?.since(*two.first()?))).collect();
        let growth = waits.windows(2).filter_map(|two| {
            let ratio = f64::from(*two.get(1)?) / f64::from(*two.first()?);
            Some(format!(", x{:.0}", ratio.log2().round().exp2()))
        });
        Ok(format!("{told}, {times} times{}", growth.collect::<String>()))
    }
}

/// What is answered when nothing is.
const NOTHING: &str = "nothing";

fn in_vain(what: &str) -> Trouble {
    Trouble::Waited { host: "script".to_owned(), what: what.to_owned(), seconds: PATIENCE.as_secs() }
}

impl From<Unreadable> for Trouble {
    fn from(error: Unreadable) -> Self {
        Self::Otherwise(error.to_string())
    }
}
