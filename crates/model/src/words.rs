//! The sentences that people read.

use crate::search::Question;

/// Above a counterexample.
pub(crate) fn title(wait: u8, question: Question) -> String {
    let what = match question {
        Question::EndsReliably => "an orderly close ends by an RST",
        Question::NothingOldAccepted => "an old segment is accepted",
        Question::NotEvenAnRst => "an old RST is accepted",
        Question::TextIsKept => "text is lost, repeated or changed",
        Question::BothEnd => "somebody waits for ever",
    };
    format!("wait {wait}: {what}")
}

/// Below the segment that should not have been.
///
/// `fits`: as the numbers are; else as they might have been.
pub(crate) const fn accepted(from_nobody: bool, fits: bool) -> &'static str {
    match (from_nobody, fits) {
        (false, true) => "old: it fits these numbers, and is accepted",
        (true, true) => "old, from a closed end: it fits these numbers",
        (false, false) => "old: it fits and is accepted if the new numbers begin a little lower or higher",
        (true, false) => "old, from a closed end: it fits if the new numbers begin a little lower or higher",
    }
}

/// What the user gets of it.
pub(crate) fn reads(text: &[u8]) -> String {
    format!("reads \"{}\"", text.escape_ascii())
}
