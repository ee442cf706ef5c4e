//! What `connect` says.

use std::net::SocketAddr;

use timewait_diagnose::words::{number, seconds};
use timewait_facts::{Socket, State, Untrusted};
use timewait_linux::Errno;
use timewait_oneline::{DialError, End, Ending};

pub(crate) fn resolved(host: &str, addresses: &[SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    format!("{} is {}", Untrusted::show(host.as_bytes()), addresses.join(", "))
}

pub(crate) fn connected(local: SocketAddr, peer: SocketAddr) -> String {
    format!("connected {local} to {peer}")
}

/// One line: what failed, and what that means.
pub(crate) fn not_connected(error: &DialError) -> String {
    let meaning = meaning(error).map(|meaning| format!(" ({meaning})")).unwrap_or_default();
    format!("cannot connect to {}: {} returned -1, {}{meaning}", error.to, error.call, error.errno)
}

fn meaning(error: &DialError) -> Option<String> {
    let local = error.local.map(|local| local.to_string()).unwrap_or_default();
    Some(match (error.call.to_string().as_str(), error.errno.name().as_str()) {
        ("connect", "ECONNREFUSED") => "an RST came back: nothing listens there".to_owned(),
        ("connect", "ETIMEDOUT") => "no answer came".to_owned(),
        ("connect", "EADDRNOTAVAIL") => {
            format!("no local port is left for this destination: see timewait ls --all --peer {}", error.to)
        }
        ("connect", "EADDRINUSE") => format!("a connection from {local} to there exists, or waits"),
        ("connect", "ENETUNREACH" | "EHOSTUNREACH") => "there is no way to that address from here".to_owned(),
        ("connect", "EINTR") => "interrupted".to_owned(),
        ("bind", "EADDRINUSE") => format!("{local} is taken: see timewait ls --all --local {local}"),
        ("bind", "EADDRNOTAVAIL") => format!("{} is no address of this host", error.local?.ip()),
        ("bind", "EACCES") => format!("port {} needs CAP_NET_BIND_SERVICE", error.local?.port()),
        _ => return None,
    })
}

/// What came, and how it ended.
pub(crate) fn ending(ending: &Ending) -> String {
    let bytes = |count: u64| {
        let noun = if count == 1 { "byte" } else { "bytes" };
        format!("{} {noun}", number(usize::try_from(count).unwrap_or(usize::MAX)))
    };
    let sent = if ending.sent > 0 { format!(", {} sent", bytes(ending.sent)) } else { String::new() };
    format!("{} received{sent}; {}", bytes(ending.received), end(ending.end))
}

fn end(end: End) -> String {
    match end {
        End::PeerClosedFirst => "the server closed first (its FIN came before ours)".to_owned(),
        End::WeClosedFirst => "we closed first (our FIN went before the server's)".to_owned(),
        End::Both => "both closed at once (the FINs crossed)".to_owned(),
        End::Unseen => "both sides closed (whose FIN was first was not seen)".to_owned(),
        End::PeerStayedOpen => "we closed, and the server has not".to_owned(),
        End::Reset => "the server ended it by an RST".to_owned(),
        End::TimedOut => "nobody said anything for so long that we closed".to_owned(),
        End::Interrupted => "interrupted, so we closed".to_owned(),
        End::Failed(errno) => failed(errno),
    }
}

fn failed(errno: Errno) -> String {
    format!("the connection failed, {errno}")
}

/// What is left of our socket.
pub(crate) fn own_socket(ending: &Ending, found: Result<&Option<Socket>, &str>) -> String {
    let ours = format!("our socket {}", ending.local);
    match found {
        Err(unknown) => format!("{ours}: not known what is left of it ({unknown})"),
        Ok(None) if ending.end == End::Reset => format!("{ours}: gone; after an RST nobody waits"),
        Ok(None) => format!("{ours}: gone; if anybody waits, it is the other side"),
        Ok(Some(socket)) => match (socket.state, socket.expires_in()) {
            (State::TimeWait, Some(left)) => format!("{ours}: time-wait, for another {}", seconds(left)),
            (state, Some(left)) => {
                format!("{ours}: {state}, held by no process, for at most another {}", seconds(left))
            }
            (state, None) => format!("{ours}: {state}"),
        },
    }
}
