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
    /// A folder is not there, is none, or takes no file; or what is to be replaced by the report is no file.
    pub(super) fn of(args: &Lab) -> anyhow::Result<Self> {
        if let Some(folder) = &args.pcap {
            must_take_files(folder)?;
        }
        let report = args.report.as_deref().map(replaceable).transpose()?;
        Ok(Self { pcap: args.pcap.clone(), report })
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
pub(super) fn tell(out: &mut impl Write, args: &Lab, written: &[PathBuf]) -> anyhow::Result<()> {
    if args.pcap.is_some() && written.iter().all(|path| Some(path) == args.report.as_ref()) {
        writeln!(out, "{}", words::nothing_captured())?;
    }
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

/// The file that this name leads to, which is not there yet or may be replaced: a device or a pipe may not, and must not be
/// by a file that takes its place.
fn replaceable(name: &Path) -> anyhow::Result<PathBuf> {
    let file = fs::canonicalize(name).unwrap_or_else(|_| name.to_owned());
    match fs::metadata(&file) {
        Ok(meta) if meta.is_dir() => bail!("{}", words::is_folder(&shown(name))),
        Ok(meta) if !meta.is_file() => bail!("{}", words::is_no_file(&shown(name))),
        Ok(_) => drop(
            fs::OpenOptions::new()
                .append(true)
                .open(&file)
                .with_context(|| words::cannot_write(&shown(name)))?,
        ),
        Err(_) => {}
    }
    must_take_files(folder_of(&file))?;
    Ok(file)
}

/// Makes a file there that has no name, so that nothing is left of it.
fn must_take_files(folder: &Path) -> anyhow::Result<()> {
    let told = || words::no_folder(&shown(folder));
    if !fs::metadata(folder).with_context(told)?.is_dir() {
        bail!("{}", told());
    }
    tempfile::tempfile_in(folder).map(drop).with_context(told)
}

/// Writes beside it, then renames: nobody ever sees half a file.
fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut beside = tempfile::Builder::new().permissions(plain()).tempfile_in(folder_of(path))?;
    beside.write_all(bytes)?;
    beside.persist(path)?;
    Ok(())
}

/// As open(2) would make it, but for what the user's umask takes away.
fn plain() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    fs::Permissions::from_mode(0o666)
}

fn shown(path: &Path) -> String {
    Untrusted::show(path.as_os_str().as_encoded_bytes()).to_string()
}
