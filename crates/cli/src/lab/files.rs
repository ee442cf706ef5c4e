//! Captures and the report: each file whole, or not there.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use timewait_facts::Untrusted;
use timewait_lab::{Finding, capture::Capture};

use super::{Outcome, report};
use crate::{args::Lab, words::lab as words};

/// What is to be written when all has been tried.
pub(super) struct Files {
    pcap: Option<PathBuf>,
    report: Option<PathBuf>,
}

impl Files {
    /// What the arguments ask for; looks before anything is tried whether it can be written.
    ///
    /// # Errors
    /// A folder is not there, or is none.
    pub(super) fn of(args: &Lab) -> anyhow::Result<Self> {
        let files = Self { pcap: args.pcap.clone(), report: args.report.clone() };
        if let Some(folder) = &files.pcap {
            must_be_folder(folder)?;
        }
        if let Some(file) = &files.report {
            if file.is_dir() {
                bail!("{}", words::is_folder(&shown(file)));
            }
            must_be_folder(folder_of(file))?;
        }
        Ok(files)
    }

    /// Writes them.
    ///
    /// # Errors
    /// One cannot be written.
    pub(super) fn write(&self, outcome: &Outcome) -> anyhow::Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        if let Some(folder) = &self.pcap {
            for (name, capture) in captures(outcome) {
                let path = folder.join(name);
                capture.save(&path).with_context(|| words::cannot_write(&shown(&path)))?;
                written.push(path);
            }
        }
        if let Some(path) = &self.report {
            let arguments: Vec<String> = env::args().skip(1).collect();
            let page = report::page(outcome, &arguments)?;
            save(path, page.as_bytes()).with_context(|| words::cannot_write(&shown(path)))?;
            written.push(path.clone());
        }
        Ok(written)
    }
}

/// Says which files there are now.
pub(super) fn tell(out: &mut impl Write, written: &[PathBuf]) -> anyhow::Result<()> {
    for path in written {
        writeln!(out, "{}", words::written(&shown(path)))?;
    }
    Ok(())
}

/// What was on every wire, and the name of its file.
fn captures(outcome: &Outcome) -> impl Iterator<Item = (String, Capture)> {
    let findings = outcome.founds.iter().flat_map(|found| &found.findings);
    findings.flat_map(move |finding| {
        finding.drawings.iter().enumerate().map(move |(place, drawing)| {
            let about = words::capture(&finding.id, outcome.kernel.number(), &drawing.trace.title);
            (file_name(finding, place + 1), drawing.capture.clone().about(about))
        })
    })
}

/// `old-duplicate-ipv4-1.pcapng`
fn file_name(finding: &Finding, number: usize) -> String {
    let contrary = if finding.contrary.is_some() { "-contrary" } else { "" };
    format!("{}-{}{contrary}-{number}.pcapng", finding.id, finding.family)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn must_be_folder(folder: &Path) -> anyhow::Result<()> {
    let meta = fs::metadata(folder).with_context(|| words::no_folder(&shown(folder)))?;
    if meta.is_dir() { Ok(()) } else { bail!("{}", words::no_folder(&shown(folder))) }
}

/// Writes beside it, then renames: nobody ever sees half a file.
fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut beside = tempfile::Builder::new().permissions(plain()).tempfile_in(folder_of(path))?;
    beside.write_all(bytes)?;
    beside.persist(path)?;
    Ok(())
}

/// A file like any other: its owner may write it, everybody may read it.
fn plain() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    fs::Permissions::from_mode(0o644)
}

fn shown(path: &Path) -> String {
    Untrusted::show(path.as_os_str().as_encoded_bytes()).to_string()
}
