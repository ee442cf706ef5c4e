use std::io;

use anstyle::{AnsiColor, Style};

use crate::args::Color;

/// What a colour says. Never the only thing that says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A heading.
    Heading,
    /// Something waits.
    Waiting,
    /// It went well, or is alive.
    Good,
    /// It failed, or is not as told.
    Bad,
    /// What was typed, and labels.
    Faint,
}

/// Whether to paint; decided once, for standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint(bool);

impl Paint {
    /// No colour.
    #[cfg(test)]
    pub(crate) const OFF: Self = Self(false);
    /// Colour.
    #[cfg(test)]
    pub(crate) const ON: Self = Self(true);

    /// For standard output, as the arguments, the terminal and the environment (NO_COLOR, CLICOLOR) say.
    pub(crate) fn for_stdout(color: Color) -> Self {
        Self::decide(color, anstream::AutoStream::choice(&io::stdout()))
    }

    /// For standard error, likewise.
    pub(crate) fn for_stderr(color: Color) -> Self {
        Self::decide(color, anstream::AutoStream::choice(&io::stderr()))
    }

    fn decide(color: Color, found: anstream::ColorChoice) -> Self {
        match color {
            Color::Always => Self(true),
            Color::Never => Self(false),
            Color::Auto => Self(found != anstream::ColorChoice::Never),
        }
    }

    /// As an argument for a child that prints on our behalf.
    pub(crate) fn as_argument(self) -> &'static str {
        if self.0 { "--color=always" } else { "--color=never" }
    }

    pub(crate) fn paints(self) -> bool {
        self.0
    }

    /// Text in a tone.
    pub(crate) fn tone(self, tone: Tone, text: &str) -> String {
        let (start, end) = self.around(tone);
        format!("{start}{text}{end}")
    }

    /// What goes before and after text in a tone; nothing where nothing is painted.
    pub(crate) fn around(self, tone: Tone) -> (String, String) {
        if !self.0 {
            return (String::new(), String::new());
        }
        let style = style(tone);
        (style.render().to_string(), style.render_reset().to_string())
    }
}

const fn style(tone: Tone) -> Style {
    match tone {
        Tone::Heading => Style::new().bold(),
        Tone::Waiting => AnsiColor::Yellow.on_default(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Bad => AnsiColor::Red.on_default().bold(),
        Tone::Faint => Style::new().dimmed(),
    }
}
