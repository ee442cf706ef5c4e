//! "A TIME-WAIT has no owner": no table tells whose it was.

use serde::Serialize;
use timewait_facts::Socket;

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT},
};

pub(super) struct Ownerless;

/// When the row is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    InTimeWait,
    WhileOpen,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    /// The row of the server's connection while it is open: the control.
    open: Seen,
    /// What SO_COOKIE says of it then.
    so_cookie: u64,
    /// Its row after both have closed.
    later: Seen,
}

/// What a row tells of who made the socket.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Seen {
    state: &'static str,
    inode: Option<u32>,
    uid: Option<u32>,
    cookie: u64,
}

impl Seen {
    fn of(row: &Socket) -> Self {
        Self { state: row.state.name(), inode: row.inode.map(u32::from), uid: row.uid, cookie: row.cookie.0 }
    }
}

impl Claim for Ownerless {
    type Setup = Moment;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "ownerless",
        says: "a TIME-WAIT has no owner",
        by: Voice::People("ss users"),
        how: "The server's row of one connection, while it is open and in TIME-WAIT: the inode, by which /proc leads to a process, and the \
              user. Control: while open it has both, and SO_COOKIE is the row's cookie. Confirmed if in TIME-WAIT both are missing.",
        if_confirmed: "Nobody can tell afterwards which process it was; who notes a socket's cookie while it is open can, since the cookie \
                       stays.",
        if_refuted: "The row leads to a process: ask it.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Moment = Moment::InTimeWait;
    const CONTRARY: Option<Contrary<Moment>> =
        Some(Contrary { what: "the row is read while the connection is open", setup: Moment::WhileOpen });

    fn experiment(lab: &Lab, moment: Moment) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let listener = host.listen(host.at(PORT), Flags::NONE)?;
        let pair = host.pair(&listener)?;
        let client = pair.client_address().map_err(host.failed("getsockname"))?;
        let so_cookie = pair.server.cookie().map_err(host.failed("SO_COOKIE"))?;
        let row = || {
            let found = host.find(host.at(PORT), client)?;
            found.ok_or_else(|| Trouble::Otherwise("the connection has no row".to_owned()))
        };
        let open = Seen::of(&row()?);
        host.look("while it is open", PORT)?;
        host.called("getsockopt SO_COOKIE", &format!("{so_cookie:x}"));
        if moment == Moment::InTimeWait {
            pair.close(Close::SERVER_FIRST).map_err(host.failed("the conversation"))?;
            host.settled(PORT)?;
        }
        let later = Seen::of(&row()?);
        host.look("when it is read again", PORT)?;
        host.did(format!("its cookie: {:x}, then {:x}", open.cookie, later.cookie));
        Ok(Evidence { open, so_cookie, later })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let Evidence { open, so_cookie, later } = evidence;
        let known = open.inode.is_some() && open.uid.is_some();
        let control = known && open.cookie == *so_cookie && later.cookie == open.cookie;
        let is_so = later.inode.is_none() && later.uid.is_none();
        Verdict::given(control, "an open connection has no owner either, or this is another socket", is_so)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Seen { state, inode, uid, cookie } = evidence.later;
        let told = |value: Option<u32>| value.map_or("none".to_owned(), |value| value.to_string());
        format!("{state}: inode {}, uid {}, cookie {cookie:x}", told(inode), told(uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Seen = Seen { state: "established", inode: Some(4711), uid: Some(0), cookie: 7 };
    const WAITS: Seen = Seen { state: "time-wait", inode: None, uid: None, cookie: 7 };

    #[test]
    fn a_row_that_still_leads_to_somebody_refutes() {
        let judge = |later| Ownerless::judge(&Evidence { open: OPEN, so_cookie: 7, later });
        assert_eq!(judge(WAITS), Verdict::Confirmed);
        for contrary in [OPEN, Seen { inode: Some(4711), ..WAITS }, Seen { uid: Some(1000), ..WAITS }] {
            assert_eq!(judge(contrary), Verdict::Refuted);
        }
    }

    #[test]
    fn another_socket_or_an_open_one_without_an_owner_decides_nothing() {
        let judge = |open, later| Ownerless::judge(&Evidence { open, so_cookie: 7, later });
        assert!(matches!(judge(OPEN, Seen { cookie: 8, ..WAITS }), Verdict::CouldNotTry(_)));
        assert!(matches!(judge(Seen { inode: None, ..OPEN }, WAITS), Verdict::CouldNotTry(_)));
        assert!(matches!(judge(Seen { cookie: 8, ..OPEN }, WAITS), Verdict::CouldNotTry(_)));
    }
}
