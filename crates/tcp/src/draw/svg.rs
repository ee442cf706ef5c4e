//! A small writer of SVG: elements in order, everything escaped.

use alloc::{format, string::String, vec::Vec};
use core::fmt::{Display, Write as _};

/// An SVG document on its way.
#[derive(Default)]
pub(super) struct Svg {
    out: String,
    open: Vec<&'static str>,
}

/// An attribute and its value.
pub(super) type Attribute<'a> = (&'static str, &'a dyn Display);

impl Svg {
    /// Opens an element on a line of its own; what follows is inside, until [`close`](Self::close).
    pub(super) fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) -> &mut Self {
        self.tag(tag, attributes);
        self.out.push_str(">\n");
        self.open.push(tag);
        self
    }

    /// Closes what was opened last.
    pub(super) fn close(&mut self) -> &mut Self {
        if let Some(tag) = self.open.pop() {
            self.indent();
            self.write(format_args!("</{tag}>\n"));
        }
        self
    }

    /// An element without content.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) -> &mut Self {
        self.tag(tag, attributes);
        self.out.push_str("/>\n");
        self
    }

    /// An element with text in it.
    pub(super) fn text(&mut self, tag: &'static str, attributes: &[Attribute<'_>], text: &str) -> &mut Self {
        self.texts(tag, attributes, [("", text)])
    }

    /// An element with pieces of text in it, each with a class or none.
    pub(super) fn texts<'a>(
        &mut self,
        tag: &'static str,
        attributes: &[Attribute<'_>],
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> &mut Self {
        self.tag(tag, attributes);
        self.out.push('>');
        for (class, text) in texts {
            if class.is_empty() {
                self.escaped(text);
                continue;
            }
            self.out.push_str("<tspan class=\"");
            self.escaped(class);
            self.out.push_str("\">");
            self.escaped(text);
            self.out.push_str("</tspan>");
        }
        self.write(format_args!("</{tag}>\n"));
        self
    }

    /// The rules of a style sheet: ours, in which nothing is to be escaped.
    pub(super) fn style(&mut self, rules: &str) -> &mut Self {
        debug_assert!(!rules.contains(['<', '&']), "markup in a style sheet");
        self.indent();
        self.write(format_args!("<style>{rules}</style>\n"));
        self
    }

    /// The document; what is still open is closed.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn tag(&mut self, tag: &str, attributes: &[Attribute<'_>]) {
        self.indent();
        self.write(format_args!("<{tag}"));
        for (name, value) in attributes {
            self.write(format_args!(" {name}=\""));
            self.escaped(&format!("{value}"));
            self.out.push('"');
        }
    }

    fn indent(&mut self) {
        self.out.extend(core::iter::repeat_n(' ', self.open.len()));
    }

    fn write(&mut self, what: core::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.out.write_fmt(what);
    }

    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                // XML 1.0 has no way to write these.
                hidden if hidden.is_control() || matches!(hidden, '\u{fffe}' | '\u{ffff}') => {
                    self.out.push('\u{fffd}');
                }
                other => self.out.push(other),
            }
        }
    }
}

/// What an id may begin with: the letters, digits and hyphens of a wish, after a letter.
pub(super) fn id(prefix: &str) -> String {
    let mut id: String =
        prefix.chars().filter(|character| character.is_ascii_alphanumeric() || *character == '-').collect();
    if !id.starts_with(|character: char| character.is_ascii_alphabetic()) {
        id.insert_str(0, "drawing-");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        let hostile = r#"</text><script>"&'"#;
        let mut svg = Svg::default();
        svg.open("svg", &[("id", &hostile)]).text("text", &[("x", &3)], hostile);
        let written = svg.finish();

        let read = roxmltree::Document::parse(&written).unwrap();
        assert_eq!(read.root_element().attribute("id"), Some(hostile));
        assert_eq!(read.root_element().first_element_child().unwrap().text(), Some(hostile));
    }

    #[test]
    fn an_id_keeps_what_an_id_may_have() {
        assert_eq!(id("lab-1"), "lab-1");
        assert_eq!(id("1 { }"), "drawing-1");
        assert_eq!(id(""), "drawing-");
    }
}
