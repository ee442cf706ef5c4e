//! The commands for machines in production.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::{anyhow, bail};
use timewait_facts::{KernelVersion, Pattern};

use super::address;

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Each pair of a source address and a destination (address and port) has a budget of its own: \
    the ports of net.ipv4.ip_local_port_range. At half of it connect(2) becomes slow, at its end it fails with \
    EADDRNOTAVAIL. Of more than 100,000 such pairs the first that the kernel lists are counted; connections of the \
    others are only summed up.\n\n\
    Examples:\n  \
    timewait ports                          every destination, the fullest first\n  \
    timewait ports 10.0.0.5:5432 --watch    the rate there, and how long ports will last\n  \
    timewait ports --threshold 40%          for a check: exit status 1 from 40 % on\n  \
    timewait ports --all-netns              in every network namespace (root)\n\n\
    Exit status: 0; 1 if a destination has half its ports in use (or --threshold), or, with --watch, if\n\
    connections will be refused at this rate; 2 for bad input, or if it could not look."
)]
pub(crate) struct Ports {
    /// Only destinations with this address, port or prefix
    pub(crate) address: Option<Pattern>,
    /// Watch for so long (2s to 60s), then foretell [default: 10s]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "10s",
        value_parser = watch_time)]
    pub(crate) watch: Option<Duration>,
    /// Bad news from this share of the ports on [default: the half]
    #[arg(long, value_name = "PERCENT")]
    pub(crate) threshold: Option<Percent>,
    /// Show all destinations, not the fullest 20
    #[arg(long)]
    pub(crate) rows: bool,
    /// Look in another network namespace
    #[arg(long, value_name = "NAME|PATH|PID")]
    pub(crate) netns: Option<String>,
    /// Look in every network namespace (root)
    #[arg(long, conflicts_with = "netns")]
    pub(crate) all_netns: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "FILE is read as systemd-sysctl reads it: of two assignments the later counts. Of folders, all \
    files that end in .conf count, in the order of their names, and one in an earlier folder hides those of its name in \
    later ones; a sysctl.d that does not exist is passed over. Without FILE the running host is looked at: its settings, listeners and counters.\n\n\
    Each finding has its source in the kernel and, where there is one, the claim by which `timewait lab` tries it. \
    Nothing is changed: the command that would is printed.\n\n\
    Examples:\n  \
    timewait doctor\n  \
    timewait doctor /{etc,run,usr/local/lib,usr/lib}/sysctl.d\n  \
    timewait doctor --kernel 5.15 99-tuning.conf    before it is rolled out\n  \
    timewait doctor --netns 4711                    a container, by a process\n\n\
    Exit status: 0, also with remarks; 1 if something is wrong; 2 for bad input, or if it could not look."
)]
pub(crate) struct Doctor {
    /// Sysctl files, or folders of them [default: the running host]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Judge FILE for this version [default: the running one]
    #[arg(long, value_name = "VERSION", requires = "files", value_parser = kernel_version)]
    pub(crate) kernel: Option<KernelVersion>,
    /// Look in another network namespace
    #[arg(long, value_name = "NAME|PATH|PID", conflicts_with = "files")]
    pub(crate) netns: Option<String>,
    /// Look in every network namespace (root)
    #[arg(long, conflicts_with_all = ["netns", "files"])]
    pub(crate) all_netns: bool,
    /// Read no options of other processes' listeners
    #[arg(long, conflicts_with = "files")]
    pub(crate) no_peek: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `5.15`, or a release as uname(1) prints it.
fn kernel_version(given: &str) -> anyhow::Result<KernelVersion> {
    let version = KernelVersion::from_release(given);
    let begins = version.number().split('.').take(2).all(|part| !part.is_empty() && part.len() <= 4);
    if begins && version.number().contains('.') && version.at_least(1, 0) {
        Ok(version)
    } else {
        bail!("expected a version such as 5.15 or 6.12.9-generic")
    }
}

/// A share of a whole, from 1 to 100 in a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percent(u32);

impl Percent {
    /// Whether a part is that much of the whole, or more.
    pub(crate) fn is_reached(self, part: u32, whole: u32) -> bool {
        u64::from(part) * 100 >= u64::from(whole) * u64::from(self.0)
    }
}

impl FromStr for Percent {
    type Err = anyhow::Error;

    fn from_str(given: &str) -> anyhow::Result<Self> {
        let digits = given.strip_suffix('%').unwrap_or(given).trim_end();
        match digits.parse() {
            Ok(percent @ 1..=100) => Ok(Self(percent)),
            _ => bail!("expected a percentage from 1% to 100%"),
        }
    }
}

/// A time to watch: whole seconds, since states are counted by them, and no longer than a TIME-WAIT.
fn watch_time(given: &str) -> anyhow::Result<Duration> {
    let time = address::duration(given)?;
    if (2..=60).contains(&time.as_secs()) && time.subsec_nanos() == 0 {
        Ok(time)
    } else {
        Err(anyhow!("expected whole seconds from 2s to 60s, for which a TIME-WAIT can be seen"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_a_whole_number_from_1_to_100() {
        assert_eq!("40%".parse::<Percent>().unwrap(), "40".parse().unwrap());
        for wrong in ["", "%", "0", "101%", "-1", "4.5%", "half"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_is_reached_at_its_very_number() {
        let forty: Percent = "40%".parse().unwrap();
        assert_eq!([3, 4, 5].map(|part| forty.is_reached(part, 10)), [false, true, true]);
        assert!(forty.is_reached(0, 0), "where there are no ports, none is left");
    }

    #[test]
    fn a_kernel_version_has_two_numbers() {
        assert!(kernel_version("5.15").unwrap().at_least(5, 15));
        assert!(kernel_version("6.12.9-generic").unwrap().at_least(6, 12));
        for wrong in ["", "6", "new", "6.", ".1", "0.9", "99999.1"] {
            assert!(kernel_version(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_to_watch_is_at_most_a_time_wait() {
        assert_eq!(watch_time("2").unwrap(), Duration::from_secs(2));
        for wrong in ["1s", "61s", "2500ms", "soon"] {
            assert!(watch_time(wrong).is_err(), "{wrong}");
        }
    }
}
