//! [`Profile`]: what standards and kernels do differently, a field each.

use core::time::Duration;

/// What standards and kernels do differently, or leave to choose.
///
/// Each field says what the RFC says, and what Linux at v6.12 does and where. `sysctl` names the setting that changes
/// it there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// How long TIME-WAIT lasts. See [`with_msl`](Self::with_msl).
    ///
    /// RFC 9293 §3.6.1: it MUST be 2 MSL (MUST-13), and §3.4.2 takes an MSL of 2 minutes. Linux: 60 s, fixed
    /// (`include/net/tcp.h TCP_TIMEWAIT_LEN`).
    pub time_wait: Duration,
    /// What starts TIME-WAIT anew.
    pub time_wait_restarts: Restarts,
    /// Whether an RST ends TIME-WAIT.
    ///
    /// RFC 9293 §3.10.7.4, second: yes. RFC 1337 §3 (fix F1): no. Linux: yes (`net/ipv4/tcp_minisocks.c
    /// tcp_timewait_state_process`); sysctl `tcp_rfc1337` = 1: no.
    pub rst_ends_time_wait: bool,
    /// Which SYN opens a connection anew out of TIME-WAIT.
    pub reopens: Reopens,
    /// Whether TIME-WAIT is returned to if the SYN that ended it was an old duplicate.
    ///
    /// RFC 9293 §3.6.1: it MUST be, if a SYN may end it at all (MAY-2, condition 2). Linux: no; the timewait socket is
    /// gone when the SYN is taken (`net/ipv4/tcp_ipv4.c tcp_v4_rcv`, `TCP_TW_SYN`).
    pub returns_to_time_wait: bool,
    /// How much higher than the last number of the old connection the new one starts.
    ///
    /// RFC 9293 §3.6.1: higher (MAY-2, condition 1). Linux: 65,537 higher than SND.NXT
    /// (`tcp_timewait_state_process`: `tw_snd_nxt + 65535 + 2`).
    pub reopening_isn_step: u32,

    /// What an RST does that is in the window but not at its left edge.
    ///
    /// RFC 793: resets. RFC 5961 §3: is challenged. Linux: is challenged (`net/ipv4/tcp_input.c
    /// tcp_validate_incoming`).
    pub in_window_rst: InWindow,
    /// What a SYN does in a synchronized state.
    ///
    /// RFC 793: resets if it is in the window. RFC 5961 §4: is challenged wherever it is. Linux: is challenged
    /// (`tcp_validate_incoming`).
    pub in_window_syn: InWindow,
    /// What becomes of an empty segment that lies just above the window, as all do when the window was filled and its
    /// text is lost.
    ///
    /// RFC 9293 §3.10.7.4, first: it is not acceptable (Table 6). But then two that have both filled the window and lost
    /// the same part of it never hear each other again, and appendix A.2 tells implementers to see to it. Linux: the
    /// window's edge belongs to the window (`net/ipv4/tcp_input.c tcp_sequence`).
    pub right_edge: RightEdge,
    /// Whether an ACK is refused that lies more than the largest window ever seen below SND.UNA.
    ///
    /// RFC 9293 §3.10.7.4, fifth: MAY (MAY-12), by RFC 5961 §5. Linux: yes (`net/ipv4/tcp_input.c tcp_ack`).
    pub refuses_old_acks: bool,
    /// At most one challenge ACK, and one answer to an unacceptable segment without text, in this time. `None`: no
    /// limit.
    ///
    /// RFC 5961 §7: there should be a limit, of the implementer's choosing. Linux: one per connection in 500 ms
    /// (`net/ipv4/tcp_input.c __tcp_oow_rate_limited`); sysctl `tcp_invalid_ratelimit`.
    pub challenge_ack_every: Option<Duration>,
    /// Whether a SYN that carries a FIN is dropped in LISTEN.
    ///
    /// RFC 9293 §3.10.7.2: no; the FIN is processed later. Linux: yes (`tcp_rcv_state_process`).
    pub drops_syn_with_fin: bool,
    /// Whether a SYN that comes again in SYN-RECEIVED is answered with the SYN,ACK again.
    ///
    /// RFC 9293 §3.10.7.4, first: it is not acceptable, and an ACK is the answer. Linux: yes
    /// (`net/ipv4/tcp_minisocks.c tcp_check_req`).
    pub repeats_syn_ack: bool,

    /// How long the first SYN (and SYN,ACK) waits before it is sent again.
    ///
    /// RFC 6298 §2.1: 1 s. Linux: 1 s (`TCP_TIMEOUT_INIT`).
    pub syn_timeout: Duration,
    /// How many times a SYN is sent again before the wait starts to double.
    ///
    /// RFC 6298 §5.5: none. Linux: 4 (`net/ipv4/tcp_timer.c tcp_retransmit_timer`); sysctl `tcp_syn_linear_timeouts`.
    pub syn_linear_retries: u8,
    /// How many times a SYN is sent again in all.
    ///
    /// RFC 9293 §3.8.3: for at least 3 minutes (MUST-23); no count. Linux: 6 and the linear ones; sysctl
    /// `tcp_syn_retries`.
    pub syn_retries: Option<u8>,
    /// How many times a SYN,ACK is sent again.
    ///
    /// RFC 9293 §3.8.3: as for a SYN. Linux: 5; sysctl `tcp_synack_retries`.
    pub syn_ack_retries: Option<u8>,
    /// How long text and FIN wait for their ACK before they are sent again. Round trips are not measured: it stays.
    ///
    /// RFC 6298 §2.4: at least 1 s. Linux: at least 200 ms (`TCP_RTO_MIN`).
    pub retransmission_timeout: Duration,
    /// What the doubling of a wait stops at.
    ///
    /// RFC 6298 §2.5: at least 60 s. Linux: 120 s (`TCP_RTO_MAX`).
    pub max_timeout: Duration,
    /// How many times text or a FIN is sent again.
    ///
    /// RFC 9293 §3.8.3: for at least 100 s (SHLD-11); no count. Linux: 15; sysctl `tcp_retries2`.
    pub retries: Option<u8>,
    /// How long anything sent may stay without an answer.
    ///
    /// RFC 9293 §3.9.1.1: the user says; 5 minutes otherwise. Linux: the counts decide, unless the user says
    /// (`TCP_USER_TIMEOUT`).
    pub user_timeout: Option<Duration>,
    /// How long FIN-WAIT-2 lasts when nobody reads any more.
    ///
    /// RFC 9293: for ever. Linux: 60 s (`net/ipv4/tcp.c __tcp_close`); sysctl `tcp_fin_timeout`.
    pub fin_wait_2_timeout: Option<Duration>,

    /// The MSS option on our SYN, and the most text in a segment of ours if the peer allows as much.
    ///
    /// RFC 9293 §3.7.1: the link's MTU less 40 (or 60). 1460 suits Ethernet and IPv4.
    pub mss: u16,
    /// The MSS that is assumed of a peer who sends no such option.
    ///
    /// RFC 9293 §3.7.1: 536 for IPv4 (MUST-15). Linux: 536 (`TCP_MSS_DEFAULT`).
    pub default_mss: u16,
    /// The same between IPv6 addresses: an [endpoint](crate::endpoint) takes it in the other's place.
    ///
    /// RFC 9293 §3.7.1: 1220 (MUST-15). Linux: 1220 (`net/ipv6/tcp_ipv6.c tcp_request_sock_ipv6_ops`).
    pub default_mss_v6: u16,
    /// RCV.BUFF: how much received text is kept for the user, and so the largest window announced.
    pub window: u32,
    /// How much text is taken from the user before it is acknowledged, in octets.
    ///
    /// Linux: 16 KiB at first, growing; sysctl `tcp_wmem`.
    pub send_buffer: usize,
    /// The window scale option on our SYN; `None`: none is offered, and the window ends at 65,535. What of a window is
    /// less than a unit of this scale is not announced, so that the edge which the peer sees may go back by less than a
    /// unit; whatever was announced is taken (RFC 7323 §2.4).
    ///
    /// RFC 7323 §2.3: at most 14. Linux: from the buffer's size, often 7 (`net/ipv4/tcp_output.c
    /// tcp_select_initial_window`); sysctl `tcp_window_scaling`.
    pub window_scale: Option<u8>,
    /// Whether our SYN says that SACK is permitted. No SACK is ever sent here, and none is read.
    pub sack_permitted: bool,
    /// Whether our SYN offers timestamps (RFC 7323 §3).
    ///
    /// Linux: yes; sysctl `tcp_timestamps`.
    pub timestamps: bool,
    /// Whether a segment that lacks the timestamp which was agreed on is dropped, without a word. An RST never is.
    ///
    /// RFC 7323 §3.2: it SHOULD be. Linux: no (`net/ipv4/tcp_input.c tcp_validate_incoming`).
    pub drops_unstamped: bool,
    /// How long after the peer's timestamp was heard another one can be told to be older.
    ///
    /// RFC 7323 §5.5: 24 days, half a turn of a clock that ticks every millisecond. Linux: 2,147 s
    /// (`include/net/tcp.h TCP_PAWS_WRAP`), so that a clock may tick every microsecond.
    pub ts_recent_valid: Duration,
    /// The unit of our timestamps.
    ///
    /// RFC 7323 §5.4: 1 ms to 1 s. Linux: 1 ms (`TCP_TS_HZ`).
    pub timestamp_unit: Duration,
    /// How long an ACK of text may wait for another reason to send. `None`: not at all.
    ///
    /// RFC 9293 §3.8.6.3: less than 0.5 s (MUST-40), and for every second full segment at once. Linux: from 40 ms
    /// (`TCP_DELACK_MIN`).
    pub delayed_ack: Option<Duration>,
    /// Whether text that fills no segment waits until everything before it has been acknowledged.
    ///
    /// RFC 9293 §3.7.4: SHOULD, and the user MUST be able to turn it off (MUST-17). Off here in both profiles: what is
    /// written is then seen at once.
    pub nagle: bool,
}

