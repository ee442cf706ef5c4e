//! `timewait connect`: a telnet that tells how the connection ended, and who waits.

use std::{
    io::{self, IsTerminal as _, Write},
    os::fd::{AsFd as _, BorrowedFd},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use timewait_facts::{Socket, State, Untrusted};
use timewait_linux::sockets::SocketTable;
use timewait_oneline::{Connection, Dial, End, Ending, Input};

use crate::{
    args::{Connect, Target},
    print::{Paint, problem},
    serve::side,
    signals,
    words::connect as words,
};

pub(crate) fn run(args: &Connect, paint: Paint) -> anyhow::Result<ExitCode> {
    let stop = signals::stop_wishes().context("cannot listen to Ctrl-C")?;
    let say = |line: &str| if args.quiet { Ok(()) } else { writeln!(io::stdout(), "{line}") };
    let attempt = open(args, stop.as_fd(), &say);
    let connection = match attempt {
        Ok(connection) => connection,
        Err(Unreached::Input(error)) => return Err(error),
        Err(Unreached::Network(line)) => {
            writeln!(io::stderr(), "{}", problem(paint, &line))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    say(&words::connected(connection.local(), connection.peer()))?;

    let stdin = io::stdin();
    let input = Input { from: stdin.as_fd(), end_closes: stdin.is_terminal() };
    let mut screen = Screen::new(io::stdout());
    let ending = connection.talk(Some(input), stop.as_fd(), &mut |bytes| screen.show(bytes));
    screen.end()?;

    say(&words::ending(&ending))?;
    say(&words::own_socket(&ending, what_is_left(&ending).as_ref().map_err(String::as_str)))?;
    Ok(if is_orderly(ending.end) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why there is no connection.
enum Unreached {
    /// What was asked for cannot be.
    Input(anyhow::Error),
    /// The network, or a resolver, said no; in one line.
    Network(String),
}

/// Tries each address that the target stands for; tells of the last failure.
fn open(
    args: &Connect,
    stop: BorrowedFd<'_>,
    say: &impl Fn(&str) -> io::Result<()>,
) -> Result<Connection, Unreached> {
    let addresses = args.address.resolve().map_err(|error| Unreached::Network(format!("{error:#}")))?;
    if let Target::Name { host, .. } = &args.address {
        say(&words::resolved(host, &addresses)).map_err(|error| Unreached::Input(error.into()))?;
    }
    let mut last = String::new();
    for to in addresses {
        let from = args.from.map(|from| from.towards(to)).transpose().map_err(Unreached::Input)?;
        let dial = Dial { to, from, timeout: args.timeout, close_first: side(args.close_first) };
        match Connection::open(&dial, stop) {
            Ok(connection) => return Ok(connection),
            Err(error) => last = words::not_connected(&error),
        }
    }
    Err(Unreached::Network(last))
}

/// How long a socket may be on its way from one state to the next, over a connection on this machine.
const SETTLING: Duration = Duration::from_secs(1);

/// What the socket table still has of our side, once the last acknowledgements have passed.
fn what_is_left(ending: &Ending) -> Result<Option<Socket>, String> {
    let mut table = SocketTable::open().map_err(|error| error.to_string())?;
    let start = Instant::now();
    loop {
        let found = table.find(ending.local, ending.peer).map_err(|error| error.to_string())?;
        let on_its_way = |socket: &Socket| {
            matches!(socket.state, State::FinWait1 | State::Closing | State::LastAck)
                && start.elapsed() < SETTLING
        };
        if !found.as_ref().is_some_and(on_its_way) {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Whether both sides ended it as TCP means it, or we did because we were asked to.
fn is_orderly(end: End) -> bool {
    match end {
        End::PeerClosedFirst
        | End::WeClosedFirst
        | End::Both
        | End::Unseen
        | End::PeerStayedOpen
        | End::Interrupted => true,
        End::Reset | End::TimedOut | End::Failed(_) => false,
    }
}

/// Shows what the peer says as it comes. Lines stay lines; whatever else would act on a terminal is made visible.
struct Screen<W> {
    out: W,
    /// The beginning of a character whose rest has not come yet.
    held: Vec<u8>,
    mid_line: bool,
    outcome: io::Result<()>,
}

impl<W: Write> Screen<W> {
    fn new(out: W) -> Self {
        Self { out, held: Vec::new(), mid_line: false, outcome: Ok(()) }
    }

    fn show(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        let whole = self.held.len() - unfinished(&self.held);
        let rest = self.held.split_off(whole);
        let ready = std::mem::replace(&mut self.held, rest);
        self.write(&ready);
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.outcome.is_err() || bytes.is_empty() {
            return;
        }
        self.mid_line = !bytes.ends_with(b"\n");
        self.outcome = write_lines(&mut self.out, bytes);
    }

    /// Shows what was held back, ends the line, and gives what went wrong on the way.
    fn end(mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        self.write(&held);
        if self.mid_line && self.outcome.is_ok() {
            self.outcome = writeln!(self.out);
        }
        self.outcome
    }
}

/// How many bytes at the end begin a character (or a line's end) that may go on.
fn unfinished(bytes: &[u8]) -> usize {
    if bytes.last() == Some(&b'\r') {
        return 1;
    }
    match bytes.utf8_chunks().last().map(|chunk| chunk.invalid()) {
        Some(tail) if !tail.is_empty() && str::from_utf8(tail).is_err_and(|e| e.error_len().is_none()) => {
            tail.len()
        }
        _ => 0,
    }
}

fn write_lines(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let (text, end) = match line.strip_suffix(b"\n") {
            Some(text) => (text.strip_suffix(b"\r").unwrap_or(text), "\n"),
            None => (line, ""),
        };
        write!(out, "{}{end}", Untrusted::show(text))?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out);
        for piece in pieces {
            screen.show(piece);
        }
        screen.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_stay_lines_and_nothing_acts_on_the_terminal() {
        assert_eq!(shown(&[b"I sent sth to client!\n"]), "I sent sth to client!\n");
        assert_eq!(shown(&[b"220 ready\r\n\x1b[2J"]), "220 ready\n\\e[2J\n");
    }

    #[test]
    fn a_character_that_comes_in_two_pieces_is_one() {
        assert_eq!(shown(&[b"caf\xc3", b"\xa9\r", b"\n"]), "café\n");
        assert_eq!(shown(&[b"caf\xc3"]), "caf\\xc3\n", "its rest never came");
        assert_eq!(shown(&[b"\xff\xfe"]), "\\xff\\xfe\n", "no character at all");
    }

    #[test]
    fn silence_shows_nothing() {
        assert_eq!(shown(&[]), "");
    }
}
