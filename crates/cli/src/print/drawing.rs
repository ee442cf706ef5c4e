use std::io::{self, Write};

use rustix::termios::{isatty, tcgetwinsize};
use timewait_tcp::draw::{Drawing, Page, Role};

use super::{Paint, Tone};

/// Writes a drawing, each of its lines behind an indent.
///
/// # Errors
/// The writer's.
pub(crate) fn print_drawing(
    out: &mut impl Write,
    paint: Paint,
    drawing: &Drawing,
    indent: &str,
) -> io::Result<()> {
    for line in &drawing.lines {
        let text: String = line.iter().map(|span| painted(paint, span.role, &span.text)).collect();
        let text = text.trim_end();
        writeln!(out, "{}{text}", if text.is_empty() { "" } else { indent })?;
    }
    Ok(())
}

fn painted(paint: Paint, role: Role, text: &str) -> String {
    match tone(role) {
        Some(tone) if !text.trim().is_empty() => paint.tone(tone, text),
        _ => text.to_owned(),
    }
}

const fn tone(role: Role) -> Option<Tone> {
    match role {
        Role::Plain | Role::State => None,
        Role::Dim => Some(Tone::Faint),
        Role::Title | Role::Name | Role::Marked => Some(Tone::Heading),
        Role::TimeWait | Role::Wire => Some(Tone::Waiting),
        Role::Text => Some(Tone::Good),
        Role::Bad => Some(Tone::Bad),
    }
}

/// A page behind an indent: 80 columns, or as wide as standard output if that is a terminal.
pub(crate) fn page(indent: usize) -> Page {
    let stdout = io::stdout();
    let width =
        if isatty(&stdout) { tcgetwinsize(&stdout).map_or(80, |size| size.ws_col.max(80)) } else { 80 };
    Page { width: usize::from(width) - indent, ascii: false }
}
