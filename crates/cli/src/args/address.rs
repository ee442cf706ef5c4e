use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _},
    str::FromStr,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use jiff::SignedDuration;
use timewait_facts::{Pattern, Untrusted};

/// The article's port.
const PORT: u16 = 9000;

/// Where to listen: what is left open is the article's 0.0.0.0 and 9000.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListenAddress(pub(crate) SocketAddr);

impl Default for ListenAddress {
    fn default() -> Self {
        Self(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), PORT))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ListenAddress {
    type Err = anyhow::Error;

    fn from_str(given: &str) -> anyhow::Result<Self> {
        one_endpoint(given, Self::default().0).map(Self)
    }
}

fn one_endpoint(given: &str, default: SocketAddr) -> anyhow::Result<SocketAddr> {
    let pattern: Pattern = given.parse()?;
    pattern.endpoint_or(default).ok_or_else(|| anyhow!("{pattern} is a prefix; one address is needed here"))
}

/// A port to ask about, and perhaps the one address of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// The address; both unspecified ones where none is given.
    pub(crate) address: Option<IpAddr>,
    /// The port, never 0.
    pub(crate) port: u16,
}

impl FromStr for Question {
    type Err = anyhow::Error;

    fn from_str(given: &str) -> anyhow::Result<Self> {
        if given.to_ascii_lowercase().contains("udp") {
            bail!("UDP has no TIME-WAIT, and its ports are another matter; this answers for TCP alone");
        }
        let pattern: Pattern = given.parse()?;
        let port = pattern.port.filter(|&port| port != 0);
        let port = port.ok_or_else(|| anyhow!("{pattern} names no port; write one, as in :9000"))?;
        match (pattern.prefix, pattern.address()) {
            (Some(_), None) => bail!("{pattern} is a prefix; one address is needed here"),
            (_, address) => Ok(Self { address, port }),
        }
    }
}

impl Question {
    /// What would be bound: where no address is given, every IPv4 address, and every address of both families.
    pub(crate) fn addresses(self) -> Vec<SocketAddr> {
        let everywhere = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        let addresses = self.address.map_or_else(|| everywhere.to_vec(), |address| vec![address]);
        addresses.into_iter().map(|address| SocketAddr::new(address, self.port)).collect()
    }
}

/// Where to connect to: an endpoint, or a name that is yet to be resolved.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Endpoint(SocketAddr),
    Name { host: String, port: u16 },
}

impl FromStr for Target {
    type Err = anyhow::Error;

    /// What has a letter before its port, and is no IPv6 address, is a name.
    fn from_str(given: &str) -> anyhow::Result<Self> {
        let (host, port) = given.rsplit_once(':').unwrap_or((given, ""));
        let is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
            && host.chars().any(|c| c.is_ascii_alphabetic());
        if !is_name {
            let default = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT);
            return one_endpoint(given, default).map(Self::Endpoint);
        }
        let port = if port.is_empty() { Ok(PORT) } else { port.parse() };
        let port =
            port.map_err(|_| anyhow!("'{}' has no port from 0 to 65535", Untrusted::show(given.as_bytes())))?;
        Ok(Self::Name { host: host.to_owned(), port })
    }
}

impl Target {
    /// The endpoints it stands for, at least one.
    pub(crate) fn resolve(&self) -> anyhow::Result<Vec<SocketAddr>> {
        let (host, port) = match self {
            Self::Endpoint(endpoint) => return Ok(vec![*endpoint]),
            Self::Name { host, port } => (host, *port),
        };
        let none = || io::Error::new(io::ErrorKind::NotFound, "it has no address");
        let found: Vec<SocketAddr> = (host.as_str(), port)
            .to_socket_addrs()
            .and_then(|found| {
                Some(found.collect()).filter(|found: &Vec<_>| !found.is_empty()).ok_or_else(none)
            })
            .with_context(|| format!("cannot resolve '{host}'"))?;
        Ok(found)
    }
}

/// The address, and perhaps the port, to connect from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From(Pattern);

impl FromStr for From {
    type Err = anyhow::Error;

