use alloc::{string::String, vec::Vec};
use core::fmt;

/// How a drawing in text is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Columns that may be used. Fewer than 60 are taken as 60, for less is not readable; more than are of use stay
    /// empty.
    pub width: usize,
    /// Keep to ASCII, where box characters cannot be shown.
    pub ascii: bool,
}

impl Page {
    /// The narrowest.
    pub const NARROWEST: usize = 60;

    pub(super) fn columns(self) -> usize {
        self.width.max(Self::NARROWEST)
    }
}

impl Default for Page {
    /// 80 columns, box characters.
    fn default() -> Self {
        Self { width: 80, ascii: false }
    }
}

/// What a part of a drawing is. Which colour it gets, and whether any, is the printer's choice: none is needed to
/// understand the drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Nothing special.
    #[default]
    Plain,
    /// What may step back: times, lines of those who wait for nothing, details.
    Dim,
    /// The drawing's title.
    Title,
    /// Who a side is.
    Name,
    /// A state, but for TIME-WAIT.
    State,
    /// TIME-WAIT, its name and its line.
    TimeWait,
    /// The text of a segment.
    Text,
    /// Bad news: an RST, a segment that was lost, made up or changed.
    Bad,
    /// What else the wire did: held, released, repeated.
    Wire,
    /// On the path that is highlighted.
    Marked,
}

/// A few characters that are one thing. Each is one column wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The characters.
    pub text: String,
    /// What they are.
    pub role: Role,
}

impl Span {
    pub(super) fn new(role: Role, text: impl Into<String>) -> Self {
        Self { text: text.into(), role }
    }

    pub(super) fn columns(&self) -> usize {
        columns(&self.text)
    }
}

/// A drawing in text. `Display` prints it without colour, each line with its end, no line with spaces at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// Its lines, from the top.
    pub lines: Vec<Vec<Span>>,
}

impl Drawing {
    /// The columns of its widest line.
    pub fn width(&self) -> usize {
        self.lines.iter().map(|line| columns_of(line)).max().unwrap_or(0)
    }
}

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            line.iter().try_for_each(|span| f.write_str(&span.text))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Columns of what we draw: every character takes one.
pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

pub(super) fn columns_of(line: &[Span]) -> usize {
    line.iter().map(Span::columns).sum()
}

/// A line of a drawing under construction.
#[derive(Default)]
pub(super) struct Pen {
    spans: Vec<Span>,
}

impl Pen {
    /// Writes on; what has the same role as before it becomes one with it.
    pub(super) fn put(&mut self, role: Role, text: &str) -> &mut Self {
        match self.spans.last_mut() {
            _ if text.is_empty() => (),
            Some(last) if last.role == role => last.text.push_str(text),
            _ => self.spans.push(Span::new(role, text)),
        }
        self
    }

    pub(super) fn spaces(&mut self, count: usize) -> &mut Self {
        self.put(Role::Plain, &" ".repeat(count))
    }

    /// Goes on at this column, if it is not there yet.
    pub(super) fn to(&mut self, column: usize) -> &mut Self {
        self.spaces(column.saturating_sub(columns_of(&self.spans)))
    }

    pub(super) fn all(&mut self, spans: impl IntoIterator<Item = Span>) -> &mut Self {
        spans.into_iter().for_each(|span| {
            self.put(span.role, &span.text);
        });
        self
    }

    /// The line, without spaces at its end.
    pub(super) fn line(mut self) -> Vec<Span> {
        while let Some(last) = self.spans.last_mut() {
            last.text.truncate(last.text.trim_end_matches(' ').len());
            if !last.text.is_empty() {
                break;
            }
            self.spans.pop();
        }
        self.spans
    }
}

/// The words in lines of at most `room` columns. A word that is too long is broken.
pub(super) fn wrapped(words: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && columns(&line) + 1 + columns(word) > room {
            lines.push(core::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for character in word.chars() {
            if columns(&line) == room {
                lines.push(core::mem::take(&mut line));
            }
            line.push(character);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The beginning of a text, with an ellipsis where it does not fit.
pub(super) fn cut(text: &str, room: usize, ellipsis: &str) -> String {
    if columns(text) <= room {
        return text.into();
    }
    let kept = room.saturating_sub(columns(ellipsis));
    text.chars().take(kept).chain(ellipsis.chars()).take(room).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_a_word_too_long_is_broken() {
        assert_eq!(
            wrapped("no time-wait: the connection is forgotten", 18),
            ["no time-wait: the", "connection is", "forgotten"]
        );
        assert_eq!(wrapped("a 1234567 b", 3), ["a", "123", "456", "7 b"]);
        assert!(wrapped("  ", 10).is_empty());
    }

    #[test]
    fn a_cut_text_says_so_and_keeps_to_its_room() {
        assert_eq!(cut("client", 6, "…"), "client");
        assert_eq!(cut("client", 4, "…"), "cli…");
        assert_eq!(cut("client", 1, ".."), ".");
    }

    #[test]
    fn a_line_ends_without_spaces_and_joins_what_is_alike() {
        let mut pen = Pen::default();
        pen.put(Role::Dim, "a").put(Role::Dim, "b").to(5).put(Role::Name, "c").spaces(3).put(Role::Dim, " ");
        assert_eq!(
            pen.line(),
            [Span::new(Role::Dim, "ab"), Span::new(Role::Plain, "   "), Span::new(Role::Name, "c")]
        );
    }
}
