//! Every sentence about a finding, in one place: another language is another such module.
//!
//! A finding is told in four lines: what failed, who holds it, until when, what to do.

use core::time::Duration;

use timewait_facts::Owner;

use crate::{Because, Finding, Holder, Note, Remedy, Role, Until, bind::On};

/// The headline's second half: `held by 3 sockets in time-wait for another 57.4 s`.
pub fn headline(finding: &Finding) -> Option<String> {
    let holder = finding.holders.first()?;
    let held = format!("held by {}", sockets(holder));
    Some(match finding.until {
        Until::Expires(left) => format!("{held} for another {}", seconds(left)),
        Until::Released | Until::ConnectionsEnd | Until::Changed | Until::Unknown => held,
    })
}

/// `2 sockets in time-wait`, `a listening socket`.
fn sockets(holder: &Holder) -> String {
    match (holder.role, holder.count) {
        (Role::Listener, 1) => "a listening socket".to_owned(),
        (Role::Listener, many) => format!("{} listening sockets", number(many)),
        (Role::Bound, 1) => "a bound socket".to_owned(),
        (Role::Bound, many) => format!("{} bound sockets", number(many)),
        (Role::Connection, 1) => "an open connection".to_owned(),
        (Role::Connection, many) => format!("{} open connections", number(many)),
        (Role::Outgoing, 1) => "an outgoing connection".to_owned(),
        (Role::Outgoing, many) => format!("{} outgoing connections", number(many)),
        (Role::OrphanedFinWait2, many) => format!("{} in fin-wait-2", plural(many)),
        (Role::OutgoingWaiting, many) => format!("{} of outgoing connections, waiting", plural(many)),
        (Role::TimeWait, many) => format!("{} in time-wait", plural(many)),
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "1 socket".to_owned() } else { format!("{} sockets", number(count)) }
}

/// A line for each group of holders; for none, nothing.
pub fn who(finding: &Finding) -> Vec<String> {
    finding.holders.iter().map(who_holds).collect()
}

fn who_holds(holder: &Holder) -> String {
    let sockets = sockets(holder);
    match (holder.role, &holder.owner) {
        (Role::TimeWait, _) if holder.count == 1 => format!(
            "{sockets}: a connection that this side closed first (the kernel records no process for it)"
        ),
        (Role::TimeWait, _) => format!(
            "{sockets}: connections that this side closed first (the kernel records no process for them)"
        ),
        (Role::OrphanedFinWait2, _) => {
            format!("{sockets}: closed on this side, not yet by the peer (no process holds it any more)")
        }
        (Role::OutgoingWaiting, _) => {
            format!("{sockets}: opened and closed from this side (no process holds it any more)")
        }
        (_, Some(owner)) => format!("{sockets} of {}", process(owner)),
        (_, None) => format!("{sockets}, of a process that is not to be seen from here"),
    }
}

/// `nginx (pid 7)`, with its unit where it has one, and how many share the socket.
pub fn process(owner: &Owner) -> String {
    let unit = owner.unit().map(|unit| format!(", {unit}")).unwrap_or_default();
    let shared = match owner.processes {
        0 | 1 => String::new(),
        2 => " and one more process".to_owned(),
        many => format!(" and {} more processes", many - 1),
    };
    format!("{} (pid {}{unit}){shared}", owner.command, owner.pid)
}

/// Why it refuses.
pub fn why(because: Because) -> String {
    match because {
        Because::ListenerShares => {
            "a listening socket shares its port only where both have SO_REUSEPORT, and one user".to_owned()
        }
        Because::SecondListener => {
            "SO_REUSEADDR on both let bind(2) pass, but only one of them may listen".to_owned()
        }
        Because::BoundShares => {
            "sockets share a port only if all have SO_REUSEADDR, or all have SO_REUSEPORT".to_owned()
        }
        Because::NewLacksReuse => {
            "SO_REUSEADDR must be on both sides, and the new socket lacks it (whether the old ones had it, no \
             table shows)"
                .to_owned()
        }
        Because::OldLacksReuseaddr => {
            "SO_REUSEADDR must be on both sides, and the old sockets lack it (inferred: a bind with it was \
             refused, and nothing else holds the port)"
                .to_owned()
        }
        Because::OldLacksReuseport => {
            "SO_REUSEPORT must be on both sides, and the old sockets lack it (inferred: a bind with it was \
             refused, and nothing else holds the port)"
                .to_owned()
        }
        Because::OtherUser { uid } => {
            format!("SO_REUSEPORT is on both sides, but the old socket is of another user (uid {uid})")
        }
        Because::OutgoingTook => {
            "an outgoing connection was given this port, which lies among those that the kernel chooses from; it \
             has none of the options (inferred: nobody listens, and the peer's port is no such port)"
                .to_owned()
        }
        Because::NothingSeen { bound_listed: true } => {
            "no socket of this network namespace shares the port now; what held it may just have gone".to_owned()
        }
        Because::NothingSeen { bound_listed: false } => {
            "no socket that this kernel lists shares the port; before 6.8 it lists none that are only bound"
                .to_owned()
        }
        Because::Privileged { unprivileged_from } => format!(
            "ports below {unprivileged_from} (net.ipv4.ip_unprivileged_port_start) need CAP_NET_BIND_SERVICE"
        ),
        Because::NoSuchAddress => "no interface of this network namespace has this address".to_owned(),
        Because::MappedButV6only => "an address ::ffff:a.b.c.d is IPv4's, and IPV6_V6ONLY is set".to_owned(),
        Because::NoInterface => "a link-local address means nothing without its interface".to_owned(),
        Because::Multicast => "TCP has no multicast".to_owned(),
        Because::Errno => "the kernel's answer is all that is known".to_owned(),
    }
}

