use std::collections::BTreeMap;

use timewait_facts::{KernelVersion, Untrusted};

use super::{
    Code, Evidence, Finding, Place, Setting, Values,
    known::{self, KNOWN},
    pattern,
};

/// Complaints that are kept; a file may be anything.
const MOST: usize = 200;
/// What is shown of a line that is none.
const SHOWN: usize = 60;

/// Files in the syntax of `/etc/sysctl.d`, as systemd-sysctl reads them: the last assignment to a name counts, a name
/// before any pattern, and a name with a minus and without a value is left out of patterns. (sysctl.d(5), systemd-sysctl(8))
///
/// ```
/// use timewait_diagnose::settings::Given;
/// use timewait_facts::KernelVersion;
///
/// let mut given = Given::default();
/// given.add(&b"99-tune.conf"[..].into(), b"# speed\nnet/ipv4/tcp_fin_timeout = 15\n");
/// let values = given.values(&KernelVersion::from_release("6.12"));
/// assert_eq!(values.number("net.ipv4.tcp_fin_timeout"), Some(15));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// By path below `/proc/sys`; without a value, an exclusion.
    entries: BTreeMap<Vec<u8>, Entry>,
    order: usize,
    complaints: Vec<Finding>,
    left_out: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    value: Option<Untrusted>,
    place: Place,
    order: usize,
}

impl Given {
    /// Reads another file after those before.
    pub fn add(&mut self, file: &Untrusted, bytes: &[u8]) {
        let ends_line = |byte: &u8| b"\n\r\0".contains(byte);
        for (number, line) in bytes.split(ends_line).enumerate() {
            let line = line.trim_ascii();
            if !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b";") {
                self.line(line, Place { file: file.clone(), line: number + 1 });
            }
        }
    }

    fn line(&mut self, line: &[u8], place: Place) {
        let (key, value) = match line.iter().position(|&byte| byte == b'=') {
            Some(at) => {
                let (key, value) = line.split_at(at);
                let key = key.trim_ascii();
                // With a minus, failing to write it is no error; that it is written all the same.
                let key = key.strip_prefix(b"-").unwrap_or(key);
                (key, Some(value.get(1..).unwrap_or_default().trim_ascii().into()))
            }
            None => match line.strip_prefix(b"-") {
                Some(key) => (key, None),
                None => return self.complain(no_assignment(line, place)),
            },
        };
        self.enter(path(key.trim_ascii()), value, place);
    }

    fn enter(&mut self, path: Vec<u8>, value: Option<Untrusted>, place: Place) {
        self.order += 1;
        let name = dotted(&path);
        let entry = Entry { value, place, order: self.order };
        let later = entry.place.clone();
        let Some(before) = self.entries.insert(path, entry.clone()) else { return };
        if let (Some(old), Some(new), Some(known)) = (before.value, entry.value, known::find(&name))
            && old != new
        {
            let setting = Setting { value: old, place: Some(before.place) };
            self.complain(Finding::of(Code::Overridden, known.name, &setting).by(Evidence::Later(later)));
        }
    }

    fn complain(&mut self, finding: Finding) {
        if self.complaints.len() < MOST {
            self.complaints.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    /// Complaints beyond the first 200.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// What the settings that this program knows come to on a kernel. One that it lacks counts only if it is named.
    pub fn values(&self, kernel: &KernelVersion) -> Values {
        let mut values = Values::default();
        for known in &KNOWN {
            let path = known.name.replace('.', "/").into_bytes();
            let entry =
                self.entries.get(&path).or_else(|| self.by_pattern(&path).filter(|_| known.is_in(kernel)));
            if let Some(Entry { value: Some(value), place, .. }) = entry {
                values.set(known.name, Setting { value: value.clone(), place: Some(place.clone()) });
            }
        }
        values
    }

    /// The last pattern that matches.
    fn by_pattern(&self, path: &[u8]) -> Option<&Entry> {
        let assigns = |(key, entry): &(&Vec<u8>, &Entry)| {
            entry.value.is_some() && pattern::is_pattern(key) && pattern::matches(key, path)
        };
        self.entries.iter().filter(assigns).map(|(_, entry)| entry).max_by_key(|entry| entry.order)
    }

    /// What is wrong with the lines themselves: no assignment, a name that no kernel has, said twice.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.complaints.clone();
        let named = self.entries.iter().filter(|(key, _)| !pattern::is_pattern(key));
        for (path, entry) in named {
            let Some(value) = &entry.value else { continue };
            let name = dotted(path);
            let (code, evidence) = if known::NOT_MAINLINE.iter().any(|it| it.as_bytes() == name) {
                (Code::NotMainline, Evidence::Value)
            } else if let Some(nearest) = known::nearest(&name) {
                (Code::UnknownKey, Evidence::Nearest(nearest))
            } else {
                continue;
            };
            let (value, place) = (Some(value.clone()), Some(entry.place.clone()));
            findings.push(Finding { code, subject: name.into(), value, place, evidence });
            if findings.len() >= 2 * MOST {
                break;
            }
        }
        findings
    }
}

fn no_assignment(line: &[u8], place: Place) -> Finding {
    let shown = line.get(..SHOWN).unwrap_or(line);
    let (code, evidence) = (Code::NotAssignment, Evidence::Value);
    Finding { code, subject: shown.into(), value: None, place: Some(place), evidence }
}

/// A name as a path below `/proc/sys`. If its first separator is a slash, it is one already; if that is a dot, dots and
/// slashes change places. Slashes at the beginning, and doubled ones, do not count.
fn path(name: &[u8]) -> Vec<u8> {
    let swap = name.iter().find(|byte| b"./".contains(byte)) == Some(&b'.');
    let swapped = name.iter().map(|&byte| match byte {
        b'.' if swap => b'/',
        b'/' if swap => b'.',
        other => other,
    });
    let swapped: Vec<u8> = swapped.collect();
    let parts: Vec<&[u8]> =
        swapped.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    parts.join(&b'/')
}

/// A path below `/proc/sys` as people write it.
fn dotted(path: &[u8]) -> Vec<u8> {
    path.iter()
        .map(|&byte| match byte {
            b'/' => b'.',
            b'.' => b'/',
            other => other,
        })
        .collect()
}
