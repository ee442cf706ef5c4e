use std::{
    io::{self, Write},
    net::SocketAddr,
};

use timewait_diagnose::{Finding, Until, words};
use timewait_linux::Errno;

use super::{Paint, Tone, time_of_day_in};

/// The line in which this program says that it failed.
pub(crate) fn problem(paint: Paint, message: &str) -> String {
    format!("{} {message}", paint.tone(Tone::Bad, "timewait:"))
}

/// What a failing call returned, as the article prints it; then what the facts say about it.
///
/// # Errors
/// The writer's.
pub(crate) fn print_failed_call(
    out: &mut impl Write,
    paint: Paint,
    (call, address, errno): (&str, SocketAddr, Errno),
    finding: &Finding,
) -> io::Result<()> {
    writeln!(out, "{call} returned -1, {errno}")?;
    let held = words::headline(finding).map(|held| format!(": {held}")).unwrap_or_default();
    let headline = format!("cannot {call} {address}{held} ({})", errno.name());
    writeln!(out, "{}", problem(paint, &headline))?;
    print_lines(out, paint, finding)
}

/// Who, why, until, what to do; and what else is worth a word.
///
/// # Errors
/// The writer's.
pub(crate) fn print_lines(out: &mut impl Write, paint: Paint, finding: &Finding) -> io::Result<()> {
    let at = match finding.until {
        Until::Expires(left) => time_of_day_in(left),
        Until::Released | Until::ConnectionsEnd | Until::Changed | Until::Unknown => String::new(),
    };
    label(out, paint, "who", &words::who(finding))?;
    label(out, paint, "why", &[words::why(finding.because)])?;
    label(out, paint, "until", &words::until(finding.until, &at).into_iter().collect::<Vec<_>>())?;
    label(out, paint, "do", &finding.remedies.iter().map(words::remedy).collect::<Vec<_>>())?;
    label(out, paint, "note", &finding.notes.iter().copied().map(words::note).collect::<Vec<_>>())
}

/// Room for the longest label and a gap.
const LABEL: usize = 7;

/// A label, and lines beside it; without lines, nothing.
///
/// # Errors
/// The writer's.
pub(crate) fn label(out: &mut impl Write, paint: Paint, label: &str, lines: &[String]) -> io::Result<()> {
    let mut shown = label;
    for line in lines {
        for part in wrap(line, 78 - LABEL - 2) {
            writeln!(out, "  {}{part}", paint.tone(Tone::Faint, &format!("{shown:LABEL$}")))?;
            shown = "";
        }
        shown = "";
    }
    Ok(())
}

/// Breaks a sentence into lines of at most `width` characters; a longer word stands alone.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_breaks_between_words_and_loses_none() {
        let text = "one two three fourteen a";
        assert_eq!(wrap(text, 9), ["one two", "three", "fourteen", "a"]);
        assert_eq!(wrap(text, 3).join(" "), text);
        assert!(wrap("", 9).is_empty());
    }
}
