use core::fmt;

/// A kernel's version: the first two numbers decide what it can do, the release string is what people quote.
///
/// What it is *not*: a promise. Distributions carry features back, so a version says "should have", never "has".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelVersion {
    major: u16,
    minor: u16,
    release: String,
}

impl KernelVersion {
    /// Reads a release as `uname -r` prints it (`6.18.44-generic`). Numbers that are missing count as zero.
    pub fn from_release(release: &str) -> Self {
        let mut numbers =
            release.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().unwrap_or(0));
        Self {
            major: numbers.next().unwrap_or(0),
            minor: numbers.next().unwrap_or(0),
            release: release.to_owned(),
        }
    }

    /// Whether this is `major.minor` or later.
    pub fn at_least(&self, major: u16, minor: u16) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// The first two numbers, which name its series: `(6, 18)`.
    pub fn series(&self) -> (u32, u32) {
        (self.major.into(), self.minor.into())
    }

    /// The release without what a distribution appended: `6.18.44` of `6.18.44-generic`.
    pub fn number(&self) -> &str {
        let end = self.release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.release.len());
        self.release.get(..end).unwrap_or(&self.release)
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.release)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_s_release_compares_by_its_first_two_numbers() {
        let ubuntu = KernelVersion::from_release("5.15.0-119-generic");
        assert!(ubuntu.at_least(5, 15));
        assert!(!ubuntu.at_least(5, 16));
        assert!(!ubuntu.at_least(6, 0));
        assert_eq!(ubuntu.number(), "5.15.0");
    }

    #[test]
    fn a_release_without_numbers_is_older_than_everything() {
        assert!(!KernelVersion::from_release("custom").at_least(0, 1));
        assert_eq!(KernelVersion::from_release("").number(), "");
    }
}
