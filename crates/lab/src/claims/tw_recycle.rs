//! "Turn on `tcp_tw_recycle`": advice that has outlived what it is about.

use serde::Serialize;
use timewait_linux::settings::{self, SettingError};

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
};

pub(super) struct TwRecycle;

#[derive(Serialize)]
pub(super) struct Evidence {
    setting: &'static str,
    /// Turning it on: `None` if this kernel has no such setting.
    turned_on: Option<Answer>,
    /// The control: a setting beside it, read in the same way.
    beside_it: bool,
}

impl Claim for TwRecycle {
    /// The setting that is asked for.
    type Setup = &'static str;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "tw-recycle",
        says: "tcp_tw_recycle can be turned on",
        by: Voice::Folklore,
        how: "Look for the setting; write 1 to it if it is there. Control: a setting beside it is found in the same way. Confirmed if it \
              is there and takes the 1.",
        if_confirmed: "This kernel is older than 4.12. Leave it off: it refuses clients that share one address behind a NAT.",
        if_refuted: "The setting is gone since Linux 4.12; whoever recommends it has not tried it for years.",
        pace: Pace::Fast,
        families: Family::V4,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: &'static str = "net.ipv4.tcp_tw_recycle";
    const CONTRARY: Option<Contrary<&'static str>> =
        Some(Contrary { what: "tcp_tw_reuse is asked for in its place", setup: "net.ipv4.tcp_tw_reuse" });

    fn experiment(lab: &Lab, setting: &'static str) -> Result<Evidence, Trouble> {
        let turned_on = match settings::read(setting) {
            Ok(_) => Some(lab.set(setting, &1).map(|()| Answer::ok())?),
            Err(SettingError::Absent(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let outcome = turned_on.as_ref().map_or("it is not there", |_| "it is there, and is 1 now");
        lab.did(format!("{setting}: {outcome}"));
        Ok(Evidence { setting, turned_on, beside_it: settings::read("net.ipv4.tcp_fin_timeout").is_ok() })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let is_so = evidence.turned_on.as_ref().is_some_and(Answer::is_ok);
        Verdict::given(evidence.beside_it, "no setting of TCP's can be found here", is_so)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let state = if evidence.turned_on.is_some() { "is there" } else { "is not there" };
        format!("{} {state}", evidence.setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_is_there_and_taken_confirms_and_one_that_is_not_refutes() {
        let judge = |turned_on, beside_it| {
            TwRecycle::judge(&Evidence { setting: TwRecycle::AS_SAID, turned_on, beside_it })
        };
        assert_eq!(judge(Some(Answer::ok()), true), Verdict::Confirmed);
        assert_eq!(judge(Some(Answer::errno("EINVAL")), true), Verdict::Refuted);
        assert_eq!(judge(None, true), Verdict::Refuted);
        assert!(matches!(judge(None, false), Verdict::CouldNotTry(_)), "/proc/sys may be hidden");
    }
}
