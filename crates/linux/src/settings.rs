//! The kernel's settings and counters of this network namespace.

use std::{collections::BTreeMap, fs, io};

use crate::netns::{Netns, NotInside};

/// A setting that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// No name of a setting: words of letters, digits, `_`, `-`, joined by dots.
    #[error("'{0}' is no name of a setting (expected one like net.ipv4.tcp_fin_timeout)")]
    Name(String),
    /// The kernel has no such setting (this version, or this namespace).
    #[error("this kernel has no setting {0}")]
    Absent(String),
    /// The kernel refused.
    #[error("cannot {doing} {name}")]
    Refused {
        /// `read` or `write`.
        doing: &'static str,
        /// The setting.
        name: String,
        /// What the kernel answered.
        source: io::Error,
    },
    /// The namespace whose setting it is cannot be entered.
    #[error("cannot read {0} of the other network namespace")]
    Elsewhere(String, #[source] io::Error),
    /// Written without complaint, and yet another value stands there.
    #[error("{name} was set to '{written}' and reads '{read}'")]
    NotTaken {
        /// The setting.
        name: String,
        /// What was written.
        written: String,
        /// What was read back.
        read: String,
    },
}

/// Reads a setting by its dotted name (`net.ipv4.tcp_fin_timeout`). Fields are joined by single spaces.
///
/// # Errors
/// The name is none, the kernel has no such setting, or it refuses.
pub fn read(name: &str) -> Result<String, SettingError> {
    let text = fs::read_to_string(path(name)?).map_err(|source| refused("read", name, source))?;
    Ok(plain(&text))
}

/// Reads a setting of another network namespace. The calling thread stays where it is.
///
/// # Errors
/// As [`read`], or this process may not enter the namespace.
pub fn read_in(netns: &Netns, name: &str) -> Result<String, SettingError> {
    let (NotInside::Enter(why) | NotInside::Thread(why)) = match netns.inside(|| read(name)) {
        Ok(outcome) => return outcome,
        Err(not_inside) => not_inside,
    };
    Err(SettingError::Elsewhere(name.to_owned(), why))
}

/// Writes a setting and reads it back. Only for a [host of our own](crate::hosts::Host::set).
pub(crate) fn write(name: &str, value: &str) -> Result<(), SettingError> {
    fs::write(path(name)?, value).map_err(|source| refused("write", name, source))?;
    let read = read(name)?;
    if read == plain(value) {
        return Ok(());
    }
    Err(SettingError::NotTaken { name: name.to_owned(), written: value.to_owned(), read })
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn refused(doing: &'static str, name: &str, source: io::Error) -> SettingError {
    match source.kind() {
        io::ErrorKind::NotFound => SettingError::Absent(name.to_owned()),
        _ => SettingError::Refused { doing, name: name.to_owned(), source },
    }
}

fn path(name: &str) -> Result<String, SettingError> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    if name.contains('.') && name.split('.').all(is_word) {
        Ok(format!("/proc/sys/{}", name.replace('.', "/")))
    } else {
        Err(SettingError::Name(name.to_owned()))
    }
}

/// The TCP counters of this network namespace since it began, by the names of `/proc/net/netstat` and
/// `/proc/net/snmp` (`ListenOverflows`, `TCPTimeWaitOverflow`, `OutRsts`, ...).
///
/// # Errors
/// Those files cannot be read.
pub fn tcp_counters() -> io::Result<BTreeMap<String, u64>> {
    let mut counters = BTreeMap::new();
    for file in ["/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat"] {
        parse_counters(&fs::read_to_string(file)?, &mut counters);
    }
    Ok(counters)
}

/// `tw` of `/proc/net/sockstat`: the timewait minisockets of this network namespace, IPv4's and IPv6's, in constant time.
///
/// It is *not* the number of sockets in TIME-WAIT: orphans in FIN-WAIT-2 are minisockets as well.
///
/// # Errors
/// The file cannot be read, or has no such number (`InvalidData`).
pub fn sockstat_tw() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/net/sockstat")?;
    parse_sockstat(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "sockstat has no 'tw'"))
}

/// `TCP: inuse 1 orphan 0 tw 2 alloc 3 mem 0`
fn parse_sockstat(text: &str) -> Option<u64> {
    let mut words = text.lines().find_map(|line| line.strip_prefix("TCP:"))?.split_whitespace();
    words.find(|&word| word == "tw")?;
    words.next()?.parse().ok()
}

/// The same of another network namespace. The calling thread stays where it is.
///
/// # Errors
/// Those files cannot be read, or this process may not enter the namespace.
pub fn tcp_counters_in(netns: &Netns) -> io::Result<BTreeMap<String, u64>> {
    netns.inside(tcp_counters).unwrap_or_else(|(NotInside::Enter(why) | NotInside::Thread(why))| Err(why))
}

/// Lines come in pairs: `TcpExt: NameA NameB`, then `TcpExt: 1 2`. A value that is no count (`MaxConn -1`) is left
/// out.
fn parse_counters(text: &str, counters: &mut BTreeMap<String, u64>) {
    let lines: Vec<&str> = text.lines().collect();
    for pair in lines.chunks_exact(2) {
        let &[names, values] = pair else { continue };
        if !(names.starts_with("Tcp:") || names.starts_with("TcpExt:")) {
            continue;
        }
        let pairs = names.split_whitespace().zip(values.split_whitespace()).skip(1);
        counters.extend(pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_leave_proc_sys_is_refused() {
        for name in ["net.ipv4/../../../etc/passwd", "..", "net..x", "", "net", "net.ipv4.tcp fin"] {
            assert!(matches!(read(name), Err(SettingError::Name(_))), "{name}");
        }
    }

    #[test]
    fn a_setting_that_this_kernel_lacks_is_absent() {
        let error = read("net.ipv4.tcp_tw_recycle_gone").unwrap_err();
        assert_eq!(error.to_string(), "this kernel has no setting net.ipv4.tcp_tw_recycle_gone");
    }

    #[test]
    fn fields_are_joined_by_single_spaces() {
        assert_eq!(plain("32768\t60999\n"), "32768 60999");
    }

    #[test]
    fn counters_are_the_named_values_of_tcp_alone() {
        let mut counters = BTreeMap::new();
        let text = "Ip: Forwarding\nIp: 1\nTcp: MaxConn OutRsts\nTcp: -1 7\nTcpExt: ListenDrops\nTcpExt: 3\n";
        parse_counters(text, &mut counters);
        assert_eq!(counters, BTreeMap::from([("OutRsts".into(), 7), ("ListenDrops".into(), 3)]));
    }

    #[test]
    fn the_minisockets_are_the_number_after_tw_in_tcp_s_line() {
        let text = "sockets: used 9\nTCP: inuse 1 orphan 0 tw 2 alloc 3 mem 0\nUDP: inuse 1 mem 0\n";
        assert_eq!(parse_sockstat(text), Some(2));
        for odd in ["", "TCP: inuse 1", "TCP: tw", "TCP: tw many", "UDP: tw 1"] {
            assert_eq!(parse_sockstat(odd), None, "{odd}");
        }
        sockstat_tw().unwrap();
    }

    #[test]
    fn the_running_kernel_counts_listen_overflows() {
        assert!(tcp_counters().unwrap().contains_key("ListenOverflows"));
    }
}
