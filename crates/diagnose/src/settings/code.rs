/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It hurts, or is not what it was set for: to be changed.
    Wrong,
    /// A counter shows that harm was done since it began to count. It cannot be cleared, so it is no reason for an exit
    /// status by itself.
    Happened,
    /// Worth knowing.
    Remark,
}

impl Severity {
    /// The name, stable for scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Happened => "happened",
            Self::Remark => "remark",
        }
    }
}

/// A finding's name, its weight, where the kernel has it, and the claim that proves it.
struct Entry {
    name: &'static str,
    severity: Severity,
    source: &'static str,
    claim: Option<&'static str>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident: $name:literal, $severity:ident, $source:literal, $claim:expr;)*) => {
        /// Which finding it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            const fn entry(self) -> Entry {
                match self {
                    $(Self::$code => Entry {
                        name: $name, severity: Severity::$severity, source: $source, claim: $claim,
                    },)*
                }
            }
        }
    };
}

codes! {
    /// Connections are dropped whose clients share an address: kernels before 4.12.
    RecycleDrops: "tw-recycle-drops-clients", Wrong,
        "linux v4.11 net/ipv4/tcp_input.c tcp_conn_request", Some("tw-recycle");
    /// There is no such setting any more.
    RecycleGone: "tw-recycle-gone", Wrong,
        "linux v4.12 net/ipv4/sysctl_net_ipv4.c ipv4_table", Some("tw-recycle");
    /// No timestamps.
    TimestampsOff: "timestamps-off", Wrong,
        "linux v6.12 net/ipv4/tcp_minisocks.c tcp_timewait_state_process", Some("forged-twin");
    /// tcp_tw_reuse is set, and does nothing.
    ReuseNeedsTimestamps: "tw-reuse-needs-timestamps", Wrong,
        "linux v6.12 net/ipv4/tcp_ipv4.c tcp_twsk_unique", Some("tw-reuse-connect");
    /// Fewer TIME-WAIT sockets than the kernel would allow.
    BucketsLowered: "tw-buckets-lowered", Wrong,
        "linux v6.12 net/ipv4/inet_timewait_sock.c inet_twsk_alloc", Some("bucket-limit");
    /// Connections may take the port of a server that is down.
    RangeHoldsListeners: "range-holds-listeners", Wrong,
        "linux v6.12 net/ipv4/inet_hashtables.c __inet_hash_connect", Some("stolen-port");
    /// The same bind(2) would fail.
    RestartFails: "restart-would-fail", Wrong,
        "linux v6.12 net/ipv4/inet_connection_sock.c inet_csk_get_port", Some("restart-refused");
    /// A listener's queue of connections is full.
    QueueFull: "accept-queue-full", Wrong,
        "linux v6.12 include/net/sock.h sk_acceptq_is_full", None;
    /// Backlogs are cut.
    SomaxconnLow: "somaxconn-low", Wrong,
        "linux v6.12 net/socket.c __sys_listen_socket", None;
    /// Closed connections are reset.
    OrphansLowered: "max-orphans-lowered", Wrong,
        "linux v6.12 net/ipv4/tcp.c tcp_check_oom", None;
    /// Every connection gets a SYN cookie.
    SyncookiesAlways: "syncookies-always", Wrong,
        "linux v6.12 net/ipv4/tcp_input.c tcp_conn_request", None;
    /// A name that no kernel knows, and that resembles one.
    UnknownKey: "unknown-setting", Wrong,
        "linux v6.12 net/ipv4/sysctl_net_ipv4.c ipv4_net_table", None;
    /// A name that only some vendor's kernel knows.
    NotMainline: "not-mainline", Wrong,
        "linux v6.12 net/ipv4/sysctl_net_ipv4.c ipv4_net_table", None;
    /// A name that this kernel does not know.
    NotInThisKernel: "not-in-this-kernel", Wrong,
        "linux v6.12 net/ipv4/sysctl_net_ipv4.c ipv4_net_table", None;
    /// A value that the kernel refuses.
    BadValue: "refused-value", Wrong,
        "linux v6.12 kernel/sysctl.c __do_proc_dointvec", None;
    /// A line that is left out.
    NotAssignment: "not-an-assignment", Wrong,
        "sysctl.d(5)", None;
    /// TIME-WAIT sockets that were not made.
    CountedTimeWaitOverflow: "counted-time-wait-overflow", Happened,
        "linux v6.12 net/ipv4/tcp_minisocks.c tcp_time_wait", Some("bucket-limit");
    /// Connections that found a queue full.
    CountedListenOverflows: "counted-listen-overflows", Happened,
        "linux v6.12 net/ipv4/tcp_ipv4.c tcp_v4_syn_recv_sock", None;
    /// Connections that were dropped at a listener.
    CountedListenDrops: "counted-listen-drops", Happened,
        "linux v6.12 net/ipv4/tcp_input.c tcp_conn_request", None;
    /// Closed connections that were reset.
    CountedAbortOnMemory: "counted-abort-on-memory", Happened,
        "linux v6.12 net/ipv4/tcp.c __tcp_close", None;
    /// SYNs that were dropped.
    CountedRequestQueueFull: "counted-request-queue-full", Happened,
        "linux v6.12 net/ipv4/tcp_input.c tcp_syn_flood_action", None;
    /// Segments that were too old by their timestamps.
    CountedPaws: "counted-paws", Remark,
        "linux v6.12 net/ipv4/tcp_input.c tcp_validate_incoming", Some("forged-twin");
    /// What tcp_fin_timeout is not.
    FinTimeout: "fin-timeout-is-not-time-wait", Remark,
        "linux v6.12 net/ipv4/tcp_minisocks.c tcp_time_wait", Some("fin-timeout");
    /// What tcp_tw_reuse is not.
    ReuseNotForServers: "tw-reuse-not-for-servers", Remark,
        "linux v6.12 net/ipv4/inet_connection_sock.c inet_bind_conflict", Some("tw-reuse-bind");
    /// 2 is the default, and loopback only.
    ReuseLoopbackOnly: "tw-reuse-loopback-only", Remark,
        "linux v6.12 net/ipv4/tcp_ipv4.c tcp_twsk_unique", Some("tw-reuse-connect");
    /// Before 4.18, 2 was as 1.
    ReuseTwoIsOne: "tw-reuse-two-is-one", Remark,
        "linux v4.17 net/ipv4/tcp_ipv4.c tcp_twsk_unique", Some("tw-reuse-connect");
    /// The delay is not the usual second.
    ReuseDelay: "tw-reuse-delay", Remark,
        "linux v6.14 net/ipv4/tcp_ipv4.c tcp_twsk_unique", Some("tw-reuse-connect");
    /// ip-sysctl's text says the reverse.
    Rfc1337: "rfc1337-text-is-reversed", Remark,
        "linux v6.12 net/ipv4/tcp_minisocks.c tcp_timewait_state_process", Some("assassination");
    /// Timestamps that begin at no random offset.
    TimestampsPlain: "timestamps-without-offset", Remark,
        "linux v6.12 net/core/secure_seq.c secure_tcp_ts_off", None;
    /// An odd number of ports.
    RangeOdd: "range-is-odd", Remark,
        "linux v6.12 net/ipv4/inet_hashtables.c __inet_hash_connect", Some("ports-run-out");
    /// Fewer ports than the kernel begins with.
    RangeNarrow: "range-is-narrow", Remark,
        "linux v6.12 net/ipv4/inet_hashtables.c __inet_hash_connect", Some("ports-run-out");
    /// Ports that servers use, and none is reserved.
    RangeLow: "range-begins-low", Remark,
        "linux v6.12 net/ipv4/inet_hashtables.c __inet_hash_connect", Some("stolen-port");
    /// Whether a restart fails depends on flags that could not be read.
    RestartDepends: "restart-depends", Remark,
        "linux v6.12 net/ipv4/inet_connection_sock.c inet_csk_get_port", Some("restart-refused");
    /// The backlog is just what is allowed.
    BacklogCapped: "backlog-at-somaxconn", Remark,
        "linux v6.12 net/socket.c __sys_listen_socket", None;
    /// A full queue answers by an RST.
    AbortOnOverflow: "abort-on-overflow", Remark,
        "linux v6.12 net/ipv4/tcp_minisocks.c tcp_check_req", None;
    /// No SYN cookies.
    SyncookiesOff: "syncookies-off", Remark,
        "linux v6.12 net/ipv4/tcp_input.c tcp_syn_flood_action", None;
    /// What tcp_migrate_req is not.
    MigrateReq: "migrate-req-is-not-time-wait", Remark,
        "linux v6.12 net/core/sock_reuseport.c reuseport_migrate_sock", None;
    /// What keep-alive's settings are not.
    Keepalive: "keepalive-is-not-time-wait", Remark,
        "linux v6.12 net/ipv4/tcp_timer.c tcp_keepalive_timer", None;
    /// Another table's timer.
    Conntrack: "conntrack-is-not-tcp", Remark,
        "linux v6.12 net/netfilter/nf_conntrack_proto_tcp.c tcp_timeouts", None;
    /// Text behind a number.
    TrailingText: "text-behind-value", Remark,
        "sysctl.d(5); linux v6.12 kernel/sysctl.c __do_proc_dointvec", None;
    /// A later line says something else.
    Overridden: "overridden", Remark,
        "sysctl.d(5)", None;
}

impl Code {
    /// The name, stable for scripts.
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        self.entry().severity
    }

    /// Where it can be read: kernel tag, path and function, or the manual's page.
    pub const fn source(self) -> &'static str {
        self.entry().source
    }

    /// The claim that `timewait lab` tries.
    pub const fn claim(self) -> Option<&'static str> {
        self.entry().claim
    }
}
