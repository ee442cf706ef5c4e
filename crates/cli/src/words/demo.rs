//! The story of the demo.

use std::time::Duration;

use serde_json::Value;
use timewait_diagnose::words::{number, seconds};
use timewait_facts::State;

use crate::demo::{reasons::Reason, step::StepId};

pub(crate) fn opening(kernel: &str) -> String {
    format!("TIME-WAIT, live on Linux {kernel}: all below the diagram was just observed.")
}

pub(crate) fn diagram_title() -> &'static str {
    "A connection's states (RFC 9293), the way of the side that closes first marked"
}

pub(crate) fn diagram_explained() -> &'static str {
    "Whoever sends the first FIN comes to TIME-WAIT, and stays there for two maximum segment lifetimes; on Linux for 60 s."
}

pub(crate) fn namespace_own() -> &'static str {
    "The acts run in network namespaces of their own: port 9000 is free there, and nothing of this host is touched."
}

pub(crate) fn namespace_refused(refusal: &str) -> String {
    format!(
        "Not in network namespaces of their own: {refusal}. So the acts run on loopback, each on a free port, and \
         their sockets in time-wait remain for a minute."
    )
}

pub(crate) fn label_own() -> &'static str {
    "namespace: own"
}

pub(crate) fn label_loopback(port: u16) -> String {
    format!("loopback, port {port}")
}

pub(crate) fn title(step: StepId) -> &'static str {
    match step {
        StepId::FirstProgram => "The first program: says one line, closes first",
        StepId::RestartRefused => "Stop the server, start it again",
        StepId::OptionTooLate => "Start the second program: it sets SO_REUSEADDR",
        StepId::OptionRestarts => "Afresh, the second program from the start",
        StepId::ClientCloses => "Afresh, and the client closes first",
        StepId::CrashUnderLoad => "kill -9 under open connections",
    }
}

/// What a step saw, for its explanation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The server's port.
    pub(crate) port: u16,
    /// The longest wait: how long still, and until when by the clock.
    pub(crate) wait: Option<(Duration, String)>,
    /// Connections of a dead process, at the most.
    pub(crate) orphans: usize,
}

/// What it means that it went as told.
pub(crate) fn explanation(step: StepId, seen: &Seen) -> String {
    let Seen { port, ref wait, orphans } = *seen;
    let (left, until) = wait.clone().map(|(left, until)| (seconds(left), until)).unwrap_or_default();
    match step {
        StepId::FirstProgram => format!(
            "The server sent the first FIN, so its side waits: {left} are left. The client's side has no row; for \
             it the connection is over."
        ),
        StepId::RestartRefused => format!(
            "Nobody listens on {port} any more. What holds it is the connection that the server closed first: it \
             outlives its process, and bind(2) will not pass it for another {left}, until {until}."
        ),
        StepId::OptionTooLate => {
            "Refused as well: the option must be on both sockets, and the old one did not have \
             it. A release that adds SO_REUSEADDR does not rescue its own first restart."
                .to_owned()
        }
        StepId::OptionRestarts => format!(
            "It listens at once, with the time-wait still there ({left} left). The option does not prevent the \
             wait; it lets bind(2) pass it."
        ),
        StepId::ClientCloses => {
            "Now the wait is the client's, on a port that nobody binds. The server's side has \
             no row, and even the first program starts again."
                .to_owned()
        }
        StepId::CrashUnderLoad => format!(
            "The kernel closed {} connections for the dead server. Their clients have not, so its side stays in \
             fin-wait-2, held by no process. That refuses a plain bind; with the option, which the old sockets had \
             too, the service is up again.",
            number(orphans)
        ),
    }
}

/// What the story tells, for the case that this kernel did something else.
pub(crate) fn told(step: StepId) -> &'static str {
    match step {
        StepId::FirstProgram => {
            "the server's side, which closed first, is in time-wait, and the client's is gone"
        }
        StepId::RestartRefused => "nobody listens, and bind fails with EADDRINUSE",
        StepId::OptionTooLate => "bind fails with EADDRINUSE, because the old socket lacks the option",
        StepId::OptionRestarts => "the restart listens, and the time-wait is still there",
        StepId::ClientCloses => {
            "the client's side is in time-wait, the server's is not, and a plain restart listens"
        }
        StepId::CrashUnderLoad => {
            "orphans hold the port; a plain restart fails with EADDRINUSE, one with the option listens"
        }
    }
}

pub(crate) fn otherwise(step: StepId) -> String {
    format!("NOT AS TOLD. The story says that {}. This kernel did what stands above.", told(step))
}

