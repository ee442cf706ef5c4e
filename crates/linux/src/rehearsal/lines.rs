//! Trials and answers as lines of text.
//!
//! A trial: its holders and its request, separated by `;`, each of five words: what it is, address, flags, device, user.
//! An answer: `rehearsed`, then what came of it.

use std::str::SplitWhitespace;

use super::{Answer, Endpoint, Flags, Holder, NotRebuilt, Role, Trial};
use crate::Errno;

const REQUEST: &str = "try";
const ANSWER: &str = "rehearsed ";
const NOTHING: &str = "-";

pub(super) fn write_trial(trial: &Trial) -> String {
    let holders: String =
        trial.holders.iter().map(|holder| endpoint(holder.role.name(), &holder.at) + ";").collect();
    holders + &endpoint(REQUEST, &trial.request) + "\n"
}

fn endpoint(what: &str, at: &Endpoint) -> String {
    let flags = [(at.flags.reuseaddr, 'a'), (at.flags.reuseport, 'p'), (at.flags.v6only, '6')];
    let flags: String = flags.iter().filter(|(set, _)| *set).map(|&(_, letter)| letter).collect();
    let or_nothing = |word: String| if word.is_empty() { NOTHING.to_owned() } else { word };
    let device = at.device.clone().unwrap_or_default();
    let uid = at.uid.map(|uid| uid.to_string()).unwrap_or_default();
    format!("{what} {} {} {} {}", at.address, or_nothing(flags), or_nothing(device), or_nothing(uid))
}

/// The trial of a line; `None` for a line that is none.
pub(super) fn read_trial(line: &str) -> Option<Trial> {
    let mut holders = Vec::new();
    for part in line.split(';') {
        let mut words = part.split_whitespace();
        let what = words.next()?;
        let at = read_endpoint(&mut words)?;
        if what == REQUEST {
            return Some(Trial { holders, request: at });
        }
        let role = Role::ALL.into_iter().find(|role| role.name() == what)?;
        holders.push(Holder { role, at });
    }
    None
}

fn read_endpoint(words: &mut SplitWhitespace<'_>) -> Option<Endpoint> {
    let address = words.next()?.parse().ok()?;
    let flags = words.next()?;
    let flags =
        Flags { reuseaddr: flags.contains('a'), reuseport: flags.contains('p'), v6only: flags.contains('6') };
    let device = words.next().filter(|word| *word != NOTHING).map(str::to_owned);
    let uid = words.next().filter(|word| *word != NOTHING).and_then(|word| word.parse().ok());
    Some(Endpoint { address, flags, device, uid })
}

pub(super) fn write_answer(answer: Answer) -> String {
    let said = match answer {
        Answer::BindRefused(errno) => format!("bind {}", errno.number()),
        Answer::ListenRefused(errno) => format!("listen {}", errno.number()),
        Answer::Listens => "listens".to_owned(),
        Answer::NotRebuilt(NotRebuilt::Users) => "users".to_owned(),
        Answer::NotRebuilt(NotRebuilt::Devices) => "devices".to_owned(),
        Answer::NotRebuilt(NotRebuilt::Refused { holder, errno }) => {
            format!("refused {} {holder}", errno.number())
        }
        Answer::NotRebuilt(NotRebuilt::NotReached { holder }) => format!("not-reached {holder}"),
    };
    format!("{ANSWER}{said}\n")
}

/// The answers among what a child wrote.
pub(super) fn read_answers(said: &str) -> Vec<Answer> {
    said.lines().filter_map(|line| read_answer(line.strip_prefix(ANSWER)?)).collect()
}

fn read_answer(said: &str) -> Option<Answer> {
    let mut words = said.split_whitespace();
    let what = words.next()?;
    let mut number = || words.next().and_then(|word| word.parse::<u16>().ok());
    Some(match what {
        "bind" => Answer::BindRefused(Errno::from_raw(number()?.into())),
        "listen" => Answer::ListenRefused(Errno::from_raw(number()?.into())),
        "listens" => Answer::Listens,
        "users" => Answer::NotRebuilt(NotRebuilt::Users),
        "devices" => Answer::NotRebuilt(NotRebuilt::Devices),
        "refused" => {
            let errno = Errno::from_raw(number()?.into());
            Answer::NotRebuilt(NotRebuilt::Refused { holder: number()?.into(), errno })
        }
        "not-reached" => Answer::NotRebuilt(NotRebuilt::NotReached { holder: number()?.into() }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_crosses_unchanged() {
        let here = Endpoint {
            device: Some("eth0".into()),
            uid: Some(33),
            ..Endpoint::new("::".parse().unwrap(), Flags::BOTH)
        };
        let there = Endpoint::new("::ffff:127.0.0.1".parse().unwrap(), Flags { v6only: true, ..Flags::NONE });
        let holders = Role::ALL.map(|role| Holder { role, at: there.clone() }).to_vec();
        let trial = Trial { holders, request: here };
        assert_eq!(read_trial(write_trial(&trial).trim_end()), Some(trial));
    }

    #[test]
    fn every_answer_crosses_unchanged_among_other_lines() {
        let errno = Errno::ADDRESS_IN_USE;
        let answers = [
            Answer::BindRefused(errno),
            Answer::ListenRefused(errno),
            Answer::Listens,
            Answer::NotRebuilt(NotRebuilt::Users),
            Answer::NotRebuilt(NotRebuilt::Devices),
            Answer::NotRebuilt(NotRebuilt::Refused { holder: 2, errno }),
            Answer::NotRebuilt(NotRebuilt::NotReached { holder: 1 }),
        ];
        let said = answers.map(|answer| "noise\n".to_owned() + &write_answer(answer)).concat();
        assert_eq!(read_answers(&said), answers);
    }

    #[test]
    fn a_line_that_is_no_trial_is_none() {
        for line in
            ["", "try", "listener 0.0.0.0 - - -", "ghost 0.0.0.0 - - -;try :: - - -", "try nowhere - - -"]
        {
            assert_eq!(read_trial(line), None, "{line}");
        }
    }
}
