use std::fs;

use timewait_linux::kernel_version;

/// The machine, in one line: kernel, processor, memory, and how busy it was.
pub(crate) fn describe() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = field("/proc/meminfo", "MemTotal").and_then(|text| {
        let kib: u64 = text.split_whitespace().next()?.parse().ok()?;
        Some(format!("{} GiB", (kib + 512 * 1024) / (1024 * 1024)))
    });
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown");
    Ok(format!(
        "Linux {} ({}), {cores} cores of {processor}, {} of memory; load at the end, this run included: {load}.",
        kernel_version().number(),
        std::env::consts::ARCH,
        memory.unwrap_or_else(|| "unknown size".to_owned()),
    ))
}

/// `name : value` or `name: value` in a file of the kernel's.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
