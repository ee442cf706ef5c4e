//! Outgoing connections until the local ports run out.

use std::{
    thread,
    time::{Duration, Instant},
};

use timewait_linux::settings::{self, SettingError};

use crate::{
    Answer, Lab, Trouble,
    site::{Close, Dial, Listener, PATIENCE, Site},
};

/// The first of the few local ports that connect(2) may choose here. Even, as must be their number: the kernel prefers
/// one parity and leaves the last of an odd number out (linux v6.12 net/ipv4/inet_hashtables.c `__inet_hash_connect`).
pub(super) const FIRST_PORT: u16 = 40_000;

/// Leaves connect(2) so many local ports to choose from.
pub(super) fn leave_ports(lab: &Lab, count: u16) -> Result<(), Trouble> {
    lab.set("net.ipv4.ip_local_port_range", &format!("{FIRST_PORT} {}", FIRST_PORT + count - 1))
}

/// How long after its entry a wait may be reused, which is made `ms` where this kernel lets one (6.14 and later).
pub(super) fn reuse_delay(lab: &Lab, ms: u64) -> Result<Duration, Trouble> {
    const DELAY: &str = "net.ipv4.tcp_tw_reuse_delay";
    /// linux v6.12 net/ipv4/tcp_ipv4.c `tcp_twsk_unique`
    const BUILT_IN: Duration = Duration::from_secs(1);
    match settings::read(DELAY) {
        Ok(_) => lab.set(DELAY, &ms).map(|()| Duration::from_millis(ms)),
        Err(SettingError::Absent(_)) => Ok(BUILT_IN),
        Err(error) => Err(error.into()),
    }
}

/// Connections that were opened one after another, each closed first by its client, so that it waits there.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) made: usize,
    /// What connect(2), or the bind(2) before it, answered in the end, if not all were made.
    pub(super) refused: Option<Answer>,
}

impl Run {
    /// How it ended, in words: `100, then EADDRNOTAVAIL`.
    pub(super) fn words(&self) -> String {
        let end = self.refused.as_ref().map_or_else(String::new, |answer| format!(", then {answer}"));
        format!("{}{end}", self.made)
    }
}

/// Opens and closes connections until one is refused, at most so many; `dial` says how each is made.
pub(super) fn run(
    host: &Site,
    listener: &Listener,
    most: usize,
    mut dial: impl FnMut(usize) -> Dial,
) -> Result<Run, Trouble> {
    let mut run = Run { made: 0, refused: None };
    while run.made < most {
        match host.connect(host.reached_at(listener), dial(run.made)) {
            Ok(client) => drop(closed(host, listener, client)?),
            Err(error) => {
                run.refused = Some(Answer::of::<()>(&Err(error)));
                break;
            }
        }
        run.made += 1;
    }
    host.called(format!("connect {}, up to {most} times", host.reached_at(listener)), &run.words());
    Ok(run)
}

/// Accepts the connection that a client made, and closes it, the client first.
fn closed(host: &Site, listener: &Listener, client: socket2::Socket) -> Result<(), Trouble> {
    let server = listener.accept().map_err(host.failed("accept"))?;
    crate::site::Pair { client, server }.close(Close::CLIENT_FIRST).map_err(host.failed("the conversation"))
}

/// What connect(2) answers while every port that it may choose waits: asked again and again, since a wait may become
/// reusable, until it succeeds or this time is over.
pub(super) fn once_all_wait(
    lab: &Lab,
    host: &Site,
    listener: &Listener,
    limit: Duration,
) -> Result<Answer, Trouble> {
    const PORTS: u16 = 2;
    leave_ports(lab, PORTS)?;
    let filled = run(host, listener, PORTS.into(), |_| Dial::default())?;
    if filled.made != usize::from(PORTS) {
        return Err(Trouble::Otherwise(format!("{PORTS} local ports gave connections: {}", filled.words())));
    }
    let start = Instant::now();
    loop {
        let outcome = host.connect(host.reached_at(listener), Dial::default());
        if outcome.is_ok() || start.elapsed() > limit.min(PATIENCE) {
            let answer = Answer::of(&outcome);
            host.called("connect, while all local ports wait", &answer);
            if let Ok(client) = outcome {
                closed(host, listener, client)?;
            }
            return Ok(answer);
        }
        thread::sleep(Duration::from_millis(1));
    }
}
