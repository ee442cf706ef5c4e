//! The article's fourth part: why there is a wait at all. Its two reasons are claims of the lab, tried here as there.

use std::fmt::Write as _;

use anyhow::{Context as _, anyhow};
use serde::Serialize;
use serde_json::{Value, value::to_raw_value};
use timewait_lab::{Family, Finding, Lab, Verdict, claims};
use timewait_tcp::draw::{Drawing, Ladder};

use super::{
    Told,
    render::{INDENT, WIDTH, heading},
};
use crate::{
    print::{Paint, Tone, page, print_drawing, wrap},
    words::demo as words,
};

/// A reason for the wait. It needs two hosts and a wire between them, so it is not tried on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A last ACK that is lost.
    LostLastAck,
    /// A segment of an old connection that comes late.
    OldDuplicate,
}

impl Reason {
    pub(crate) const ALL: [Self; 2] = [Self::LostLastAck, Self::OldDuplicate];

    /// The claim's name, which is the step's and the act's as well.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LostLastAck => "lost-last-ack",
            Self::OldDuplicate => "old-duplicate",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Tries it in the host that this process is in. `number`: the step's place in the story.
    pub(super) fn play(self, number: usize, paint: Paint) -> anyhow::Result<Told> {
        let claim = claims::find(self.name()).context("the lab has no such claim")?;
        let lab = Lab::here(Family::Ipv4).map_err(|trouble| anyhow!("{trouble}"))?;
        let finding = claim.perform(&lab, false);
        let screen = self.screen(number, &finding, paint)?;
        self.told(&finding.verdict, screen, &finding.evidence)
    }

    /// What is told where there is no host of our own.
    pub(super) fn not_tried(self, number: usize, refusal: &str, paint: Paint) -> anyhow::Result<Told> {
        let verdict = Verdict::CouldNotTry(refusal.to_owned());
        let screen = self.heading(number, paint) + "\n" + &paragraph(&words::reason_not_tried(refusal));
        self.told(&verdict, screen, &Value::Null)
    }

    fn told(self, verdict: &Verdict, screen: String, evidence: &Value) -> anyhow::Result<Told> {
        #[derive(Serialize)]
        struct Object<'a> {
            id: &'static str,
            as_told: Option<bool>,
            answer: &'a str,
            /// Why it could not be tried.
            reason: Option<&'a str>,
            evidence: &'a Value,
        }
        let (as_told, reason) = match verdict {
            Verdict::Confirmed => (Some(true), None),
            Verdict::Refuted => (Some(false), None),
            Verdict::CouldNotTry(reason) => (None, Some(reason.as_str())),
        };
        let answer = words::reason_answer(self, evidence);
        let id = self.name();
        let json = to_raw_value(&Object { id, as_told, answer: &answer, reason, evidence })?;
        let tried = words::reason_tried(self).to_owned();
        Ok(Told { id: id.to_owned(), as_told, tried, answer, screen, json })
    }

    fn heading(self, number: usize, paint: Paint) -> String {
        heading(number, words::reason_title(self), words::label_wire(), paint)
    }

    fn screen(self, number: usize, finding: &Finding, paint: Paint) -> anyhow::Result<String> {
        let mut text = self.heading(number, paint) + "\n";
        for drawing in finding.drawings.iter().take(self.ladders()) {
            text.push_str(&drawn(&Ladder::of(&drawing.trace).text(page(INDENT.len())), paint)?);
            text.push('\n');
        }
        let (tone, meaning) = match &finding.verdict {
            Verdict::Confirmed => (None, words::reason_explanation(self, &finding.evidence)),
            Verdict::Refuted => (Some(Tone::Bad), words::reason_otherwise(self)),
            Verdict::CouldNotTry(why) => (Some(Tone::Bad), words::reason_not_tried(why)),
        };
        for line in wrap(&meaning, WIDTH - INDENT.len()) {
            let line = tone.map_or_else(|| line.clone(), |tone| paint.tone(tone, &line));
            writeln!(text, "{INDENT}{line}")?;
        }
        text.push('\n');
        Ok(text)
    }

    /// How many of the claim's ladders tell the story: both closes; of the replays, the one without the wait.
    const fn ladders(self) -> usize {
        match self {
            Self::LostLastAck => 2,
            Self::OldDuplicate => 1,
        }
    }
}

fn drawn(drawing: &Drawing, paint: Paint) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    print_drawing(&mut bytes, paint, drawing, INDENT)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn paragraph(text: &str) -> String {
    wrap(text, WIDTH - INDENT.len())
        .iter()
        .map(|line| format!("{INDENT}{line}\n"))
        .chain(["\n".to_owned()])
        .collect()
}
