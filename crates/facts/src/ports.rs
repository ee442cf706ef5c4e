use core::{num::ParseIntError, str::FromStr};

/// Ports from one to another, both included: `ip_local_port_range`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// A text that is no range of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortRangeError {
    /// A number is missing.
    #[error("expected two ports, as in '32768 60999'")]
    Missing,
    /// A number is none, or no port.
    #[error("a port is a number from 0 to 65535")]
    Number(#[from] ParseIntError),
    /// The first port comes after the last.
    #[error("the first port, {first}, comes after the last, {last}")]
    Backwards {
        /// The first.
        first: u16,
        /// The last.
        last: u16,
    },
}

impl PortRange {
    /// From `first` to `last`.
    ///
    /// # Errors
    /// The first comes after the last.
    pub fn new(first: u16, last: u16) -> Result<Self, PortRangeError> {
        if first > last { Err(PortRangeError::Backwards { first, last }) } else { Ok(Self { first, last }) }
    }

    /// The lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> u16 {
        self.last
    }

    /// How many ports it has: at least one.
    #[allow(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(self) -> u32 {
        u32::from(self.last - self.first) + 1
    }

    /// Whether it has this port.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// Its ports, the lowest first.
    pub fn iter(self) -> impl Iterator<Item = u16> {
        self.first..=self.last
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    /// Reads `net.ipv4.ip_local_port_range`: two numbers with spaces between them.
    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let mut numbers = text.split_whitespace();
        let mut number =
            || numbers.next().ok_or(PortRangeError::Missing)?.parse().map_err(PortRangeError::Number);
        Self::new(number()?, number()?)
    }
}

/// A set of ports: `ip_local_reserved_ports`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSet(Vec<PortRange>);

impl PortSet {
    /// Whether it has this port.
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(port))
    }
}

impl FromStr for PortSet {
    type Err = PortRangeError;

    /// Reads `net.ipv4.ip_local_reserved_ports`: `8080,9000-9010`, or nothing.
    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let parts = text.trim().split(',').filter(|part| !part.is_empty());
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            PortRange::new(first.parse()?, last.parse()?)
        };
        parts.map(range).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_texts_are_read() {
        let range: PortRange = "32768\t60999".parse().unwrap();
        assert_eq!((range.first(), range.last(), range.len()), (32768, 60999, 28232));
        let reserved: PortSet = "8080,9000-9002\n".parse().unwrap();
        let held: Vec<u16> = (8000..9100).filter(|&port| reserved.contains(port)).collect();
        assert_eq!(held, [8080, 9000, 9001, 9002]);
        assert_eq!("".parse(), Ok(PortSet::default()));
    }

    #[test]
    fn a_text_that_is_no_range_is_refused() {
        assert_eq!("32768".parse::<PortRange>(), Err(PortRangeError::Missing));
        assert!(matches!("a b".parse::<PortRange>(), Err(PortRangeError::Number(_))));
        assert_eq!("9 7".parse::<PortRange>(), Err(PortRangeError::Backwards { first: 9, last: 7 }));
        assert!(matches!("70000".parse::<PortSet>(), Err(PortRangeError::Number(_))));
    }
}
