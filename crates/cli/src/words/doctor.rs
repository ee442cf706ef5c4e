//! What `doctor` says beside its findings, whose sentences are `timewait_diagnose::settings::words`.

use timewait_diagnose::{settings::words::quoted, words::number};
use timewait_facts::{KernelVersion, Untrusted};

fn settings(count: usize) -> String {
    if count == 1 { "1 setting".to_owned() } else { format!("{} settings", number(count)) }
}

/// `Linux 6.18.44, this network namespace: 17 settings near TIME-WAIT`
pub(crate) fn subject(
    kernel: &KernelVersion,
    files: Option<usize>,
    netns: Option<&str>,
    count: usize,
) -> String {
    let place = match (files, netns) {
        (None, None) => "as it runs here".to_owned(),
        (None, Some(name)) => format!("network namespace {}", Untrusted::show(name.as_bytes())),
        (Some(1), _) => "1 file".to_owned(),
        (Some(many), _) => format!("{} files", number(many)),
    };
    format!("Linux {}, {place}: {} near TIME-WAIT", kernel.number(), settings(count))
}

pub(crate) fn claim(id: &str) -> String {
    format!("timewait lab {id}")
}

pub(crate) fn source(source: &str, code: &str) -> String {
    format!("{source} ({code})")
}

pub(crate) fn write_line(name: &str, value: &str) -> String {
    format!("write {name} = {value}")
}

pub(crate) fn drop_line() -> &'static str {
    "leave the line out"
}

/// The command that would change it, in the namespace that was looked at.
pub(crate) fn sysctl(netns: Option<&str>, name: &str, value: &str) -> String {
    let at = match netns {
        None => String::new(),
        Some(pid) if pid.bytes().all(|byte| byte.is_ascii_digit()) => format!("nsenter -t {pid} -n "),
        Some(path) if path.contains('/') => format!("nsenter --net={} ", quoted(path)),
        Some(name) => format!("ip netns exec {} ", quoted(name)),
    };
    let value = if value.contains(' ') { format!("'{value}'") } else { value.to_owned() };
    format!("{at}sysctl -w {name}={value}")
}

pub(crate) fn unreadable(why: &str) -> String {
    format!("not looked at: {why}")
}

pub(crate) fn left_out(lines: usize) -> String {
    format!("{} more lines are not what they look like, and are not shown", number(lines))
}

pub(crate) fn sum(wrong: usize, happened: usize, remarks: usize) -> String {
    if wrong + happened + remarks == 0 {
        return "nothing is wrong".to_owned();
    }
    let remarks = if remarks == 1 { "1 remark".to_owned() } else { format!("{} remarks", number(remarks)) };
    let counters = if happened == 1 {
        "1 counter shows".to_owned()
    } else {
        format!("{} counters show", number(happened))
    };
    let happened = if happened == 0 { String::new() } else { format!(", {counters} that harm was done") };
    format!("{} wrong{happened}, {remarks}", number(wrong))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_for_the_namespace_that_was_looked_at() {
        let command = |netns| sysctl(netns, "net.ipv4.tcp_timestamps", "1");
        assert_eq!(command(None), "sysctl -w net.ipv4.tcp_timestamps=1");
        assert_eq!(command(Some("4711")), "nsenter -t 4711 -n sysctl -w net.ipv4.tcp_timestamps=1");
        assert_eq!(
            command(Some("/run/netns/web")),
            "nsenter --net='/run/netns/web' sysctl -w net.ipv4.tcp_timestamps=1"
        );
        assert_eq!(command(Some("web")), "ip netns exec web sysctl -w net.ipv4.tcp_timestamps=1");
        assert_eq!(
            sysctl(None, "net.ipv4.ip_local_port_range", "32768 60999"),
            "sysctl -w net.ipv4.ip_local_port_range='32768 60999'"
        );
    }
}