impl Profile {
    /// What RFC 9293 says, with RFC 5961, RFC 6191 and RFC 7323 where it refers to them.
    pub const RFC_9293: Self = Self {
        time_wait: Duration::from_secs(240),
        time_wait_restarts: Restarts::OnFin,
        rst_ends_time_wait: true,
        reopens: Reopens::Rfc6191,
        returns_to_time_wait: true,
        reopening_isn_step: 65_537,
        in_window_rst: InWindow::Challenge,
        in_window_syn: InWindow::Challenge,
        right_edge: RightEdge::ReadIfFull,
        refuses_old_acks: true,
        challenge_ack_every: None,
        drops_syn_with_fin: false,
        repeats_syn_ack: false,
        syn_timeout: Duration::from_secs(1),
        syn_linear_retries: 0,
        syn_retries: None,
        syn_ack_retries: None,
        retransmission_timeout: Duration::from_secs(1),
        max_timeout: Duration::from_secs(60),
        retries: None,
        user_timeout: Some(Duration::from_secs(300)),
        fin_wait_2_timeout: None,
        mss: 1460,
        default_mss: 536,
        default_mss_v6: 1220,
        window: 65_535,
        send_buffer: 65_536,
        window_scale: None,
        sack_permitted: false,
        timestamps: true,
        drops_unstamped: true,
        ts_recent_valid: Duration::from_secs(24 * 24 * 60 * 60),
        timestamp_unit: Duration::from_millis(1),
        delayed_ack: Some(Duration::from_millis(200)),
        nagle: false,
    };

