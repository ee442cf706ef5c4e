//! The arguments of `timewait load`.

use std::{str::FromStr, time::Duration};

use anyhow::{anyhow, bail};
use clap::ValueEnum;
use timewait_facts::Pattern;

use super::{Target, address};

#[derive(Debug, clap::Args)]
#[command(after_long_help = "Only addresses that the kernel routes as local are connected to.\n\n\
    Latencies are counted from when a connection was due, not from when its turn came.\n\n\
    Examples:\n  \
    timewait load :9000                            as fast as possible, for ten seconds\n  \
    timewait load :9000 --rate 500 --duration 1m\n  \
    timewait load :9000 --close-first client       the wait, and the ports, are this side's\n  \
    timewait load :9000 --from 127.0.0.0/8         from many addresses, so that ports last\n\n\
    Exit status: 0; 1 if connections failed or ports ran short; 2 for bad input, or if it could not run.")]
pub(crate) struct Load {
    /// Where to connect to: an address or a name of this machine, and a port
    pub(crate) address: Target,
    /// Connections a second [default: as fast as possible]
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Stop after so many connections
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) connections: Option<u64>,
    /// Stop after so long
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = address::duration)]
    pub(crate) duration: Duration,
    /// How many may be open at a time
    #[arg(long, value_name = "N", default_value = "64",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) concurrency: u32,
    /// server, client, or rst: we end it by an RST
    #[arg(long, value_name = "HOW", value_enum, default_value_t, hide_possible_values = true)]
    pub(crate) close_first: Close,
    /// Connect from these in turn: a list, or a prefix
    #[arg(long, value_name = "ADDRESS,...", value_delimiter = ',')]
    pub(crate) from: Vec<Source>,
    /// Say this first; \r and \n as such
    #[arg(long, value_name = "TEXT")]
    pub(crate) say: Option<String>,
    /// Go on beyond half of the local ports
    #[arg(long)]
    pub(crate) exhaust: bool,
    /// Print one JSON object at the end
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a connection of the load generator ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Close {
    /// The server closes first
    #[default]
    Server,
    /// We close first, once something was heard
    Client,
    /// We end it by an RST, once something was heard
    Rst,
}

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
