//! `timewait why`: would bind(2) succeed here? If not: who, why, until when, what to do.

mod answers;
mod json;
mod rehearse;
pub(crate) mod restart;
mod text;
pub(crate) mod to;
mod wait;

use std::{
    collections::BTreeSet,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
};

use anyhow::{anyhow, bail};
use rustix::thread::CapabilitySet;
use timewait_diagnose::bind::{Facts, Request};
use timewait_linux::netns::Netns;

use crate::{
    args::{Flags, Question, Why},
    port_facts::{self, Look},
    print::Paint,
    words::why as words,
};
use answers::{Answered, Trials};
pub(crate) use rehearse::{is_rehearsal, perform_rehearsal};

/// It would not succeed, or it depends.
const NOT: u8 = 1;

pub(crate) fn run(args: &Why, paint: Paint) -> anyhow::Result<ExitCode> {
    let netns = args.netns.as_deref().map(Netns::open).transpose()?;
    let look = Look { netns: netns.as_ref(), all_rows: args.rows };
    match (&args.address, &args.to) {
        (_, Some(to)) => to::run(args, to, look, paint),
        (Some(question), None) if args.wait => wait::run(args, *question, look, paint),
        (Some(question), None) => {
            let answered = ask(args, *question, look, Effort::All)?;
            print(args, &answered, paint)?;
            for answered in answered.iter().filter(|answered| answered.is_contradicted()) {
                if is_unchanged(answered, look)? {
                    bail!(words::defect(answered.request.address, &answered.flags.to_string()));
                }
            }
            Ok(status(&answered))
        }
        (None, None) => restart::run(args, look, paint),
    }
}

/// What an answer may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    /// The facts, the rules, a trial where it decides something, a rehearsal.
    All,
    /// The facts and the rules.
    Rules,
}

/// Every address that the question stands for, answered.
fn ask(args: &Why, question: Question, look: Look<'_>, effort: Effort) -> anyhow::Result<Vec<Answered>> {
    let whole = effort == Effort::All;
    let mut found = port_facts::read(question.port, look)?;
    if whole && look.netns.is_none() {
        found.facts.elsewhere = port_facts::listeners_elsewhere(question.port);
    }
    let unread = if args.no_peek { Vec::new() } else { answers::peek(&mut found.facts) };
    let local = port_facts::local_addresses(look.netns);
    let device = args.device.as_deref().map(|name| {
        let index = local.as_ref().and_then(|local| local.interface(name));
        index.ok_or_else(|| anyhow!("this network namespace has no interface '{name}'"))
    });
    let device = device.transpose()?;
    let forbidden = args.no_try || args.uid.is_some() || device.is_some() || !whole;
    let trials = Trials { forced: args.try_it, forbidden };
    let answer = |address: SocketAddr| {
        let mut found = found.clone();
        found.facts.local = port_facts::as_local(local.as_ref(), address);
        let request = Request { device, ..request(address, args.flags, args.uid, look.netns) };
        Answered {
            unread: unread.clone(),
            ..answers::answer(request, args.flags, found, (trials, look.netns))
        }
    };
    let mut answered: Vec<Answered> = question.addresses().into_iter().map(answer).collect();
    if whole {
        rehearse::check(&mut answered);
    }
    Ok(answered)
}

/// The socket that is asked about, as this user, or another, would make it.
fn request(address: SocketAddr, flags: Flags, uid: Option<u32>, netns: Option<&Netns>) -> Request {
    let own = rustix::process::geteuid().as_raw();
    let bindv6only = || port_facts::setting(netns, "net.ipv6.bindv6only").is_some_and(|value| value == "1");
    Request {
        reuseaddr: flags.reuseaddr,
        reuseport: flags.reuseport,
        v6only: address.is_ipv6() && flags.v6only.unwrap_or_else(bindv6only),
        privileged: uid.map_or_else(may_bind_privileged, |uid| uid == 0),
        ..Request::plain(address, uid.unwrap_or(own))
    }
}

fn may_bind_privileged() -> bool {
    rustix::thread::capabilities(None)
        .is_ok_and(|own| own.effective.contains(CapabilitySet::NET_BIND_SERVICE))
}

fn print(args: &Why, answered: &[Answered], paint: Paint) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        json::write(&mut out, answered, args.netns.as_deref())?;
    } else {
        text::write(&mut out, answered, args, paint)?;
    }
    out.flush()?;
    Ok(())
}

/// Whether the same sockets still share the port; then a trial and the rules were about the same.
fn is_unchanged(answered: &Answered, look: Look<'_>) -> anyhow::Result<bool> {
    let now = port_facts::read(answered.request.address.port(), look)?;
    let who = |facts: &Facts| -> BTreeSet<_> {
        facts.occupants.iter().map(|it| (it.socket.cookie, it.socket.state, it.count)).collect()
    };
    Ok(who(&now.facts) == who(&answered.found.facts))
}

fn status(answered: &[Answered]) -> ExitCode {
    // Without an address, a server that binds 0.0.0.0 is the common case; [::] is told beside it.
    let succeeds = answered.first().is_some_and(Answered::succeeds);
    if succeeds { ExitCode::SUCCESS } else { ExitCode::from(NOT) }
}
