//! What strangers wrote, in visible ASCII: one column a character, and nothing that acts on a terminal or a page.

use alloc::{format, string::String};

/// A name, a title or a note. What is not visible ASCII becomes an escape.
///
/// A backslash stays as it is: these are sentences of ours, in which strangers' words may already be escaped.
pub(super) fn line(words: &str) -> String {
    words.chars().map(|character| Shown::of(character).string()).collect()
}

/// The text of a segment in quotation marks, in at most `room` columns: what does not fit is cut off, which an
/// ellipsis says. Less than three columns are of no use, and are not kept to.
pub(super) fn quoted(text: &[u8], room: usize, ellipsis: &str) -> String {
    let inside = room.saturating_sub(2).max(1);
    let kept = inside.saturating_sub(ellipsis.chars().count());
    let (mut all, mut cut) = (String::new(), None);
    for shown in characters(text).map(Shown::string) {
        // Remembers the longest beginning that leaves room for an ellipsis.
        if cut.is_none() && all.len() + shown.len() > kept {
            cut = Some(all.len());
        }
        if all.len() + shown.len() > inside {
            let beginning = all.get(..cut.unwrap_or(0)).unwrap_or_default();
            return format!("\"{beginning}{ellipsis}\"");
        }
        all.push_str(&shown);
    }
    format!("\"{all}\"")
}

/// Whether a text is worth reading: at least three quarters of what it begins with are visible or white space.
pub(super) fn is_readable(text: &[u8]) -> bool {
    let beginning = text.iter().take(64);
    let all = beginning.len();
    let seen = beginning.filter(|byte| (b' '..=b'~').contains(byte) || byte.is_ascii_whitespace()).count();
    seen * 4 >= all * 3
}

/// The characters of a segment's text, with quotation marks and backslashes escaped so that no escape can be forged.
fn characters(text: &[u8]) -> impl Iterator<Item = Shown> {
    text.utf8_chunks().flat_map(|chunk| {
        let characters = chunk.valid().chars().map(|character| match character {
            '"' | '\\' => Shown::Escaped(character),
            other => Shown::of(other),
        });
        characters.chain(chunk.invalid().iter().copied().map(Shown::Byte))
    })
}

/// A character as it is shown.
#[derive(Clone, Copy)]
enum Shown {
    Plain(char),
    /// After a backslash.
    Escaped(char),
    Byte(u8),
    Number(char),
}

impl Shown {
    fn of(character: char) -> Self {
        match character {
            ' '..='~' => Self::Plain(character),
            '\n' => Self::Escaped('n'),
            '\r' => Self::Escaped('r'),
            '\t' => Self::Escaped('t'),
            '\x1b' => Self::Escaped('e'),
            other => match u8::try_from(u32::from(other)) {
                Ok(byte) if byte.is_ascii() => Self::Byte(byte),
                _ => Self::Number(other),
            },
        }
    }

    fn string(self) -> String {
        match self {
            Self::Plain(character) => character.into(),
            Self::Escaped(character) => format!("\\{character}"),
            Self::Byte(byte) => format!("\\x{byte:02x}"),
            Self::Number(character) => format!("\\u{{{:x}}}", u32::from(character)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_in_visible_ascii() {
        assert_eq!(line("caf\u{e9} \u{202e}\x1b[31m\x07"), r"caf\u{e9} \u{202e}\e[31m\x07");
        assert_eq!(
            line(r"an escape of ours: \n"),
            r"an escape of ours: \n",
            "sentences may hold escapes already"
        );
    }

    #[test]
    fn a_text_stands_in_quotation_marks_that_it_cannot_close() {
        assert_eq!(quoted(b"bye\r\n", 40, "…"), r#""bye\r\n""#);
        assert_eq!(quoted(br#"" + FIN "\n"#, 40, "…"), r#""\" + FIN \"\\n""#);
        assert_eq!(quoted(b"\xff\xc3\xa9", 40, "…"), r#""\xff\u{e9}""#);
    }

    #[test]
    fn a_text_is_cut_between_characters_never_within_an_escape() {
        assert_eq!(quoted(b"12345", 7, "…"), r#""12345""#, "it just fits");
        assert_eq!(quoted(b"123456", 7, "…"), r#""1234…""#);
        assert_eq!(quoted(b"1234\n", 7, "…"), r#""1234…""#);
        assert_eq!(quoted(b"\x00\x00", 7, ".."), r#""..""#);
    }

    #[test]
    fn what_is_mostly_no_text_is_not_worth_reading() {
        assert!(is_readable(b"") && is_readable(b"I sent sth to client!\n") && is_readable(b"\x1b[31m"));
        assert!(!is_readable(b"\x16\x03\x01\x02\x00\x01\x00\x01"));
    }
}
