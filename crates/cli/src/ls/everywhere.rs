//! `ls --all-netns`: the same list for each namespace, its name on each line.

use std::{
    io::{self, Write},
    ops::ControlFlow,
    process::ExitCode,
};

use anyhow::Context as _;
use timewait_linux::sockets::{Query, SocketTable};

use super::{Asked, list, output::Output, query};
use crate::{
    args::Ls,
    everywhere::{Space, not_entered, spaces},
    print::{Paint, Tone, json},
    words::everywhere as words,
};

pub(super) fn run(args: &Ls, paint: Paint) -> anyhow::Result<ExitCode> {
    let spaces = spaces()?;
    let widest = spaces.iter().map(|space| space.name.chars().count()).max().unwrap_or(0);
    let mut out = Output::open()?;
    let mut seen = false;
    for space in &spaces {
        let table = match open(space) {
            Ok(table) => table,
            Err(error) => {
                not_entered(&space.name, &error);
                continue;
            }
        };
        let Some(mut table) = with_rows(table, &query(args))? else { continue };
        seen = true;
        let mut labelled = Labelled {
            out: &mut out,
            label: label(space, widest, args, paint)?,
            as_json: args.json,
            begins: true,
        };
        list(
            &mut labelled,
            &mut table,
            &Asked { args, query: query(args), paint, netns: space.netns.as_ref() },
        )?;
    }
    if !seen && !args.json {
        writeln!(out, "{}", words::nothing(spaces.len()))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn open(space: &Space) -> anyhow::Result<SocketTable> {
    let table = space.netns.as_ref().map_or_else(SocketTable::open, SocketTable::open_in);
    table.context("it cannot be looked into")
}

/// A table, if it has a row that is asked for.
fn with_rows(mut table: SocketTable, query: &Query) -> anyhow::Result<Option<SocketTable>> {
    let dumped = table.dump(query, |_| ControlFlow::Break(()))?;
    Ok((dumped.rows > 0).then_some(table))
}

fn label(space: &Space, widest: usize, args: &Ls, paint: Paint) -> io::Result<Vec<u8>> {
    if !args.json {
        let padded = paint.tone(Tone::Faint, &format!("{:widest$}", space.name));
        return Ok(format!("{padded}  ").into_bytes());
    }
    let mut name = Vec::new();
    json::write_line(&mut name, &space.name)?;
    Ok([b"{\"netns\":", name.trim_ascii_end(), b","].concat())
}

/// Puts the namespace before each line, or, as its first field, into the object that the line is.
struct Labelled<'a, W> {
    out: &'a mut W,
    label: Vec<u8>,
    as_json: bool,
    /// A line begins here.
    begins: bool,
}

impl<W: Write> Write for Labelled<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let mut rest = line;
            if self.begins {
                self.out.write_all(&self.label)?;
                rest = line.strip_prefix(b"{").filter(|_| self.as_json).unwrap_or(line);
            }
            self.out.write_all(rest)?;
            self.begins = line.ends_with(b"\n");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(label: &str, as_json: bool, pieces: &[&str]) -> String {
        let mut out = Vec::new();
        let mut labelled = Labelled { out: &mut out, label: label.into(), as_json, begins: true };
        for piece in pieces {
            labelled.write_all(piece.as_bytes()).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_line_has_its_label_however_it_was_cut() {
        assert_eq!(labelled("web  ", false, &["a", "b\nc", "\n"]), "web  ab\nweb  c\n");
        assert_eq!(labelled("{\"netns\":\"x\",", true, &["{", "\"v\":1}\n{\"v\":1}\n"]).lines().count(), 2);
        assert_eq!(labelled("{\"netns\":\"x\",", true, &["{\"v\":1}\n"]), "{\"netns\":\"x\",\"v\":1}\n");
    }
}
