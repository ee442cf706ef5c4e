//! Files, in the order in which systemd-sysctl reads them.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use timewait_diagnose::settings::{self, Given, known::KNOWN};
use timewait_facts::{KernelVersion, Untrusted};

use super::{Diagnosis, sorted};

/// No file of settings is larger.
const LARGEST: u64 = 1 << 20;
/// No folder has more of them.
const MOST: usize = 1_000;

pub(super) fn examine(paths: &[PathBuf], kernel: KernelVersion) -> anyhow::Result<Diagnosis> {
    let mut given = Given::default();
    let files = in_order(paths)?;
    for file in &files {
        given.add(&file.to_string_lossy().as_bytes().into(), &read(file)?);
    }
    let values = given.values(&kernel);
    let mut findings = given.findings();
    findings.extend(settings::judge(&values, &kernel));
    Ok(Diagnosis {
        findings: sorted(findings),
        kernel,
        files: Some(files.iter().map(|file| file.to_string_lossy().into_owned()).collect()),
        netns: None,
        handle: None,
        unreadable: Vec::new(),
        settings: KNOWN.iter().filter(|known| values.get(known.name).is_some()).count(),
        left_out: given.left_out(),
    })
}

/// Files as they were given. All folders are one set in the place of the first: in the order of the files' names, each
/// name from the first folder that has it (systemd-sysctl(8), sysctl.d(5)).
fn in_order(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut order = Vec::new();
    let mut by_name: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    let mut place = None;
    if paths.iter().all(|path| is_absent_folder(path)) {
        bail!("none of these folders exists");
    }
    for path in paths {
        if path.is_dir() {
            place.get_or_insert(order.len());
            for (name, file) in of_folder(path)? {
                by_name.entry(name).or_insert(file);
            }
        } else if !is_absent_folder(path) {
            order.push(path.clone());
        }
    }
    let place = place.unwrap_or(order.len());
    order.splice(place..place, by_name.into_values());
    Ok(order)
}

/// A host need not have all of systemd-sysctl's folders.
fn is_absent_folder(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "sysctl.d") && !path.exists()
}

fn of_folder(folder: &Path) -> anyhow::Result<Vec<(OsString, PathBuf)>> {
    let unreadable = || format!("cannot list {}", shown(folder));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        if entry.path().extension().is_some_and(|ending| ending == "conf") {
            files.push((entry.file_name(), entry.path()));
        }
        if files.len() > MOST {
            bail!("{} has more than {MOST} files of settings", shown(folder));
        }
    }
    Ok(files)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unreadable = || format!("cannot read {}", shown(path));
    let kind = std::fs::metadata(path).with_context(unreadable)?;
    // /dev/null stands for a file that is switched off. A pipe might never end.
    if !kind.is_file() && path.canonicalize().with_context(unreadable)? != Path::new("/dev/null") {
        bail!("{} is no file", shown(path));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).with_context(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        bail!("{} is larger than 1 MiB, and no file of settings", shown(path));
    }
    Ok(bytes)
}

fn shown(path: &Path) -> String {
    Untrusted::show(path.as_os_str().as_encoded_bytes()).to_string()
}
