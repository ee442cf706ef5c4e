use std::io::{self, Write};

use super::{Paint, Tone};

const GAP: &str = "  ";

/// A small table, all of whose rows are there: headings, then the rows, each in a tone or in none. Columns from
/// `numbers` on are flush right.
///
/// # Errors
/// The writer's.
pub(crate) fn grid<const N: usize>(
    out: &mut impl Write,
    paint: Paint,
    (headings, numbers): ([&str; N], usize),
    rows: &[([String; N], Option<Tone>)],
) -> io::Result<()> {
    let mut widths = headings.map(|heading| heading.chars().count());
    for (cells, _) in rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String; N]| {
        let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < numbers { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    writeln!(out, "{}", paint.tone(Tone::Faint, &line(&headings.map(str::to_owned))))?;
    for (cells, tone) in rows {
        let line = line(cells);
        writeln!(out, "{}", tone.map_or(line.clone(), |tone| paint.tone(tone, &line)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_flush_left_and_numbers_flush_right() {
        let rows = [(["a", "b", "1"], None), (["long", "b", "1,000"], None)]
            .map(|(cells, tone)| (cells.map(str::to_owned), tone));
        let mut out = Vec::new();
        grid(&mut out, Paint::OFF, (["one", "two", "n"], 2), &rows).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        one   two      n
        a     b        1
        long  b    1,000
        ");
    }
}
