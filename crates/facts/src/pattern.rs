use core::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;

use crate::Untrusted;

/// Which addresses a person means: an address or a prefix, a port, or both.
///
/// The one grammar of every command: `9000`, `:9000`, `127.0.0.1`, `127.0.0.1:9000`, `[::1]:443`, `::1`,
/// `10.0.0.0/8`, `10.0.0.0/8:443`, `[2001:db8::]/32`, and `*` or `*:9000` as other tools print them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// The address, or the prefix it must lie in; any if `None`.
    pub prefix: Option<IpNet>,
    /// The port; any if `None`.
    pub port: Option<u16>,
}

impl Pattern {
    /// The pattern that matches this one endpoint.
    pub fn exactly(endpoint: SocketAddr) -> Self {
        Self { prefix: Some(IpNet::from(endpoint.ip())), port: Some(endpoint.port()) }
    }

    /// Whether it matches everything.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an endpoint matches. An IPv4 pattern also matches the address in its IPv4-mapped form
    /// (`::ffff:127.0.0.1`), which is what a dual-stack listener's connections have; so does the kernel's filter.
    pub fn matches(&self, endpoint: SocketAddr) -> bool {
        let in_prefix = |prefix: IpNet| match (prefix, endpoint.ip()) {
            (IpNet::V4(v4), IpAddr::V6(mapped)) => mapped.to_ipv4_mapped().is_some_and(|ip| v4.contains(&ip)),
            (prefix, ip) => prefix.contains(&ip),
        };
        self.prefix.is_none_or(in_prefix) && self.port.is_none_or(|port| port == endpoint.port())
    }

    /// The one address it names; `None` for a prefix or for any.
    pub fn address(&self) -> Option<IpAddr> {
        self.prefix
            .filter(|prefix| prefix.prefix_len() == prefix.max_prefix_len())
            .map(|prefix| prefix.addr())
    }

    /// The endpoint it names, with `default` for what it leaves open; `None` for a prefix, which names many.
    pub fn endpoint_or(&self, default: SocketAddr) -> Option<SocketAddr> {
        let address = if self.prefix.is_none() { Some(default.ip()) } else { self.address() };
        address.map(|address| SocketAddr::new(address, self.port.unwrap_or(default.port())))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.prefix, self.port) {
            (None, None) => f.write_str("*"),
            (None, Some(port)) => write!(f, ":{port}"),
            (Some(prefix), port) => write_prefix(f, prefix, port),
        }
    }
}

fn write_prefix(f: &mut fmt::Formatter<'_>, prefix: IpNet, port: Option<u16>) -> fmt::Result {
    let bracketed = port.is_some() && matches!(prefix, IpNet::V6(_));
    if bracketed {
        write!(f, "[{}]", prefix.addr())?;
    } else {
        write!(f, "{}", prefix.addr())?;
    }
    if prefix.prefix_len() != prefix.max_prefix_len() {
        write!(f, "/{}", prefix.prefix_len())?;
    }
    port.map_or(Ok(()), |port| write!(f, ":{port}"))
}

/// What is wrong with an address that a person wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{given}' {wrong}; expected {EXPECTED}")]
pub struct PatternError {
    given: String,
    wrong: Wrong,
}

const EXPECTED: &str = "9000, :9000, 127.0.0.1, 127.0.0.1:9000, [::1]:443 or 10.0.0.0/8";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Wrong {
    #[error("is empty")]
    Empty,
    #[error("has the port {0}, and ports go from 0 to 65535")]
    PortRange(String),
    #[error("has no number where the port belongs: '{0}'")]
    Port(String),
    #[error("has no IP address where one belongs: '{0}'")]
    Address(String),
    #[error("has no prefix length where one belongs: '/{0}' (0 to 32 for IPv4, 0 to 128 for IPv6)")]
    PrefixLength(String),
    #[error("has bits set beyond its prefix; the network is {0}")]
    HostBits(IpNet),
    #[error("can be read in two ways; write [{address}]:{port} or [{whole}]")]
    TwoReadings { address: Ipv6Addr, port: u16, whole: Ipv6Addr },
    #[error("opens a bracket and does not close it")]
    Bracket,
    #[error("names an interface, which addresses here cannot")]
    Scope,
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(given: &str) -> Result<Self, PatternError> {
        parse(given.trim()).map_err(|wrong| PatternError { given: shown(given), wrong })
    }
}

fn shown(text: &str) -> String {
    Untrusted::show(text.as_bytes()).to_string()
}

fn parse(text: &str) -> Result<Pattern, Wrong> {
    if text.is_empty() {
        return Err(Wrong::Empty);
    }
    if text.contains('%') {
        return Err(Wrong::Scope);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Pattern { prefix: None, port: Some(port(text)?) });
    }
    if let Some(bracketed) = text.strip_prefix('[') {
        return parse_bracketed(bracketed);
    }
    if text.matches(':').count() > 1 {
        return parse_bare_ipv6(text);
    }
    let (address, port) = split_port(text)?;
    Ok(Pattern { prefix: prefix(address)?, port })
}

/// `::1]`, `::1]:443`, `2001:db8::]/32:443`: what follows an opening bracket.
fn parse_bracketed(text: &str) -> Result<Pattern, Wrong> {
    let (address, rest) = text.split_once(']').ok_or(Wrong::Bracket)?;
    let (length, port) = split_port(rest)?;
    let written = format!("{address}{length}");
    let prefix = prefix(&written)?;
    if address.is_empty() || !matches!(prefix, Some(IpNet::V6(_))) {
        return Err(Wrong::Address(shown(address)));
    }
    Ok(Pattern { prefix, port })
}

