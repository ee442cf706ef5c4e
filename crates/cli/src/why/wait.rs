//! `why --wait`: sleeps until the predicted moment, looks again, and is done when the bind would succeed.
//!
//! bind(2) is not polled: when the last of those that wait should have gone, the table is read again and the rules are
//! asked; only once they let it pass is the answer made whole, as the first was.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use timewait_diagnose::Until;

use super::{Effort, Look, NOT, ask, print};
use crate::{
    args::{Question, Why},
    print::Paint,
    words::why as words,
};

/// The kernel's timers for waiting sockets fire up to a second or two late; after the predicted moment it is looked
/// again as often as this.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

pub(super) fn run(args: &Why, question: Question, look: Look<'_>, paint: Paint) -> anyhow::Result<ExitCode> {
    let (start, mut effort) = (Instant::now(), Effort::All);
    loop {
        let answered = ask(args, question, look, effort)?;
        let Some(first) = answered.first() else { return Ok(ExitCode::from(NOT)) };
        if first.succeeds() && effort == Effort::Rules {
            effort = Effort::All;
            continue;
        }
        if first.succeeds() {
            print(args, &answered, paint)?;
            return Ok(ExitCode::SUCCESS);
        }
        let Some(Until::Expires(left)) = first.finding.as_ref().map(|finding| finding.until) else {
            print(args, &answered, paint)?;
            writeln!(io::stderr(), "timewait: {}", words::cannot_wait())?;
            return Ok(ExitCode::from(NOT));
        };
        if start.elapsed() + left > args.timeout {
            print(args, &answered, paint)?;
            writeln!(io::stderr(), "timewait: {}", words::waited_in_vain(args.timeout))?;
            return Ok(ExitCode::from(NOT));
        }
        sleep_and_tell(left.max(LOOK_AGAIN))?;
        effort = Effort::Rules;
    }
}

/// Sleeps; on a terminal it tells every second how long still.
fn sleep_and_tell(time: Duration) -> io::Result<()> {
    let end = Instant::now() + time;
    let tell = io::stderr().is_terminal();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return if tell { write!(io::stderr(), "\r\x1b[K") } else { Ok(()) };
        }
        if tell {
            write!(io::stderr(), "\r\x1b[K{}", words::waiting(left))?;
        }
        thread::sleep(left.min(Duration::from_secs(1)));
    }
}
