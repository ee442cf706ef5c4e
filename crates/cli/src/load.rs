//! `timewait load`: opens and closes connections on this machine, and says what it cost and what ran short.

mod json;
mod ports;
mod screen;

use std::{
    io::{self, IsTerminal as _, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    num::NonZero,
    os::fd::AsFd as _,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use timewait_linux::addresses;
use timewait_oneline::{
    Load, Report,
    load::{Close, Ended, Sources},
    server::raise_descriptor_limit,
};

use crate::{
    args::{self, Color, Target},
    print::Paint,
    signals,
    words::{connect, load as words},
};
use ports::Ports;

/// Connections failed, or ports ran short.
const BAD_NEWS: u8 = 1;

pub(crate) fn run(args: &args::Load, color: Color) -> anyhow::Result<ExitCode> {
    let to = local_target(&args.address)?;
    // With the limit as it is, fewer can be open at a time, which is counted as what it is.
    let _ = raise_descriptor_limit();
    let stop = signals::stop_wishes().context("cannot listen to Ctrl-C and SIGTERM")?;
    let mut load = load(args, to)?;
    let ports = Ports::read(&load)?;
    load.most_ports = (!args.exhaust).then(|| ports.most());
    load.held_for = ports.held_for();
    if !args.json {
        if let Target::Name { host, .. } = &args.address {
            writeln!(io::stdout(), "{}", connect::resolved(host, &[to]))?;
        }
        writeln!(io::stdout(), "{}", words::begins(&load, ports.sources()))?;
    }
    let mut live = screen::Live::new(!args.json && io::stderr().is_terminal(), &ports);
    let report = load.run(stop.as_fd(), &mut |progress| live.show(progress))?;
    live.clear();
    let mut out = io::stdout().lock();
    if args.json {
        json::write(&mut out, &load, &report, &ports)?;
    } else {
        screen::summary(&mut out, Paint::for_stdout(color), &report, &ports)?;
    }
    Ok(if is_bad_news(&report) { ExitCode::from(BAD_NEWS) } else { ExitCode::SUCCESS })
}

fn is_bad_news(report: &Report) -> bool {
    report.tally.failed() > 0 || report.ended == Ended::Ports
}

/// The one address to connect to: of those that a name stands for, the first that is of this machine. Only what the
/// kernel itself routes as local is, and just that address is connected to.
fn local_target(target: &Target) -> anyhow::Result<SocketAddr> {
    let found = target.resolve()?;
    let Some(to) = first_local(&found)? else {
        let ips: Vec<String> = found.iter().map(|to| to.ip().to_string()).collect();
        bail!(words::not_local(&ips));
    };
    Ok(to)
}

fn first_local(found: &[SocketAddr]) -> anyhow::Result<Option<SocketAddr>> {
    for to in found.iter().copied().map(canonical) {
        if to.port() == 0 {
            bail!("port 0 is no port to connect to");
        }
        let interface = match to {
            SocketAddr::V6(v6) => NonZero::new(v6.scope_id()),
            SocketAddr::V4(_) => None,
        };
        if addresses::is_routed_locally(to.ip(), interface)? {
            return Ok(Some(to));
        }
    }
    Ok(None)
}

/// That one can connect from these: their first and last addresses are of this machine, or a route makes all of them so.
fn check_sources(load: &Load) -> anyhow::Result<()> {
    let to = load.to;
    for prefix in &load.from {
        if prefix.addr().is_ipv4() != to.is_ipv4() {
            bail!("--from {prefix} and {to} are of different families");
        }
        let sources = Sources::new(std::slice::from_ref(prefix));
        let ends = [0, sources.count() - 1].map(|number| sources.nth(number));
        for end in ends.into_iter().flatten() {
            if !addresses::is_routed_locally(end, None)? {
                bail!(words::no_source(&prefix.to_string()));
            }
        }
    }
    Ok(())
}

/// The address that a connection to this one really goes to.
fn canonical(to: SocketAddr) -> SocketAddr {
    match (to, to.ip().to_canonical()) {
        (_, IpAddr::V4(ip)) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, to.port()).into(),
        (_, IpAddr::V6(ip)) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, to.port()).into(),
        (SocketAddr::V6(v6), IpAddr::V6(ip)) => SocketAddrV6::new(ip, v6.port(), 0, v6.scope_id()).into(),
        (_, ip) => SocketAddr::new(ip, to.port()),
    }
}

fn load(args: &args::Load, to: SocketAddr) -> anyhow::Result<Load> {
    let from: Vec<_> = args.from.iter().filter_map(|source| source.0.prefix).collect();
    let load = Load {
        from,
        rate: args.rate,
        connections: args.connections,
        duration: args.duration,
        concurrency: usize::try_from(args.concurrency)?,
        close: match args.close_first {
            args::Close::Server => Close::Server,
            args::Close::Client => Close::Client,
            args::Close::Rst => Close::Reset,
        },
        say: args.say.as_deref().map(unescaped).unwrap_or_default(),
        ..Load::to(to)
    };
    check_sources(&load)?;
    Ok(load)
}

/// `\r` and `\n` as the characters that they stand for.
fn unescaped(text: &str) -> Vec<u8> {
    text.replace("\\r", "\r").replace("\\n", "\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a resolver may answer: addresses of others first, or alone.
    #[test]
    fn of_several_addresses_the_first_of_this_machine_is_taken_and_never_another() {
        let first = |found: &[&str]| {
            let found: Vec<SocketAddr> = found.iter().map(|text| text.parse().unwrap()).collect();
            first_local(&found).unwrap().map(|to| to.to_string())
        };
        let others = ["192.0.2.1:80", "[2001:db8::1]:80", "[::ffff:192.0.2.1]:80"];
        assert_eq!(first(&others), None);
        let mixed = [&others[..], &["127.0.0.2:80", "127.0.0.1:80"]].concat();
        assert_eq!(first(&mixed), Some("127.0.0.2:80".to_owned()));
        assert!(first_local(&["192.0.2.1:0".parse().unwrap()]).is_err());
    }

    #[test]
    fn an_address_in_another_s_clothes_is_that_other() {
        let canonical = |text: &str| canonical(text.parse().unwrap()).to_string();
        assert_eq!(canonical("[::ffff:192.0.2.1]:80"), "192.0.2.1:80");
        assert_eq!(canonical("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(canonical("[::]:80"), "[::1]:80");
        assert_eq!(canonical("[::ffff:0.0.0.0]:80"), "127.0.0.1:80");
        assert_eq!(canonical("[fe80::1%3]:80"), "[fe80::1%3]:80");
    }
}
