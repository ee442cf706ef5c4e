//! "close() with unread input leaves no TIME-WAIT": found on the way.

use std::io::{Read as _, Write as _};

use serde::Serialize;
use timewait_facts::{Socket, State};

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Flags, PORT, read_to_end, waiting_at, waiting_towards},
};

pub(super) struct UnreadInput;

/// What the server does with its input before it closes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Unread,
    Read,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    /// Bytes that lay in the server's socket before anything was read: the control.
    arrived: u32,
    /// What the client's read answered after the server's close.
    client_reads: Answer,
    /// Rows in TIME-WAIT, on either side.
    waiting: usize,
}

const REQUEST: &[u8; 5] = b"quit\n";

impl Claim for UnreadInput {
    type Setup = Input;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "unread-input",
        says: "close() with unread input leaves no TIME-WAIT; the peer reads ECONNRESET",
        by: Voice::Nobody,
        how: "A client sends 5 bytes; once they have arrived the server closes without reading them; the client reads; rows in TIME-WAIT \
              are counted. Control: the bytes had arrived. Confirmed if there is no row, and the client's read answers ECONNRESET.",
        if_confirmed: "A server that does not read everything closes by an RST, and its last answer may be lost with it: read to the end \
                       first.",
        if_refuted: "What was not read makes no difference to how a connection is closed.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Input = Input::Unread;
    const CONTRARY: Option<Contrary<Input>> =
        Some(Contrary { what: "the server reads its input before", setup: Input::Read });

    fn experiment(lab: &Lab, input: Input) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let listener = host.listen(host.at(PORT), Flags::NONE)?;
        let pair = host.pair(&listener)?;
        drop(listener);
        (&pair.client).write_all(REQUEST).map_err(host.failed("write"))?;
        let unread = |rows: &[Socket]| {
            rows.iter()
                .find(|row| row.local.port() == PORT && row.state == State::Established)
                .map_or(0, |row| row.receive_queue)
        };
        let rows = host.until("the bytes arrive", PORT, |rows| unread(rows) == 5)?;
        host.show("before the server closes", &rows);
        if input == Input::Read {
            (&pair.server).read_exact(&mut [0; REQUEST.len()]).map_err(host.failed("read"))?;
            host.did("the server reads them");
        }
        drop(pair.server);
        host.did("the server closes");
        let client_reads = Answer::of(&read_to_end(&pair.client));
        host.called("read, by the client", &client_reads);
        drop(pair.client);
        host.settled(PORT)?;
        let later = host.look("after both have closed", PORT)?;
        let waiting = waiting_at(&later, PORT) + waiting_towards(&later, PORT);
        Ok(Evidence { arrived: unread(&rows), client_reads, waiting })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let is_so = evidence.waiting == 0 && evidence.client_reads == Answer::errno("ECONNRESET");
        Verdict::given(evidence.arrived > 0, "there was no input", is_so)
    }

    fn decided_by(evidence: &Evidence) -> String {
        format!(
            "{} bytes arrived; {} rows; the client reads {}",
            evidence.arrived, evidence.waiting, evidence.client_reads
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_or_an_ordinary_end_refutes() {
        let judge = |arrived, waiting, answer: &str| {
            let client_reads = if answer == "OK" { Answer::ok() } else { Answer::errno(answer) };
            UnreadInput::judge(&Evidence { arrived, client_reads, waiting })
        };
        assert_eq!(judge(5, 0, "ECONNRESET"), Verdict::Confirmed);
        assert_eq!(judge(5, 1, "OK"), Verdict::Refuted);
        assert_eq!(judge(5, 0, "OK"), Verdict::Refuted);
        assert_eq!(judge(5, 1, "ECONNRESET"), Verdict::Refuted);
        assert!(matches!(judge(0, 0, "ECONNRESET"), Verdict::CouldNotTry(_)));
    }
}
