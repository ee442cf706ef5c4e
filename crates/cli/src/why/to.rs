//! `why --to`: would connect(2) find a local port, and how many are left? No connection is opened.

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr, UdpSocket},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use serde::Serialize;
use timewait_diagnose::ports::{self, Budget, Facts, Question};
use timewait_facts::{PortRange, States};
use timewait_linux::{
    netns::Netns,
    sockets::{Query, SocketTable},
};

use super::{Look, NOT};
use crate::{
    args::{Target, Why},
    port_facts::budget_settings,
    print::{Paint, Tone, json, label},
    words::to as words,
};

pub(super) fn run(args: &Why, target: &Target, look: Look<'_>, paint: Paint) -> anyhow::Result<ExitCode> {
    let endpoints = target.resolve()?;
    let to = *endpoints.first().context("the name has no address")?;
    let from = match args.from {
        Some(from) => from.towards(to)?.0,
        None => source(to, look.netns)?,
    };
    let question = Question { from, to };
    let facts = facts(look.netns)?;
    let budget = ports::budget(&question, &facts);
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        json::write_line(&mut out, &object(&question, &budget))?;
    } else {
        if let Target::Name { host, .. } = target {
            writeln!(out, "{}", crate::words::connect::resolved(host, &endpoints))?;
        }
        write(&mut out, &question, &budget, &facts, paint)?;
    }
    out.flush()?;
    Ok(if budget.left() > 0 { ExitCode::SUCCESS } else { ExitCode::from(NOT) })
}

/// The source address that the kernel would choose. A datagram socket tells without sending anything.
pub(crate) fn source(to: SocketAddr, netns: Option<&Netns>) -> anyhow::Result<IpAddr> {
    if to.ip().is_loopback() {
        return Ok(to.ip());
    }
    if netns.is_some_and(|netns| !netns.is_own()) {
        bail!(
            "in another network namespace --from is needed: the address that connections to {to} come from"
        );
    }
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to).with_context(|| format!("there is no way from here to {to}"))?;
    Ok(socket.local_addr()?.ip())
}

pub(crate) fn facts(netns: Option<&Netns>) -> anyhow::Result<Facts> {
    let mut table = netns.map_or_else(SocketTable::open, SocketTable::open_in)?;
    let settings = budget_settings(netns)?;
    let range = settings.range;
    let mut sockets = Vec::new();
    table.dump(&Query::in_states(States::all()), |row| {
        let socket = row.socket();
        if PortRange::contains(range, socket.local.port()) {
            sockets.push(socket);
        }
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(Facts { sockets, ..settings })
}

fn write(
    out: &mut impl Write,
    question: &Question,
    budget: &Budget,
    facts: &Facts,
    paint: Paint,
) -> anyhow::Result<()> {
    let (tone, headline) = match budget.left() {
        0 => (Tone::Bad, words::none_left(question.to)),
        left => (Tone::Good, words::left(question.to, left, budget.range.len())),
    };
    writeln!(out, "{}\n", paint.tone(tone, &headline))?;
    label(out, paint, "from", &[words::from(question.from)])?;
    label(out, paint, "range", &[words::range(budget)])?;
    label(out, paint, "taken", &words::taken(budget))?;
    label(out, paint, "free", &words::free(budget, facts))?;
    label(out, paint, "cliff", &[words::cliff(budget)])?;
    label(out, paint, "do", &words::remedies(budget, facts))?;
    Ok(())
}

#[derive(Serialize)]
struct End {
    addr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

#[derive(Serialize)]
struct Object {
    v: u8,
    to: End,
    from: End,
    range: [u16; 2],
    reserved: u32,
    bound: u32,
    taken: u32,
    time_wait: u32,
    reusable: u32,
    free: u32,
    cliff_at: u32,
    left: u32,
    bindable: u32,
    uneven: bool,
    connect: &'static str,
    bind_port_0: &'static str,
}

fn object(question: &Question, budget: &Budget) -> Object {
    let word = |answer: Option<timewait_diagnose::bind::Answer>| {
        answer.and_then(timewait_diagnose::bind::Answer::name).unwrap_or("OK")
    };
    Object {
        v: json::VERSION,
        to: End { addr: question.to.ip().to_string(), port: Some(question.to.port()) },
        from: End { addr: question.from.to_string(), port: None },
        range: [budget.range.first(), budget.range.last()],
        reserved: budget.reserved,
        bound: budget.bound,
        taken: budget.taken,
        time_wait: budget.time_wait,
        reusable: budget.reusable,
        free: budget.free,
        cliff_at: budget.cliff_at,
        left: budget.left(),
        bindable: budget.bindable,
        uneven: budget.uneven,
        connect: word(budget.connect_answer()),
        bind_port_0: word(budget.bind_answer()),
    }
}