/// An IPv6 address without brackets has no port; where its last group could be one, nobody guesses.
fn parse_bare_ipv6(text: &str) -> Result<Pattern, Wrong> {
    if let (Ok(whole), Some((address, port))) = (text.parse(), text.rsplit_once(':'))
        && let (Ok(address), Ok(port)) = (address.parse(), port.parse())
    {
        return Err(Wrong::TwoReadings { address, port, whole });
    }
    Ok(Pattern { prefix: prefix(text)?, port: None })
}

/// Splits `address:port` at its last colon; without a colon there is no port.
fn split_port(text: &str) -> Result<(&str, Option<u16>), Wrong> {
    match text.rsplit_once(':') {
        None => Ok((text, None)),
        Some((address, digits)) => Ok((address, Some(port(digits)?))),
    }
}

fn port(digits: &str) -> Result<u16, Wrong> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Wrong::Port(shown(digits)));
    }
    digits.parse().map_err(|_| Wrong::PortRange(digits.to_owned()))
}

/// An address, a prefix, or nothing (any) where it is empty or `*`.
fn prefix(text: &str) -> Result<Option<IpNet>, Wrong> {
    if text.is_empty() || text == "*" {
        return Ok(None);
    }
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().map_err(|_| Wrong::Address(shown(address)))?;
    let Some(length) = length else { return Ok(Some(IpNet::from(address))) };
    let net = length
        .parse()
        .ok()
        .and_then(|length| IpNet::new(address, length).ok())
        .ok_or_else(|| Wrong::PrefixLength(shown(length)))?;
    if net.trunc() == net { Ok(Some(net)) } else { Err(Wrong::HostBits(net.trunc())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Pattern {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn refusal(text: &str) -> String {
        text.parse::<Pattern>().unwrap_err().to_string()
    }

    #[test]
    fn the_grammar_of_the_help_is_read() {
        assert_eq!(read("9000"), Pattern { prefix: None, port: Some(9000) });
        assert_eq!(read(":9000"), read("9000"));
        assert_eq!(read("*:9000"), read("9000"));
        assert_eq!(read("127.0.0.1"), Pattern { prefix: "127.0.0.1/32".parse().ok(), port: None });
        assert_eq!(read("127.0.0.1:9000"), Pattern::exactly("127.0.0.1:9000".parse().unwrap()));
        assert_eq!(read("[::1]:443"), Pattern::exactly("[::1]:443".parse().unwrap()));
        assert_eq!(read("10.0.0.0/8"), Pattern { prefix: "10.0.0.0/8".parse().ok(), port: None });
        assert_eq!(read("10.0.0.0/8:443"), Pattern { prefix: "10.0.0.0/8".parse().ok(), port: Some(443) });
        assert_eq!(read("2001:db8::/32"), Pattern { prefix: "2001:db8::/32".parse().ok(), port: None });
        assert_eq!(
            read("[2001:db8::]/32:443"),
            Pattern { prefix: "2001:db8::/32".parse().ok(), port: Some(443) }
        );
        assert_eq!(read("::1"), read("[::1]"));
        assert!(read("*").is_any());
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        assert!(refusal("70000").contains("ports go from 0 to 65535"));
        assert!(refusal("127.0.0.1:http").contains("no number where the port belongs: 'http'"));
        assert!(refusal("127.0.0.1:").contains("no number where the port belongs: ''"));
        assert!(refusal("300.0.0.1").contains("no IP address where one belongs: '300.0.0.1'"));
        assert!(refusal("10.0.0.0/40").contains("no prefix length where one belongs: '/40'"));
        assert!(refusal("10.1.2.3/8").contains("the network is 10.0.0.0/8"));
        assert!(refusal("::1:80").contains("write [::1]:80 or [::1:80]"));
        assert!(refusal("[::1").contains("does not close"));
        assert!(refusal("[127.0.0.1]:80").contains("no IP address"));
        assert!(refusal("fe80::1%eth0").contains("names an interface"));
        assert!(refusal("").contains("is empty"));
        assert!(refusal("-1").contains("no IP address"));
    }

    #[test]
    fn an_ipv4_pattern_finds_the_mapped_addresses_of_a_dual_stack_server() {
        assert!(read("127.0.0.0/8:9000").matches("[::ffff:127.0.0.1]:9000".parse().unwrap()));
        assert!(!read("127.0.0.0/8").matches("[::1]:9000".parse().unwrap()));
        assert!(!read("::1").matches("127.0.0.1:1".parse().unwrap()));
    }

    #[test]
    fn what_is_left_open_comes_from_the_default() {
        let default = "0.0.0.0:9000".parse().unwrap();
        assert_eq!(read("8080").endpoint_or(default), "0.0.0.0:8080".parse().ok());
        assert_eq!(read("::1").endpoint_or(default), "[::1]:9000".parse().ok());
        assert_eq!(read("10.0.0.0/8").endpoint_or(default), None, "a prefix names many");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = text.parse::<Pattern>();
        }

        #[test]
        fn what_is_printed_reads_back_as_the_same(address: IpAddr, length in 0u8..=128, port: Option<u16>) {
            let prefix = IpNet::new(address, length).ok().map(|net| net.trunc());
            let pattern = Pattern { prefix, port };
            // Bare IPv6 may be readable in two ways; every command prints patterns with a port or a prefix length.
            prop_assume!(pattern.to_string().parse::<Ipv6Addr>().is_err());
            prop_assert_eq!(read(&pattern.to_string()), pattern);
        }
    }
}