/// What an answer depends on.
pub fn depends(on: On) -> String {
    let On::Flags(flags) = on else {
        return "on the order in which these sockets were bound, or on flags that were changed after bind(2): the \
                port's bucket remembers it, and no table shows it"
            .to_owned();
    };
    let flags =
        [(flags.reuseaddr, "SO_REUSEADDR"), (flags.reuseport, "SO_REUSEPORT"), (flags.v6only, "IPV6_V6ONLY")];
    let names: Vec<_> = flags.into_iter().filter_map(|(decides, name)| decides.then_some(name)).collect();
    format!("on {} of the old sockets, which no table shows", names.join(" and "))
}

/// Until when, where time has to do with it; `at` is the moment of [`Until::Expires`] as a clock shows it.
pub fn until(until: Until, at: &str) -> Option<String> {
    Some(match until {
        Until::Expires(_) => format!("{at}, when the last of them expires"),
        Until::Released => "its process closes it or ends".to_owned(),
        Until::ConnectionsEnd => {
            "these connections end, nobody can know when; then up to 60 s if this side closes first"
                .to_owned()
        }
        Until::Changed => return None,
        Until::Unknown => "unknown".to_owned(),
    })
}

/// What to do.
pub fn remedy(remedy: &Remedy) -> String {
    match remedy {
        Remedy::EndOwner(owner) => format!("stop {}", process(owner)),
        Remedy::Wait(left) => format!("wait {}", seconds(*left)),
        Remedy::SetReuseaddr => {
            "set SO_REUSEADDR before bind(2): it helps at once if the old sockets had it too".to_owned()
        }
        Remedy::EndWaiting { port } => format!("end those that wait (root): timewait free :{port}"),
        Remedy::SetReuseport => "set SO_REUSEPORT before bind(2): the old sockets have it".to_owned(),
        Remedy::SetV6only => "set IPV6_V6ONLY before bind(2): only IPv4 sockets are in the way".to_owned(),
        Remedy::ClearV6only => "clear IPV6_V6ONLY, or bind the IPv4 address on an IPv4 socket".to_owned(),
        Remedy::AsUser { uid } => format!("bind as the user of the old socket (uid {uid})"),
        Remedy::ReservePort { port } => {
            format!("add {port} to net.ipv4.ip_local_reserved_ports: the kernel will not choose it again")
        }
        Remedy::NameInterface => "name the interface: [fe80::1%eth0]".to_owned(),
        Remedy::ReuseaddrFromNextRestart => {
            "keep SO_REUSEADDR, which is set now: from the next restart on it will do".to_owned()
        }
        Remedy::OtherPort => "take another port".to_owned(),
        Remedy::Privilege { unprivileged_from } => {
            format!("take a port from {unprivileged_from} on, or run with CAP_NET_BIND_SERVICE")
        }
        Remedy::LocalAddress => "bind an address of this host, or 0.0.0.0 or [::] for all of them".to_owned(),
        Remedy::LookAsRoot => "look as root: timewait ls --all shows whose sockets they are".to_owned(),
    }
}

/// A remedy's name, stable for scripts.
pub const fn remedy_code(remedy: &Remedy) -> &'static str {
    match remedy {
        Remedy::EndOwner(_) => "end-owner",
        Remedy::Wait(_) => "wait",
        Remedy::EndWaiting { .. } => "end-waiting",
        Remedy::SetReuseaddr => "set-reuseaddr",
        Remedy::SetReuseport => "set-reuseport",
        Remedy::SetV6only => "set-v6only",
        Remedy::ClearV6only => "clear-v6only",
        Remedy::AsUser { .. } => "as-user",
        Remedy::ReuseaddrFromNextRestart => "reuseaddr-from-next-restart",
        Remedy::ReservePort { .. } => "reserve-port",
        Remedy::OtherPort => "other-port",
        Remedy::Privilege { .. } => "privilege",
        Remedy::LocalAddress => "local-address",
        Remedy::NameInterface => "name-interface",
        Remedy::LookAsRoot => "look-as-root",
    }
}

/// What else is worth a word.
pub fn note(note: Note) -> String {
    match note {
        Note::DualStack => {
            "one of the two is an IPv6 socket without IPV6_V6ONLY, which has the IPv4 port as well".to_owned()
        }
        Note::OtherNamespace { sockets } => format!(
            "{} in other network namespaces: they have the port too, and do not matter here",
            plural(sockets)
        ),
    }
}

/// `57.4 s`.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// A count with its thousands apart: `1,212`.
pub fn number(count: usize) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bind::Flags;
    use timewait_facts::Untrusted;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0, 999, 1000, 1_234_567].map(number).each_ref().map(|s| &**s)
        );
    }

    #[test]
    fn an_answer_names_just_the_flags_that_decide() {
        let flags = Flags { reuseaddr: true, v6only: true, ..Flags::default() };
        assert_eq!(
            depends(On::Flags(flags)),
            "on SO_REUSEADDR and IPV6_V6ONLY of the old sockets, which no table shows"
        );
    }

    #[test]
    fn a_process_is_told_with_its_unit_and_those_that_share_its_socket() {
        let owner = Owner {
            pid: 7,
            command: Untrusted::from(&b"ng\x1b[31minx"[..]),
            cgroup: Some(Untrusted::from(&b"/system.slice/nginx.service"[..])),
            processes: 3,
        };
        assert_eq!(process(&owner), r"ng\e[31minx (pid 7, nginx.service) and 2 more processes");
    }
}
