//! What the claims about segments that meet a TIME-WAIT begin with: a server that waits, seen over a wire.

use std::time::Duration;

use timewait_facts::{Socket, State};
use timewait_tcp::{
    Segment,
    Side::{Left, Right},
};

use crate::{
    Lab, Trouble,
    site::{Close, Dial, Flags, Listener, PORT},
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
        let it = Self { wired, listener, fin, ack };
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

    /// Lets enough of the wait pass to tell a clock that was started again from one that was not.
    pub(super) fn let_time_pass(&self) -> Result<Duration, Trouble> {
        self.until_less_is_left_than(WORN)
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

/// Less than this is left once a part has passed.
const WORN: Duration = Duration::from_millis(59_300);
/// Less than this is left when the clock of the timestamps has ticked for certain.
const TICKED: Duration = Duration::from_millis(59_950);
/// More than this is left after a fresh start. Between the two lies more than reading can take.
pub(super) const FRESH: Duration = Duration::from_millis(59_600);
