use std::str::FromStr;

use anyhow::{anyhow, bail};
use timewait_facts::Pattern;

/// An address, or a prefix of addresses, to connect from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source(pub(crate) Pattern);

impl FromStr for Source {
    type Err = anyhow::Error;

    fn from_str(given: &str) -> anyhow::Result<Self> {
        let pattern: Pattern = given.parse()?;
        if pattern.prefix.is_none() || pattern.port.is_some() {
            bail!("{pattern} is no address; expected some such as 127.0.0.2 or 127.0.0.0/8, without a port");
        }
        Ok(Self(pattern))
    }
}

/// Connections a second.
pub(crate) fn rate(given: &str) -> anyhow::Result<f64> {
    let rate = given.parse().ok().filter(|rate: &f64| (0.001..=10_000_000.0).contains(rate));
    rate.ok_or_else(|| anyhow!("expected connections a second, from 0.001 to 10,000,000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_address_or_a_prefix_without_a_port() {
        assert!("127.0.0.0/8".parse::<Source>().is_ok() && "::1".parse::<Source>().is_ok());
        for wrong in ["", "9000", "127.0.0.1:80", "*", "somewhere"] {
            assert!(wrong.parse::<Source>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_is_positive_and_finite() {
        assert_eq!(rate("0.5").unwrap().to_bits(), 0.5_f64.to_bits());
        for wrong in ["0", "-1", "nan", "inf", "many", "1e9"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
