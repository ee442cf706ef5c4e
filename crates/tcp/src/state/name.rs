use core::fmt;

/// A state of the connection, of the eleven that RFC 9293 §3.3.2 has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[allow(missing_docs, reason = "the names are RFC 9293's")]
pub enum StateName {
    /// No connection at all, and so no state: what is before the first and after the last.
    Closed,
    Listen,
    SynSent,
    #[cfg_attr(feature = "serde", serde(rename = "syn-recv"))]
    SynReceived,
    Established,
    #[cfg_attr(feature = "serde", serde(rename = "fin-wait-1"))]
    FinWait1,
    #[cfg_attr(feature = "serde", serde(rename = "fin-wait-2"))]
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl StateName {
    /// Every state, in the order in which a connection may come to them.
    pub const ALL: [Self; 11] = [
        Self::Closed,
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
    ];

    /// The name `ss` uses, in lower case with hyphens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Listen => "listen",
            Self::SynSent => "syn-sent",
            Self::SynReceived => "syn-recv",
            Self::Established => "established",
            Self::FinWait1 => "fin-wait-1",
            Self::FinWait2 => "fin-wait-2",
            Self::CloseWait => "close-wait",
            Self::Closing => "closing",
            Self::LastAck => "last-ack",
            Self::TimeWait => "time-wait",
        }
    }

    /// The state with this name; none if it is no state's.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_its_name_and_written_so() {
        for state in StateName::ALL {
            assert_eq!(StateName::from_name(state.name()), Some(state));
            #[cfg(feature = "serde")]
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
        assert_eq!(StateName::from_name("TIME_WAIT"), None);
    }
}
