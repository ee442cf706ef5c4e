//! The answer for programs, as the contract has it.

use std::io::Write;

use serde::{Serialize, Serializer};
use timewait_diagnose::{Until, bind::Verdict, words as findings};

use super::{
    answers::{Answered, FlagSet, Outcome},
    rehearse,
    text::longest_first,
};
use crate::{
    port_facts::{Held, ROWS_KEPT},
    print::json,
    words::why as words,
};

#[derive(Serialize)]
struct Why<'a> {
    v: u8,
    addr: String,
    port: u16,
    netns: Option<&'a str>,
    verdict: &'static str,
    judged: String,
    free_in_ms: Option<u64>,
    code: Option<&'static str>,
    not_checked: Option<&'a str>,
    unread: &'a [String],
    rivals: usize,
    holders: Vec<Holder>,
    answers: Vec<Answer>,
    remedies: Vec<Remedy>,
    /// The answer for every address of both families, where no address was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    dual_stack: Option<Box<Why<'a>>>,
}

#[derive(Serialize)]
struct Holder {
    role: &'static str,
    count: usize,
    last_expires_in_ms: Option<u128>,
    rows: Rows,
}

#[derive(Serialize)]
struct Answer {
    flags: Vec<&'static str>,
    bind: Call,
    listen: Call,
    depends_on: Option<&'static str>,
}

#[derive(Serialize)]
struct Call {
    predicted: Option<&'static str>,
    checked: Option<&'static str>,
    tried: Option<&'static str>,
}

#[derive(Serialize)]
struct Remedy {
    code: &'static str,
    text: String,
    /// It was seen to help in a rehearsal; null where that depends on what no table shows, or could not be seen.
    checked: Option<bool>,
}

/// Writes one object; of two addresses the second stands within the first.
pub(super) fn write(out: &mut impl Write, answered: &[Answered], netns: Option<&str>) -> anyhow::Result<()> {
    let Some((first, others)) = answered.split_first() else { return Ok(()) };
    let dual_stack = others.first().map(|other| Box::new(object(other, netns)));
    json::write_line(out, &Why { dual_stack, ..object(first, netns) })?;
    Ok(())
}

fn object<'a>(answered: &'a Answered, netns: Option<&'a str>) -> Why<'a> {
    let finding = answered.finding.as_ref();
    Why {
        v: json::VERSION,
        addr: answered.request.address.ip().to_string(),
        port: answered.request.address.port(),
        netns,
        verdict: match answered.outcome() {
            Outcome::Succeeds => "OK",
            Outcome::Fails(_, answer) => words::errno(answer),
            Outcome::Depends => "depends",
        },
        judged: answered.flags.to_string(),
        free_in_ms: finding.and_then(|finding| match finding.until {
            Until::Expires(left) => u64::try_from(left.as_millis()).ok(),
            Until::Released | Until::ConnectionsEnd | Until::Changed | Until::Unknown => None,
        }),
        code: finding.map(|finding| finding.code.name()),
        not_checked: answered.not_rehearsed.as_deref(),
        unread: &answered.unread,
        rivals: answered.rivals(),
        holders: holders(answered),
        answers: answered.answers.iter().map(answer).collect(),
        remedies: finding.map_or_else(Vec::new, |finding| {
            let remedy = |(place, remedy)| Remedy {
                code: findings::remedy_code(remedy),
                text: findings::remedy(remedy),
                checked: answered.remedies_checked.get(place).copied().flatten(),
            };
            finding.remedies.iter().enumerate().map(remedy).collect()
        }),
        dual_stack: None,
    }
}

fn holders(answered: &Answered) -> Vec<Holder> {
    let Some(finding) = &answered.finding else { return Vec::new() };
    let holder = |holder: &timewait_diagnose::Holder| Holder {
        role: holder.role.name(),
        count: holder.count,
        last_expires_in_ms: holder.last_expires_in.map(|left| left.as_millis()),
        rows: Rows(answered.rows_of(holder.role)),
    };
    finding.holders.iter().map(holder).collect()
}

/// Rows of the socket table, those that wait longest first.
struct Rows(Vec<Held>);

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = longest_first(&self.0).into_iter().take(ROWS_KEPT);
        serializer.collect_seq(rows.map(|(socket, owner)| json::Row(socket, owner.as_ref())))
    }
}

fn answer(set: &FlagSet) -> Answer {
    let checked = set.checked.as_ref();
    let depends_on = match &set.predicted.bind {
        Verdict::Depends { on, .. } => Some(words::depends_on_name(*on)),
        Verdict::Succeeds | Verdict::Fails(_) => None,
    };
    Answer {
        flags: set.flags.names(),
        bind: Call {
            predicted: rehearse::verdict_word(&set.predicted.bind),
            checked: checked.and_then(|checked| rehearse::word(checked.bind)),
            tried: set.tried.map(|outcome| outcome.map_or_else(words::errno, |()| "OK")),
        },
        listen: Call {
            predicted: set.predicted.listen.as_ref().and_then(rehearse::verdict_word),
            checked: checked.and_then(|checked| rehearse::word(checked.listen)),
            tried: None,
        },
        depends_on,
    }
}
