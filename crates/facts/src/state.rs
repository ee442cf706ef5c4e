use core::{fmt, str::FromStr};

/// A TCP socket's state as the kernel numbers it (linux v6.12 `include/net/tcp_states.h`), named as `ss` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are RFC 9293's")]
pub enum State {
    Established = 1,
    SynSent = 2,
    /// SYN-RECEIVED: a half-open connection.
    SynRecv = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    /// CLOSED, yet still a socket.
    Closed = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
    /// Bound to a port, neither listening nor connected. No state of TCP's: the kernel lists such sockets since
    /// 6.8 when bit 13 (`TCPF_BOUND_INACTIVE`) is asked for, and reports them as CLOSED.
    BoundInactive = 13,
}

impl State {
    /// Every state, in the order of the kernel's numbers.
    pub const ALL: [Self; 12] = [
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Closed,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
        Self::BoundInactive,
    ];

    /// The state with this number in the kernel; `TCP_NEW_SYN_RECV` (12), the kernel's own distinction within
    /// SYN-RECEIVED, is [`State::SynRecv`].
    #[inline]
    pub fn from_kernel(number: u8) -> Option<Self> {
        // Looked up, since this is done for each row.
        const BY_NUMBER: [Option<State>; 14] = [
            None,
            Some(State::Established),
            Some(State::SynSent),
            Some(State::SynRecv),
            Some(State::FinWait1),
            Some(State::FinWait2),
            Some(State::TimeWait),
            Some(State::Closed),
            Some(State::CloseWait),
            Some(State::LastAck),
            Some(State::Listen),
            Some(State::Closing),
            Some(State::SynRecv),
            Some(State::BoundInactive),
        ];
        BY_NUMBER.get(usize::from(number)).copied().flatten()
    }

    /// The name `ss` uses, in lower case with hyphens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::SynSent => "syn-sent",
            Self::SynRecv => "syn-recv",
            Self::FinWait1 => "fin-wait-1",
            Self::FinWait2 => "fin-wait-2",
            Self::TimeWait => "time-wait",
            Self::Closed => "closed",
            Self::CloseWait => "close-wait",
            Self::LastAck => "last-ack",
            Self::Listen => "listen",
            Self::Closing => "closing",
            Self::BoundInactive => "bound-inactive",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{given}' is no TCP state; the states are {}", names())]
pub struct UnknownState {
    given: String,
}

fn names() -> String {
    State::ALL.map(State::name).join(", ")
}

impl FromStr for State {
    type Err = UnknownState;

    /// Reads a state's name; case, and `_` for `-`, do not matter; `ss`'s and `netstat`'s other words for a
    /// state (`estab`, `listening`, `unconn`) are known.
    fn from_str(given: &str) -> Result<Self, UnknownState> {
        let plain = given.to_ascii_lowercase().replace('_', "-");
        let canonical = match plain.as_str() {
            "estab" => "established",
            "listening" => "listen",
            "syn-received" => "syn-recv",
            "fin-wait1" => "fin-wait-1",
            "fin-wait2" => "fin-wait-2",
            "timewait" => "time-wait",
            "close" | "unconn" | "unconnected" => "closed",
            "bound" => "bound-inactive",
            other => other,
        };
        Self::ALL
            .into_iter()
            .find(|state| state.name() == canonical)
            .ok_or_else(|| UnknownState { given: crate::Untrusted::show(given.as_bytes()).to_string() })
    }
}

/// A set of states: the mask that the kernel takes (bit *n* for state number *n*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States(u32);

impl States {
    /// No state.
    pub const NONE: Self = Self(0);
    /// TIME-WAIT alone.
    pub const TIME_WAIT: Self = Self(1 << State::TimeWait as u8);
    /// LISTEN alone.
    pub const LISTEN: Self = Self(1 << State::Listen as u8);

    /// Every state there is a name for.
    pub fn all() -> Self {
        State::ALL.into_iter().collect()
    }

    /// As the kernel takes it.
    pub const fn mask(self) -> u32 {
        self.0
    }

    /// Whether the set holds this state.
    pub const fn contains(self, state: State) -> bool {
        self.0 & (1 << state as u8) != 0
    }

    /// The set with this state.
    #[must_use]
    pub const fn with(self, state: State) -> Self {
        Self(self.0 | 1 << state as u8)
    }

    /// The states of this set, in the order of the kernel's numbers.
    pub fn iter(self) -> impl Iterator<Item = State> {
        State::ALL.into_iter().filter(move |&state| self.contains(state))
    }
}

impl FromIterator<State> for States {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> Self {
        states.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::all() {
            return f.write_str("any state");
        }
        for (position, state) in self.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{state}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_its_number_and_by_its_name() {
        for state in State::ALL {
            assert_eq!(State::from_kernel(state as u8), Some(state));
            assert_eq!(state.name().parse(), Ok(state));
            assert_eq!(
                state.name().to_uppercase().replace('-', "_").parse(),
                Ok(state),
                "as netstat prints it"
            );
        }
    }

    #[test]
    fn a_number_the_kernel_does_not_use_is_no_state() {
        assert_eq!(State::from_kernel(0), None);
        assert_eq!(State::from_kernel(14), None);
        assert_eq!(State::from_kernel(255), None);
    }

    #[test]
    fn a_word_that_is_no_state_is_refused_with_the_list() {
        let refusal = "half-open".parse::<State>().unwrap_err().to_string();
        assert!(refusal.starts_with("'half-open' is no TCP state; the states are established, syn-sent"));
    }

    #[test]
    fn the_mask_has_the_kernel_s_bits() {
        assert_eq!(States::TIME_WAIT.mask(), 1 << 6);
        assert_eq!(States::all().mask(), 0b10_1111_1111_1110);
        assert_eq!(States::all().to_string(), "any state");
        let two: States = [State::TimeWait, State::Established].into_iter().collect();
        assert_eq!(two.to_string(), "established, time-wait");
    }
}