    fn from_str(given: &str) -> anyhow::Result<Self> {
        let pattern: Pattern = given.parse()?;
        if pattern.prefix.is_some() && pattern.address().is_none() {
            bail!("{pattern} is a prefix; one address is needed here");
        }
        Ok(Self(pattern))
    }
}

impl From {
    /// The source for a connection to `to`: an address of its family.
    pub(crate) fn towards(self, to: SocketAddr) -> anyhow::Result<(IpAddr, Option<u16>)> {
        let any: IpAddr =
            if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let address = self.0.address().unwrap_or(any);
        if address.is_ipv4() != to.is_ipv4() {
            bail!("--from {address} and {to} are of different families");
        }
        Ok((address, self.0.port.filter(|&port| port != 0)))
    }
}

/// `10s`, `500ms`, `1m 30s`; a bare number is seconds.
pub(crate) fn duration(given: &str) -> anyhow::Result<Duration> {
    let seconds = given.bytes().all(|byte| byte.is_ascii_digit());
    let text = if seconds { format!("{given}s") } else { given.to_owned() };
    let expected = "expected a time such as 10s, 500ms or 1m30s";
    let signed: SignedDuration = text.parse().map_err(|_| anyhow!("{expected}"))?;
    let time = Duration::try_from(signed).map_err(|_| anyhow!("a time cannot be negative; {expected}"))?;
    if time.is_zero() || time > Duration::from_secs(24 * 3600) {
        bail!("{expected}, more than 0 and at most a day");
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listen_address_takes_the_article_s_for_what_is_left_open() {
        let listen = |text: &str| text.parse::<ListenAddress>().unwrap().to_string();
        assert_eq!(listen("8080"), "0.0.0.0:8080");
        assert_eq!(listen("127.0.0.1"), "127.0.0.1:9000");
        assert_eq!(listen("[::]:80"), "[::]:80");
        assert!("10.0.0.0/8".parse::<ListenAddress>().unwrap_err().to_string().contains("is a prefix"));
    }

    #[test]
    fn a_target_is_an_endpoint_or_a_name() {
        assert!(
            matches!(":9000".parse(), Ok(Target::Endpoint(to)) if to == "127.0.0.1:9000".parse().unwrap())
        );
        assert!(matches!("[::1]:80".parse(), Ok(Target::Endpoint(to)) if to.is_ipv6()));
        assert!(matches!("fe80::1".parse(), Ok(Target::Endpoint(to)) if to.port() == PORT));
        assert!(matches!("localhost:80".parse(), Ok(Target::Name { host, port: 80 }) if host == "localhost"));
        assert!("localhost:http".parse::<Target>().is_err());
        assert!("local host:80".parse::<Target>().is_err());
        assert!("".parse::<Target>().is_err());
    }

    #[test]
    fn a_question_is_about_a_port_of_tcp() {
        let question = |text: &str| text.parse::<Question>();
        assert_eq!(question(":9000").unwrap().addresses().len(), 2);
        assert_eq!(question("[::1]:80").unwrap().addresses(), ["[::1]:80".parse().unwrap()]);
        for wrong in ["127.0.0.1", "0", "10.0.0.0/8:80", "udp:53", ":53/udp"] {
            assert!(question(wrong).is_err(), "{wrong}");
        }
        assert!(question("udp:53").unwrap_err().to_string().contains("for TCP alone"));
    }

    #[test]
    fn a_source_is_of_the_target_s_family() {
        let from: From = "40000".parse().unwrap();
        assert_eq!(
            from.towards("[::1]:9".parse().unwrap()).unwrap(),
            (Ipv6Addr::UNSPECIFIED.into(), Some(40000))
        );
        let from: From = "127.0.0.2".parse().unwrap();
        assert!(from.towards("[::1]:9".parse().unwrap()).is_err());
    }

    #[test]
    fn a_time_has_a_unit_or_is_seconds() {
        assert_eq!(duration("10").unwrap(), Duration::from_secs(10));
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(duration("1m30s").unwrap(), Duration::from_secs(90));
        for wrong in ["", "0", "soon", "-3s", "99999999999999999999", "3 parsecs"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