    /// What Linux at v6.12 does, its settings as they come.
    pub const LINUX: Self = Self {
        time_wait: Duration::from_secs(60),
        time_wait_restarts: Restarts::OnAnyAck,
        rst_ends_time_wait: true,
        reopens: Reopens::Linux,
        returns_to_time_wait: false,
        reopening_isn_step: 65_537,
        in_window_rst: InWindow::Challenge,
        in_window_syn: InWindow::Challenge,
        right_edge: RightEdge::Inside,
        refuses_old_acks: true,
        challenge_ack_every: Some(Duration::from_millis(500)),
        drops_syn_with_fin: true,
        repeats_syn_ack: true,
        syn_timeout: Duration::from_secs(1),
        syn_linear_retries: 4,
        syn_retries: Some(6),
        syn_ack_retries: Some(5),
        retransmission_timeout: Duration::from_millis(200),
        max_timeout: Duration::from_secs(120),
        retries: Some(15),
        user_timeout: None,
        fin_wait_2_timeout: Some(Duration::from_secs(60)),
        mss: 1460,
        default_mss: 536,
        default_mss_v6: 1220,
        window: 65_535,
        send_buffer: 65_536,
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: true,
        drops_unstamped: false,
        ts_recent_valid: Duration::from_secs(2147),
        timestamp_unit: Duration::from_millis(1),
        delayed_ack: Some(Duration::from_millis(40)),
        nagle: false,
    };

    /// The same with a TIME-WAIT of two such maximum segment lifetimes.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.6.1
    //# it MUST linger in the TIME-WAIT
    //# state for a time 2xMSL (Maximum Segment Lifetime)
    #[must_use]
    pub const fn with_msl(self, msl: Duration) -> Self {
        Self { time_wait: msl.saturating_mul(2), ..self }
    }
}

/// What a segment does that may be an attacker's guess: in the window, but not what is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InWindow {
    /// It ends the connection (RFC 793).
    Resets,
    /// It is answered with an ACK, so that the peer, if it was the peer, can say it again (RFC 5961).
    Challenge,
}

/// What becomes of an empty segment just above the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RightEdge {
    /// It is not acceptable, and answered with an ACK (RFC 9293's Table 6).
    Outside,
    /// The same, unless what is sent and not acknowledged fills the peer's window: then the answer would be refused as
    /// well, and its ACK is read (RFC 9293 appendix A.2).
    ReadIfFull,
    /// It is acceptable (linux v6.12 net/ipv4/tcp_input.c `tcp_sequence`).
    Inside,
}

/// What starts TIME-WAIT anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Restarts {
    /// The peer's FIN, when it comes again (RFC 9293 §3.10.7.4).
    OnFin,
    /// Any segment with an ACK that is not taken for the next connection's (linux v6.12 net/ipv4/tcp_minisocks.c
    /// `tcp_timewait_state_process`).
    OnAnyAck,
}

/// Which SYN opens a connection anew out of TIME-WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reopens {
    /// None.
    Never,
    /// One whose number is above all that were expected (RFC 9293 §3.6.1, MAY-2).
    OnHigherNumber,
    /// One whose timestamp is above the last, or whose number is if there is none to compare (RFC 6191 §2).
    Rfc6191,
    /// One whose number is above, or whose timestamp is (linux v6.12 net/ipv4/tcp_minisocks.c
    /// `tcp_timewait_state_process`).
    Linux,
}
