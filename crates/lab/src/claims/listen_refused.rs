//! "bind can succeed and listen still fail".

use serde::Serialize;

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Flags, PORT},
};

pub(super) struct ListenRefused;

/// Two sockets on one address and port, with SO_REUSEADDR.
#[derive(Serialize)]
pub(super) struct Evidence {
    binds: [Answer; 2],
    listens: [Answer; 2],
}

/// How far the first socket goes while the second tries.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Setup {
    BothListen,
    FirstIsClosed,
}

impl Claim for ListenRefused {
    type Setup = Setup;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "listen-refused",
        says: "bind(2) can succeed and listen(2) still fail",
        by: Voice::Nobody,
        how: "Two sockets with SO_REUSEADDR are bound to one address and port; then both listen. Control: both binds pass, and the first \
              listen. Confirmed if the second listen is refused.",
        if_confirmed: "A bind that passes promises nothing: SO_REUSEADDR shares a port only while nobody listens. Two instances that start \
                       at the same moment meet this.",
        if_refuted: "Whoever may bind may listen.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Setup = Setup::BothListen;
    const CONTRARY: Option<Contrary<Setup>> =
        Some(Contrary { what: "the first is closed before the second listens", setup: Setup::FirstIsClosed });

    fn experiment(lab: &Lab, setup: Setup) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let bind = || {
            let socket = host.bound(host.at(PORT), Flags::REUSEADDR);
            let answer = Answer::of(&socket);
            host.called(format!("bind {} with SO_REUSEADDR", host.at(PORT)), &answer);
            (socket.ok(), answer)
        };
        let listen = |socket: Option<&socket2::Socket>, which: &str| {
            let answer =
                socket.map_or_else(|| Answer::errno("EBADF"), |socket| Answer::of(&socket.listen(1)));
            host.called(format!("listen on the {which}"), &answer);
            answer
        };
        let (first, first_bind) = bind();
        let (second, second_bind) = bind();
        let first_listen = listen(first.as_ref(), "first");
        if setup == Setup::FirstIsClosed {
            drop(first);
            lab.did("the first is closed");
        }
        let second_listen = listen(second.as_ref(), "second");
        Ok(Evidence { binds: [first_bind, second_bind], listens: [first_listen, second_listen] })
    }

    fn judge(Evidence { binds, listens: [first, second] }: &Evidence) -> Verdict {
        let control = binds.iter().all(Answer::is_ok) && first.is_ok();
        Verdict::given(control, "it did not come to a second listen", second.is_in_use())
    }

    fn decided_by(Evidence { binds: [_, bind], listens: [_, listen] }: &Evidence) -> String {
        format!("the second socket: bind {bind}, listen {listen}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_listen_decides_if_both_binds_passed() {
        let answer = |ok| if ok { Answer::ok() } else { Answer::errno("EADDRINUSE") };
        let judge = |bind, listen| {
            let evidence =
                Evidence { binds: [Answer::ok(), answer(bind)], listens: [Answer::ok(), answer(listen)] };
            ListenRefused::judge(&evidence)
        };
        assert_eq!(judge(true, false), Verdict::Confirmed);
        assert_eq!(judge(true, true), Verdict::Refuted);
        assert!(matches!(judge(false, false), Verdict::CouldNotTry(_)));
    }
}
