//! The model's arguments.

use clap::ValueEnum;
use timewait_model::Bounds;
use timewait_tcp::StateName;

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Two of this project's TCP machines (RFC 9293) close a connection over a network that loses, \
    holds, repeats and reorders segments, each for at most one MSL. Everything that can happen is explored, for a \
    TIME-WAIT of 0, 1, 2, ... ticks.\n\n\
    Examples:\n  \
    timewait model                            from which wait on it is safe, and what happens before\n  \
    timewait model --wait 5                   what goes wrong with a wait of 5 ticks\n  \
    timewait model --sweep                    how the safe wait moves with MSL, losses, patience\n  \
    timewait model --rst-kills-time-wait      RFC 1337: no wait is long enough\n  \
    timewait model --any-ack-restarts         as Linux restarts the wait: not even an RST\n  \
    timewait model --diagram mermaid --highlight time-wait\n\n\
    Exit status: 0 if a close ends reliably and nothing old is accepted with the wait asked about, 1 if not, 2 for \
    bad input, or if it does not fit into memory."
)]
pub(crate) struct Model {
    /// The maximum segment lifetime, in ticks
    #[arg(long, value_name = "N", default_value_t = Bounds::default().msl, value_parser = up_to(1))]
    pub(crate) msl: u8,
    /// The wait asked about, in ticks [default: 2 MSL]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=i64::from(Bounds::LONGEST_WAIT)))]
    pub(crate) wait: Option<u8>,
    /// How many segments may be lost
    #[arg(long, value_name = "N", default_value_t = Bounds::default().losses, value_parser = up_to(0))]
    pub(crate) losses: u8,
    /// How many segments may arrive twice
    #[arg(long, value_name = "N", default_value_t = Bounds::default().repeats, value_parser = up_to(0))]
    pub(crate) repeats: u8,
    /// How many times each is sent again
    #[arg(long, value_name = "N", default_value_t = Bounds::default().retransmissions, value_parser = up_to(0))]
    pub(crate) retransmissions: u8,
    /// Sent again within so many ticks
    #[arg(long, value_name = "N", default_value_t = Bounds::default().every, value_parser = up_to(1))]
    pub(crate) every: u8,
    /// Both sides close at once
    #[arg(long)]
    pub(crate) both_close: bool,
    /// An RST ends TIME-WAIT (RFC 9293), see RFC 1337
    #[arg(long)]
    pub(crate) rst_kills_time_wait: bool,
    /// Any ACK restarts the wait (Linux), not only a FIN
    #[arg(long)]
    pub(crate) any_ack_restarts: bool,
    /// A newer SYN opens anew out of TIME-WAIT (RFC 6191)
    #[arg(long)]
    pub(crate) reopen_on_newer_syn: bool,
    /// Both sides use timestamps (RFC 7323)
    #[arg(long)]
    pub(crate) timestamps: bool,
    /// The network harms the handshake, too: more states
    #[arg(long, hide_short_help = true)]
    pub(crate) handshake: bool,
    /// Text goes in segments of its own: far more states
    #[arg(long, hide_short_help = true)]
    pub(crate) text_apart: bool,
    /// Also how the first safe wait moves
    #[arg(long)]
    pub(crate) sweep: bool,
    /// The shortest disaster of each unsafe wait
    #[arg(long, conflicts_with = "json")]
    pub(crate) ladders: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw TCP's states only: text, mermaid or svg
    #[arg(long, value_name = "FORM", value_enum, hide_possible_values = true, conflicts_with_all = ["json", "sweep", "ladders", "wait"])]
    pub(crate) diagram: Option<Form>,
    /// With --diagram: mark this state
    #[arg(long, value_name = "STATE", requires = "diagram", value_parser = state)]
    pub(crate) highlight: Option<StateName>,
}

impl Model {
    pub(crate) const fn bounds(&self) -> Bounds {
        Bounds {
            msl: self.msl,
            losses: self.losses,
            repeats: self.repeats,
            every: self.every,
            retransmissions: self.retransmissions,
            both_close: self.both_close,
            rst_kills_time_wait: self.rst_kills_time_wait,
            reopen_on_newer_syn: self.reopen_on_newer_syn,
            timestamps: self.timestamps,
            any_ack_restarts: self.any_ack_restarts,
            handshake: self.handshake,
            text_apart: self.text_apart,
        }
    }
}

/// How a diagram is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Text,
    Mermaid,
    Svg,
}

fn up_to(least: i64) -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(least..=i64::from(Bounds::LARGEST))
}

fn state(name: &str) -> Result<StateName, String> {
    StateName::from_name(name).ok_or_else(|| {
        let names: Vec<_> = StateName::ALL.iter().map(|state| state.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}