/// What was tried, for the closing table.
pub(crate) fn tried(step: StepId) -> &'static str {
    match step {
        StepId::FirstProgram => "server closes first",
        StepId::RestartRefused => "plain restart",
        StepId::OptionTooLate => "restart with option, old without",
        StepId::OptionRestarts => "restart with option, old with",
        StepId::ClientCloses => "client closes first; plain restart",
        StepId::CrashUnderLoad => "kill -9; plain, then with option",
    }
}

pub(crate) fn more_rows(more: usize, state: State) -> String {
    format!("... and {} more in {state}", number(more))
}

pub(crate) fn no_rows() -> &'static str {
    "(no socket with this port)"
}

pub(crate) fn open_clients(count: usize) -> String {
    format!("({} clients connect, read their line, and stay)", number(count))
}

pub(crate) fn press_enter() -> &'static str {
    "-- Enter for the next step --"
}

pub(crate) fn closing_title() -> &'static str {
    "What was seen"
}

pub(crate) const CLOSING_HEADINGS: [&str; 3] = ["tried", "the kernel's answer", "as told"];

pub(crate) fn yes_or_no(as_told: Option<bool>) -> &'static str {
    match as_told {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "not tried",
    }
}

pub(crate) fn label_wire() -> &'static str {
    "two hosts, a wire between"
}

pub(crate) fn reason_title(reason: Reason) -> &'static str {
    match reason {
        Reason::LostLastAck => "Why there is a wait: the last ACK is lost",
        Reason::OldDuplicate => "And why it is long: an old segment comes late",
    }
}

/// What was tried, for the closing table.
pub(crate) fn reason_tried(reason: Reason) -> &'static str {
    match reason {
        Reason::LostLastAck => "last ACK lost, FIN again",
        Reason::OldDuplicate => "old segment, no wait",
    }
}

/// A word of the evidence; a dash if it is not there.
fn at<'a>(evidence: &'a Value, path: &str) -> &'a str {
    evidence.pointer(path).and_then(Value::as_str).unwrap_or("-")
}

/// The answer in a few words, for the closing table.
pub(crate) fn reason_answer(reason: Reason, evidence: &Value) -> String {
    match reason {
        _ if evidence.is_null() => "-".to_owned(),
        Reason::LostLastAck => {
            format!(
                "{} without wait, {} with it",
                at(evidence, "/without_wait/answer"),
                at(evidence, "/with_wait/answer")
            )
        }
        Reason::OldDuplicate => format!("\"{}\"", at(evidence, "/without/read")),
    }
}

/// What it means that it went as told.
pub(crate) fn reason_explanation(reason: Reason, evidence: &Value) -> String {
    match reason {
        Reason::LostLastAck => format!(
            "The last ACK is lost, so the client sends its FIN again. If the server does not wait, nobody remembers the \
             connection: an RST comes back, and the client, every word of which had arrived, is told {}. If it waits, it \
             acknowledges once more.",
            at(evidence, "/without_wait/client_error")
        ),
        Reason::OldDuplicate => format!(
            "In the second connection the client sent \"{}\". The server's program read \"{}\": a segment of the first, which \
             fits by its numbers. (They were made to; by chance it takes longer.) With the wait the second connect(2) was \
             refused with {}; with timestamps on, PAWS refused the old segment, and the server read \"{}\".",
            at(evidence, "/without/sent"),
            at(evidence, "/without/read"),
            at(evidence, "/with/second"),
            at(evidence, "/with_timestamps/read")
        ),
    }
}

pub(crate) fn reason_otherwise(reason: Reason) -> String {
    let told = match reason {
        Reason::LostLastAck => {
            "a FIN that comes again draws an RST where nobody waits, and an ACK where the server waits"
        }
        Reason::OldDuplicate => "the server reads a payment that the client did not send in this connection",
    };
    format!("NOT AS TOLD. The story says that {told}. This kernel did what stands above.")
}

pub(crate) fn reason_not_tried(why: &str) -> String {
    format!("Not tried: it takes two hosts of our own, with a wire between them ({why}).")
}

pub(crate) fn advice_title() -> &'static str {
    "In a server of your own"
}

pub(crate) const ADVICE: [&str; 4] = [
    "Set SO_REUSEADDR on every listening socket, between socket() and bind().",
    "Set it from the first release on: sockets that wait must have it as well.",
    "Where the protocol allows it, let the client close first: then it waits.",
    "A restart that fails all the same? Ask timewait why, followed by the port.",
];
