//! A ladder as sentences, for those who hear it.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{Arrow, Ladder, Middle, fate_word};
use crate::Side;

pub(super) fn of(ladder: &Ladder) -> String {
    let name = |side: Side| ladder.head(side).name.as_str();
    let heads = [Side::Left, Side::Right].into_iter().filter_map(|side| {
        let state = ladder.head(side).state?;
        Some(format!("At first {} is {state}.", name(side)))
    });
    let mut told: Vec<String> = heads.collect();
    for line in &ladder.lines {
        told.extend(line.time.as_ref().map(|time| format!("{}:", ladder.unit.named(time))));
        told.extend(match &line.middle {
            Middle::Nothing => None,
            Middle::Arrow(sent) => {
                Some(format!("{} to {}: {}.", name(sent.from), name(!sent.from), arrow(sent)))
            }
            Middle::Note { side: Some(side), text } => Some(format!("{}: {text}.", name(*side))),
            Middle::Note { side: None, text } | Middle::Pause(text) | Middle::Connection(text) => {
                Some(format!("{text}."))
            }
        });
        told.extend([Side::Left, Side::Right].into_iter().filter_map(|side| {
            let state = line.side(side).change?;
            Some(format!("{} is now {state}.", name(side)))
        }));
    }
    told.join(" ")
}

/// A segment and what became of it.
pub(super) fn arrow(arrow: &Arrow) -> String {
    let label: String = arrow.label.fit(usize::MAX, "…").into_iter().map(|span| span.text).collect();
    let parts = [label, fate_word(arrow.fate).to_string(), arrow.detail.clone()];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}
