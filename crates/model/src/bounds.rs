use core::time::Duration;

use timewait_tcp::{
    Profile,
    profile::{Reopens, Restarts},
};

/// How bad the network may be, how patient the machines are, and which of their rules hold.
///
/// Small numbers say everything: what can go wrong with two losses goes wrong by the same steps as with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// The maximum segment lifetime, in ticks: a segment arrives at most so long after it was sent.
    pub msl: u8,
    /// How many segments may be lost, in all.
    pub losses: u8,
    /// How many segments may arrive twice, in all.
    pub repeats: u8,
    /// What waits for its ACK is sent again at the latest after so many ticks.
    pub every: u8,
    /// How many times a segment is sent again, at most.
    pub retransmissions: u8,
    /// Both sides close at once; else the left one closes when it has heard that the right one has.
    pub both_close: bool,
    /// An RST ends TIME-WAIT (RFC 9293); else it is ignored (RFC 1337).
    pub rst_kills_time_wait: bool,
    /// A newer SYN opens the connection anew out of TIME-WAIT (RFC 6191); the client tries as soon as its side is free.
    pub reopen_on_newer_syn: bool,
    /// Both sides use timestamps (RFC 7323).
    pub timestamps: bool,
    /// Any ACK restarts TIME-WAIT (Linux); else the peer's FIN alone does (RFC 9293).
    pub any_ack_restarts: bool,
    /// The network does what it can to the first connection's handshake as well; else that one is over and done.
    pub handshake: bool,
    /// What is said goes in a segment of its own; else with the FIN.
    pub text_apart: bool,
}

impl Bounds {
    /// No lifetime, interval or number that is larger can be asked about.
    pub const LARGEST: u8 = 20;

    /// No wait that is longer can be asked about.
    pub const LONGEST_WAIT: u8 = 100;

    /// The wait that RFC 9293 asks for: twice the maximum segment lifetime.
    pub const fn two_msl(&self) -> u8 {
        self.msl * 2
    }

    /// A wait that ought to do, whatever these are: who looks for the first that does need look no further.
    pub const fn enough(&self) -> u8 {
        self.msl.saturating_mul(3).saturating_add(self.losses.saturating_mul(self.every))
    }

    /// Whether these can be explored at all.
    ///
    /// # Errors
    ///
    /// If a lifetime or an interval is none or too long, or if more may be lost than is ever sent again.
    pub const fn check(&self) -> Result<(), BoundsError> {
        let Self { msl, losses, repeats, every, retransmissions, .. } = *self;
        if msl == 0 || msl > Self::LARGEST {
            return Err(BoundsError::Msl(msl));
        }
        if every == 0 || every > Self::LARGEST {
            return Err(BoundsError::Every(every));
        }
        if retransmissions < losses {
            return Err(BoundsError::LostForEver { losses, retransmissions });
        }
        if retransmissions > Self::LARGEST || repeats > Self::LARGEST {
            return Err(BoundsError::TooMany);
        }
        Ok(())
    }

    /// The machine's rules for a wait of so many ticks, a tick being a second of its clock.
    pub(crate) fn profile(&self, wait: u8) -> Profile {
        let every = Duration::from_secs(self.every.into());
        Profile {
            time_wait: Duration::from_secs(wait.into()),
            time_wait_restarts: if self.any_ack_restarts { Restarts::OnAnyAck } else { Restarts::OnFin },
            rst_ends_time_wait: self.rst_kills_time_wait,
            reopens: if self.reopen_on_newer_syn { Reopens::Rfc6191 } else { Reopens::Never },
            syn_timeout: every,
            retransmission_timeout: every,
            max_timeout: every,
            // How often something is sent again is the model's to say, and nobody gives up.
            user_timeout: None,
            retries: None,
            mss: WINDOW,
            default_mss: WINDOW,
            window: WINDOW.into(),
            send_buffer: WINDOW.into(),
            timestamps: self.timestamps,
            timestamp_unit: TICK,
            // An ACK that waits could only make things slower.
            delayed_ack: None,
            ..Profile::RFC_9293
        }
    }
}

impl Default for Bounds {
    /// The smallest in which everything happens.
    fn default() -> Self {
        Self {
            msl: 2,
            losses: 1,
            repeats: 0,
            every: 1,
            retransmissions: 2,
            both_close: false,
            rst_kills_time_wait: false,
            reopen_on_newer_syn: false,
            timestamps: false,
            any_ack_restarts: false,
            handshake: false,
            text_apart: false,
        }
    }
}

/// What a tick is on the machine's clock.
pub(crate) const TICK: Duration = Duration::from_secs(1);

/// The window, in octets: more than is ever sent.
pub(crate) const WINDOW: u16 = 4;

/// Why bounds cannot be explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// The lifetime is none, or too long.
    #[error("an MSL of {0} ticks cannot be explored; 1 to {largest} can", largest = Bounds::LARGEST)]
    Msl(u8),
    /// The interval is none, or too long.
    #[error("a retransmission every {0} ticks cannot be explored; 1 to {largest} can", largest = Bounds::LARGEST)]
    Every(u8),
    /// What is lost would never come again.
    #[error(
        "{losses} losses need {losses} retransmissions or more, not {retransmissions}: what is lost would never come again"
    )]
    LostForEver {
        /// How many segments may be lost.
        losses: u8,
        /// How many times one is sent again.
        retransmissions: u8,
    },
    /// A number that no search ends with.
    #[error("more than {} retransmissions or repeats cannot be explored", Bounds::LARGEST)]
    TooMany,
}
