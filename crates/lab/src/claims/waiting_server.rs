//! What the claims about segments that meet a TIME-WAIT begin with: a server that waits, seen over a wire.

use std::time::{Duration, Instant};

use serde::Serialize;
use timewait_facts::{Socket, State};
use timewait_tcp::{
    Segment,
    Side::{Left, Right},
};

use crate::{
    Lab, Trouble,
    site::{Close, Dial, Flags, Listener, PATIENCE, PORT},
    wire::{Flow, Packet, from},
    wired::Wired,
};

/// A server in TIME-WAIT, and the client's kernel, which has forgotten the connection.
pub(super) struct WaitingServer {
    pub(super) wired: Wired,
    /// The server listens on.
    pub(super) listener: Listener,
    /// The client's FIN.
    pub(super) fin: Packet,
    /// The client's answer to the SYN,ACK, the last segment before any FIN.
    pub(super) ack: Packet,
    began: Instant,
}

impl WaitingServer {
    /// Made as `dial` says; the server closes first.
    pub(super) fn new(
        lab: &Lab,
        prepare: impl FnOnce(&Wired) -> Result<Dial, Trouble>,
    ) -> Result<Self, Trouble> {
        let wired = lab.wired()?;
        let dial = prepare(&wired)?;
        let listener = wired.server.listen(wired.server.any(PORT), Flags::REUSEADDR)?;
        let pair = wired.client.pair_with(&wired.server, &listener, dial)?;
        pair.close(Close::SERVER_FIRST).map_err(wired.server.failed("the conversation"))?;
        let fin = wired.wire.await_packet("the client's FIN", from(Left).fin())?;
        let ack = wired.wire.await_packet("the client's ACK", from(Left).bare_ack())?;
        wired.server.settled(PORT)?;
        wired.client.settled(PORT)?;
        let it = Self { wired, listener, fin, ack, began: Instant::now() };
        it.left()?.ok_or_else(|| Trouble::Otherwise("the server does not wait".to_owned()))?;
        it.wired.wire.mark()?;
        Ok(it)
    }

    /// As usual, but the wire drops what RSTs the client's kernel sends, which knows the connection no more: a server's
    /// answer to an old segment draws one, and it would end the wait (that is the claim `assassination`).
    pub(super) fn spared(lab: &Lab) -> Result<Self, Trouble> {
        Self::new(lab, |wired| {
            wired.wire.rule(from(Left).rst().drop("an RST of the client's"))?;
            Ok(Dial::default())
        })
    }

    /// The connection's four numbers.
    pub(super) fn flow(&self) -> Flow {
        self.fin.flow
    }

    /// What the server's wait has left; `None`: it waits no more.
    pub(super) fn left(&self) -> Result<Option<Duration>, Trouble> {
        let Flow { left: client, right: server } = self.flow();
        let row = self.wired.server.find(server, client)?;
        Ok(row.filter(|row| row.state == State::TimeWait).as_ref().and_then(Socket::expires_in))
    }

    /// When the server's wait ends, on a clock of the experiment's own: what is left, added to the moment at which that was
    /// read. It is read again if the reading took so long that the moment is not known.
    ///
    /// # Errors
    /// It waits no more, or is never read fast enough.
    pub(super) fn end(&self) -> Result<Duration, Trouble> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let before = self.began.elapsed();
            let left =
                self.left()?.ok_or_else(|| Trouble::Otherwise("the server waits no more".to_owned()))?;
            if self.began.elapsed().saturating_sub(before) < SHARP {
                return Ok(before + left);
            }
        }
        Err(self.wired.server.in_vain("what is left of the wait is read in a moment"))
    }

    /// Lets enough of the wait pass to tell a clock that was started again from one that was not.
    /// Tells how much has passed, and when the wait ends.
    pub(super) fn let_time_pass(&self) -> Result<(Duration, Duration), Trouble> {
        let left = self.until_less_is_left_than(WORN)?;
        Ok((WHOLE.saturating_sub(left), self.end()?))
    }

    /// Lets the clocks of the timestamps go on, whose unit is a millisecond.
    pub(super) fn let_timestamps_advance(&self) -> Result<Duration, Trouble> {
        self.until_less_is_left_than(TICKED)
    }

    fn until_less_is_left_than(&self, most: Duration) -> Result<Duration, Trouble> {
        let below = |row: &Socket| row.state == State::TimeWait && row.expires_in() < Some(most);
        self.wired.server.until("a part of the wait has passed", PORT, |rows| rows.iter().any(below))?;
        self.wired.note(None, "a part of the wait has passed")?;
        Ok(self.left()?.unwrap_or_default())
    }

    /// Waits until all that was sent to the server has been processed there: a new connection to it is answered behind it.
    pub(super) fn settle(&self) -> Result<(), Trouble> {
        let Wired { client, server, .. } = &self.wired;
        drop(client.pair_with(server, &self.listener, Dial::default())?);
        Ok(())
    }

    /// Makes up a segment in the client's name, and waits until the server has answered it.
    pub(super) fn receive(&self, segment: &Segment, note: &str) -> Result<Packet, Trouble> {
        self.wired.wire.mark()?;
        self.wired.wire.inject(Left, self.flow(), segment, note)?;
        Ok(self.wired.wire.await_packet("the server's answer", from(Right))?)
    }
}

/// A moment, as far as the end of a wait is concerned.
const SHARP: Duration = Duration::from_millis(50);
/// Less than this is left once a part has passed.
const WORN: Duration = Duration::from_millis(59_300);
/// The whole of it (linux v6.12 include/net/tcp.h `TCP_TIMEWAIT_LEN`).
const WHOLE: Duration = Duration::from_secs(60);
/// Less than this is left when the clock of the timestamps has ticked for certain.
const TICKED: Duration = Duration::from_millis(59_950);

/// What a segment that comes late did to the wait's end.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Clock {
    /// How much of the wait had passed.
    pub(super) passed_ms: u64,
    /// How much later it ends than it would have.
    pub(super) moved_ms: u64,
}

impl Clock {
    /// What has become of an end that was known, `passed` of the wait having passed then.
    pub(super) fn of(it: &WaitingServer, passed: Duration, end: Duration) -> Result<Self, Trouble> {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Ok(Self { passed_ms: ms(passed), moved_ms: ms(it.end()?.saturating_sub(end)) })
    }

    /// So much has passed that a clock that was started again can be told from one that was not.
    pub(super) fn is_worn(self) -> bool {
        self.passed_ms >= 600
    }

    /// It was started again: then the end moves by what had passed, else not at all. Reading it is not that far off.
    pub(super) fn was_started_again(self) -> bool {
        self.moved_ms > self.passed_ms / 2
    }
}
