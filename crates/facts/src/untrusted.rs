use core::fmt::{self, Write as _};

/// Bytes that strangers wrote: a process's name, a control group, what came over a connection.
///
/// Its `Display` is safe on a terminal and in a page: whatever is not a visible character (control characters,
/// bytes that are no UTF-8, marks that reverse the writing direction, line separators) is shown as an escape. A
/// backslash is doubled, so that the escapes cannot be forged. The bytes themselves stay as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Untrusted(Vec<u8>);

impl Untrusted {
    /// The bytes as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Shows bytes without owning them.
    ///
    /// ```
    /// use timewait_facts::Untrusted;
    /// assert_eq!(Untrusted::show(b"\x1b[31mroot\n").to_string(), r"\e[31mroot\n");
    /// ```
    pub fn show(bytes: &[u8]) -> impl fmt::Display + '_ {
        Shown(bytes)
    }

    /// Whether a character would act on a terminal or mislead its reader, rather than be seen.
    ///
    /// Controls (C0, DEL, C1), the marks of Unicode's bidirectional algorithm, zero-width and line-separating
    /// characters, and the byte order mark.
    pub fn is_invisible(character: char) -> bool {
        character.is_control()
            || matches!(character,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    }
}

impl From<&[u8]> for Untrusted {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Untrusted {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.0).fmt(f)
    }
}

struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            chunk.valid().chars().try_for_each(|character| write_visible(f, character))?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

fn write_visible(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    match character {
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\x1b' => f.write_str("\\e"),
        '\\' => f.write_str("\\\\"),
        hidden if Untrusted::is_invisible(hidden) && hidden.is_ascii() => {
            write!(f, "\\x{:02x}", u32::from(hidden))
        }
        hidden if Untrusted::is_invisible(hidden) => write!(f, "\\u{{{:x}}}", u32::from(hidden)),
        visible => f.write_char(visible),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        Untrusted::from(bytes).to_string()
    }

    #[test]
    fn what_acts_on_a_terminal_is_shown_instead() {
        assert_eq!(shown(b"\x1b]0;owned\x07"), r"\e]0;owned\x07");
        assert_eq!(shown("a\u{9b}31m".as_bytes()), r"a\u{9b}31m", "the one-character CSI");
        assert_eq!(shown("user\u{202e}txt.exe".as_bytes()), r"user\u{202e}txt.exe");
        assert_eq!(shown(b"\xff\xfe"), r"\xff\xfe");
    }

    #[test]
    fn an_escape_cannot_be_forged() {
        assert_ne!(shown(br"\n"), shown(b"\n"));
    }

    #[test]
    fn letters_of_any_script_stay_as_they_are() {
        assert_eq!(shown("serveur-é-服务".as_bytes()), "serveur-é-服务");
    }

    proptest! {
        #[test]
        fn nothing_shown_is_invisible(bytes: Vec<u8>) {
            prop_assert!(!shown(&bytes).chars().any(Untrusted::is_invisible));
        }

        #[test]
        fn different_bytes_look_different(one: Vec<u8>, other: Vec<u8>) {
            prop_assert_eq!(one == other, shown(&one) == shown(&other));
        }
    }
}
