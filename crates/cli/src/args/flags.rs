use std::{fmt, str::FromStr};

use anyhow::bail;
use timewait_facts::Untrusted;

/// The options of a socket that somebody will bind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) reuseaddr: bool,
    pub(crate) reuseport: bool,
    /// `v6only` or `dual-stack`; where neither is said, the system's default holds.
    pub(crate) v6only: Option<bool>,
}

impl Flags {
    /// Every combination of the two that decide who shares a port.
    pub(crate) fn all(v6only: Option<bool>) -> [Self; 4] {
        [(false, false), (true, false), (false, true), (true, true)].map(|(reuseaddr, reuseport)| Self {
            reuseaddr,
            reuseport,
            v6only,
        })
    }

    /// Their names, as in the argument.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let v6only = self.v6only.map(|v6only| if v6only { "v6only" } else { "dual-stack" });
        let shared = [(self.reuseaddr, "reuseaddr"), (self.reuseport, "reuseport")];
        shared.into_iter().filter_map(|(on, name)| on.then_some(name)).chain(v6only).collect()
    }
}

impl FromStr for Flags {
    type Err = anyhow::Error;

    fn from_str(given: &str) -> anyhow::Result<Self> {
        let mut flags = Self::default();
        for word in given.split(',').filter(|_| given != "none") {
            match word.trim().to_ascii_lowercase().as_str() {
                "reuseaddr" | "so_reuseaddr" => flags.reuseaddr = true,
                "reuseport" | "so_reuseport" => flags.reuseport = true,
                "v6only" | "ipv6_v6only" if flags.v6only != Some(false) => flags.v6only = Some(true),
                "dual-stack" if flags.v6only != Some(true) => flags.v6only = Some(false),
                "v6only" | "ipv6_v6only" | "dual-stack" => bail!("v6only and dual-stack exclude each other"),
                other => bail!(
                    "'{}' is no flag; expected none, or some of reuseaddr, reuseport, v6only, dual-stack",
                    Untrusted::show(other.as_bytes())
                ),
            }
        }
        Ok(flags)
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names();
        f.pad(&if names.is_empty() { "none".to_owned() } else { names.join(",") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_read_back_as_they_are_printed() {
        for text in ["none", "reuseaddr", "reuseaddr,reuseport", "reuseport,v6only", "dual-stack"] {
            assert_eq!(text.parse::<Flags>().unwrap().to_string(), text);
        }
        for wrong in ["", "reuse", "v6only,dual-stack", "none,reuseaddr"] {
            assert!(wrong.parse::<Flags>().is_err(), "{wrong}");
        }
    }
}
