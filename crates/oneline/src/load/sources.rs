use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Addresses in turn: every host of every prefix, then the first again.
#[derive(Clone, Debug)]
pub struct Sources {
    ranges: Vec<Range>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    first: IpAddr,
    count: u64,
}

impl Sources {
    /// The hosts of these prefixes. A prefix's first and last address are none, where it has more than two (IPv4).
    pub fn new(prefixes: &[IpNet]) -> Self {
        Self { ranges: prefixes.iter().map(|&prefix| Range::of(prefix)).collect() }
    }

    /// How many addresses there are; 0 where the kernel is to choose.
    pub fn count(&self) -> u64 {
        self.ranges.iter().fold(0, |count, range| count.saturating_add(range.count))
    }

    /// The address for the connection with this number.
    pub fn nth(&self, number: u64) -> Option<IpAddr> {
        let mut place = number.checked_rem(self.count())?;
        for range in &self.ranges {
            if place < range.count {
                return Some(range.nth(place));
            }
            place -= range.count;
        }
        None
    }
}

impl Range {
    fn of(prefix: IpNet) -> Self {
        let bits = u32::from(prefix.max_prefix_len() - prefix.prefix_len());
        let all = 1_u64.checked_shl(bits).unwrap_or(u64::MAX);
        match prefix {
            IpNet::V4(v4) if all > 2 => {
                Self { first: Ipv4Addr::from(u32::from(v4.network()) + 1).into(), count: all - 2 }
            }
            _ => Self { first: prefix.network(), count: all },
        }
    }

    fn nth(self, place: u64) -> IpAddr {
        match self.first {
            IpAddr::V4(first) => {
                Ipv4Addr::from(u32::from(first).wrapping_add(u32::try_from(place).unwrap_or(0))).into()
            }
            IpAddr::V6(first) => Ipv6Addr::from(u128::from(first).wrapping_add(place.into())).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_come_in_turn_and_then_again() {
        let sources = Sources::new(&["127.0.0.9/32".parse().unwrap(), "127.1.0.0/30".parse().unwrap()]);
        let turn: Vec<String> = (0..4).map(|number| sources.nth(number).unwrap().to_string()).collect();
        assert_eq!(turn, ["127.0.0.9", "127.1.0.1", "127.1.0.2", "127.0.0.9"]);
        assert_eq!(sources.count(), 3);
    }

    #[test]
    fn the_largest_prefixes_do_not_overflow() {
        let all = Sources::new(&["::/0".parse().unwrap(), "0.0.0.0/0".parse().unwrap()]);
        assert_eq!(all.count(), u64::MAX);
        assert!(all.nth(u64::MAX - 1).is_some());
        assert_eq!(Sources::new(&[]).nth(7), None);
        assert_eq!(Sources::new(&["127.0.0.0/8".parse().unwrap()]).count(), (1 << 24) - 2);
    }
}
