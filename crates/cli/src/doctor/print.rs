//! The diagnosis as text, and as JSON.

use std::io::{self, Write};

use serde::Serialize;
use timewait_diagnose::settings::{
    Finding, Severity,
    words::{self as findings, Change},
};

use super::Diagnosis;
use crate::{
    print::{Paint, Tone, json as print_json, label},
    words::doctor as words,
};

pub(super) fn text(out: &mut impl Write, diagnosis: &Diagnosis, paint: Paint) -> io::Result<()> {
    let files = diagnosis.files.as_ref().map(Vec::len);
    let netns = diagnosis.netns.as_deref();
    writeln!(out, "{}", words::subject(&diagnosis.kernel, files, netns, diagnosis.settings))?;
    for finding in &diagnosis.findings {
        let severity = finding.code.severity();
        let tone = match severity {
            Severity::Wrong => Tone::Bad,
            Severity::Happened => Tone::Waiting,
            Severity::Remark => Tone::Faint,
        };
        writeln!(out, "\n{}  {}", paint.tone(tone, severity.name()), findings::subject(finding))?;
        label(out, paint, "what", &[findings::what(finding, &diagnosis.kernel)])?;
        label(
            out,
            paint,
            "do",
            &command(finding, diagnosis.handle.as_deref()).into_iter().collect::<Vec<_>>(),
        )?;
        let claim = finding.code.claim().map(words::claim);
        label(out, paint, "proof", &claim.into_iter().collect::<Vec<_>>())?;
        label(out, paint, "source", &[words::source(finding.code.source(), finding.code.name())])?;
    }
    writeln!(out)?;
    for (_, why) in &diagnosis.unreadable {
        writeln!(out, "{}", words::unreadable(why))?;
    }
    if diagnosis.left_out > 0 {
        writeln!(out, "{}", words::left_out(diagnosis.left_out))?;
    }
    let count = |severity| diagnosis.count(severity);
    let [wrong, happened, remarks] = [Severity::Wrong, Severity::Happened, Severity::Remark].map(count);
    writeln!(out, "{}", words::sum(wrong, happened, remarks))
}

fn command(finding: &Finding, netns: Option<&str>) -> Option<String> {
    Some(match (findings::change(finding)?, finding.place.is_some()) {
        (Change::Set(name, value), true) => words::write_line(name, &value),
        (Change::Set(name, value), false) => words::sysctl(netns, name, &value),
        (Change::DropLine, _) => words::drop_line().to_owned(),
        (Change::Other(what), _) => what.to_owned(),
    })
}

#[derive(Serialize)]
struct Object<'a> {
    v: u8,
    kernel: String,
    netns: Option<&'a str>,
    files: &'a [String],
    settings: usize,
    wrong: usize,
    happened: usize,
    remarks: usize,
    findings: Vec<Row>,
    unreadable: Vec<Unreadable<'a>>,
    left_out: usize,
}

#[derive(Serialize)]
struct Row {
    code: &'static str,
    severity: &'static str,
    subject: String,
    value: Option<String>,
    file: Option<String>,
    line: Option<usize>,
    text: String,
    source: &'static str,
    claim: Option<&'static str>,
    command: Option<String>,
}

#[derive(Serialize)]
struct Unreadable<'a> {
    setting: &'a str,
    why: &'a str,
}

pub(super) fn json(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let unreadable = diagnosis.unreadable.iter().map(|(setting, why)| Unreadable { setting, why });
    print_json::write_line(
        out,
        &Object {
            v: print_json::VERSION,
            kernel: diagnosis.kernel.number().to_owned(),
            netns: diagnosis.netns.as_deref(),
            files: diagnosis.files.as_deref().unwrap_or_default(),
            settings: diagnosis.settings,
            wrong: diagnosis.count(Severity::Wrong),
            happened: diagnosis.count(Severity::Happened),
            remarks: diagnosis.count(Severity::Remark),
            findings: diagnosis.findings.iter().map(|finding| row(finding, diagnosis)).collect(),
            unreadable: unreadable.collect(),
            left_out: diagnosis.left_out,
        },
    )
}

fn row(finding: &Finding, diagnosis: &Diagnosis) -> Row {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Row {
        code: finding.code.name(),
        severity: finding.code.severity().name(),
        subject: text(finding.subject.as_bytes()),
        value: finding.value.as_ref().map(|value| text(value.as_bytes())),
        file: finding.place.as_ref().map(|place| text(place.file.as_bytes())),
        line: finding.place.as_ref().map(|place| place.line),
        text: findings::what(finding, &diagnosis.kernel),
        source: finding.code.source(),
        claim: finding.code.claim(),
        command: command(finding, diagnosis.handle.as_deref()),
    }
}
