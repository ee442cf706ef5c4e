//! The article, live. Each act is played by a child of this process: in a network namespace of its own where this
//! user may have one, else on loopback. The child observes; this process tells.
//!
//! Over the child's standard output comes a line a step, [`Told`]; over its standard input goes a line for each
//! step that it may begin. It ends with this process, whatever ends that.

mod acts;
pub(crate) mod reasons;
mod render;
mod stage;
pub(crate) mod step;

use std::{
    env,
    io::{self, BufRead as _, BufReader, BufWriter, IsTerminal as _, Write},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, ExitCode, Stdio},
};

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use timewait_facts::States;
use timewait_linux::{
    hosts::{self, Refusal},
    kernel_version, processes, settings,
    sockets::{Query, SocketTable},
};

use acts::Act;
use reasons::Reason;
use stage::Stage;
use step::StepId;

use crate::{
    args::Demo,
    print::{Paint, json},
    words::demo as words,
};

/// A step, as the act's child hands it over: ready to show, and as JSON.
#[derive(Serialize, Deserialize)]
struct Told {
    id: String,
    /// `None`: it could not be tried.
    as_told: Option<bool>,
    /// What the closing table says of it: what was tried, and the answer.
    tried: String,
    answer: String,
    screen: String,
    json: Box<RawValue>,
}

/// Runs the demo, or one act of it as its child.
pub(crate) fn run(args: &Demo, paint: Paint) -> anyhow::Result<ExitCode> {
    let Some(act) = &args.act else { return tell(args, paint) };
    if let Some(reason) = Reason::from_name(act) {
        try_reason(reason, paint)?;
    } else {
        let act = Act::from_name(act).ok_or_else(|| anyhow!("there is no act of this name"))?;
        play(act, args.port, paint)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The child's part, for a reason of the wait.
fn try_reason(reason: Reason, paint: Paint) -> anyhow::Result<()> {
    let (mut go, mut out) = (io::stdin().lock(), io::stdout().lock());
    wait_for_line(&mut go)?;
    json::write_line(&mut out, &reason.play(number_of(reason), paint)?)?;
    out.flush()?;
    Ok(())
}

/// A reason's place in the story: behind the steps.
fn number_of(reason: Reason) -> usize {
    let place = Reason::ALL.iter().position(|&other| other == reason).unwrap_or(0);
    StepId::ALL.len() + place + 1
}

/// The child's part: in a host of its own, or on a port of loopback.
fn play(act: Act, loopback: Option<u16>, paint: Paint) -> anyhow::Result<()> {
    let label = loopback.map_or_else(|| words::label_own().to_owned(), words::label_loopback);
    let mut stage = match loopback {
        Some(port) => Stage::on(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))?,
        None => Stage::on(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), PORT))?,
    };
    let (mut go, mut out) = (io::stdin().lock(), io::stdout().lock());
    wait_for_line(&mut go)?;
    act.play(&mut stage, |step| {
        let told = Told {
            id: step.id.name().to_owned(),
            as_told: Some(step.as_told()),
            tried: words::tried(step.id).to_owned(),
            answer: step.answer(),
            screen: render::screen(&step, paint, &label)?,
            json: render::json(&step)?,
        };
        json::write_line(&mut out, &told)?;
        out.flush()?;
        wait_for_line(&mut go)
    })
}

fn wait_for_line(input: &mut impl io::BufRead) -> anyhow::Result<()> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(())
}

/// The parent's part.
fn tell(args: &Demo, paint: Paint) -> anyhow::Result<ExitCode> {
    if args.pause && !io::stdin().is_terminal() {
        bail!("--pause waits for Enter, and standard input is no terminal");
    }
    let mut house = House::find(paint)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if !args.json {
        render::opening(&mut out, paint, kernel_version().number(), house.refusal.as_deref())?;
    }
    let mut steps = Vec::new();
    let mut show = |told: Told| {
        if !args.json {
            write!(out, "{}", told.screen)?;
            out.flush()?;
        }
        let last = told.id == LAST;
        steps.push(told);
        if args.pause && !last { pause(&mut out) } else { Ok(()) }
    };
    for act in Act::ALL {
        house.play(act.name(), &mut show)?;
    }
    for reason in Reason::ALL {
        match &house.refusal {
            None => house.play(reason.name(), &mut show)?,
            Some(refusal) => show(reason.not_tried(number_of(reason), refusal, paint)?)?,
        }
    }
    if args.json {
        json::write_line(&mut out, &report(&steps, house.refusal.is_none()))?;
    } else {
        render::closing(&mut out, paint, &steps)?;
    }
    out.flush()?;
    let otherwise = steps.iter().any(|told| told.as_told == Some(false));
    Ok(if otherwise { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The story's last step.
const LAST: &str = Reason::OldDuplicate.name();

fn report(steps: &[Told], own: bool) -> impl Serialize {
    #[derive(Serialize)]
    struct Report<'a> {
        v: u8,
        kernel: String,
        namespace: &'static str,
        steps: Vec<&'a RawValue>,
    }
    Report {
        v: json::VERSION,
        kernel: kernel_version().number().to_owned(),
        namespace: if own { "own" } else { "loopback" },
        steps: steps.iter().map(|told| &*told.json).collect(),
    }
}

fn pause(out: &mut impl Write) -> anyhow::Result<()> {
    write!(out, "{} ", words::press_enter())?;
    out.flush()?;
    wait_for_line(&mut io::stdin().lock())?;
    writeln!(out)?;
    Ok(())
}

/// Where the acts are played.
struct House {
    paint: Paint,
    /// Why not in network namespaces of their own; then each act takes the next free port from here.
    refusal: Option<String>,
    next_port: u16,
}

/// The article's port.
const PORT: u16 = 9000;

impl House {
    /// Tries whether namespaces are permitted by making one.
    fn find(paint: Paint) -> anyhow::Result<Self> {
        let refusal =
            match hosts::isolate(Command::new(own_program()?).arg("--version").stdout(Stdio::null())) {
                Ok(mut child) => {
                    child.wait()?;
                    None
                }
                Err(refusal @ Refusal::NotPermitted { .. }) => Some(refusal.to_string()),
                Err(Refusal::Start(error)) => return Err(error).context("cannot start this program again"),
            };
        Ok(Self { paint, refusal, next_port: PORT })
    }

    /// Plays an act. `each` is called with every step.
    fn play(&mut self, act: &str, mut each: impl FnMut(Told) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut child = self.start(act)?;
        let (Some(stdout), Some(mut go)) = (child.stdout.take(), child.stdin.take()) else {
            bail!("a child's input or output is not to be had");
        };
        writeln!(go)?;
        for line in BufReader::new(stdout).lines() {
            let told: Told = serde_json::from_str(&line?).context("an act said what cannot be read")?;
            each(told)?;
            // The act may have ended after its last step.
            let _ = writeln!(go);
        }
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(anyhow!("the act '{act}' broke off ({status})")) }
    }

    fn start(&mut self, act: &str) -> anyhow::Result<Child> {
        let mut command = Command::new(own_program()?);
        command.args(["demo", self.paint.as_argument(), "--act", act]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if self.refusal.is_none() {
            return Ok(hosts::isolate(&mut command)?);
        }
        command.args(["--port", &self.free_port()?.to_string()]);
        processes::tether(&mut command).spawn().context("cannot start this program again")
    }

    /// The next port that no socket has on either end, not even one that waits, and that the kernel gives to no
    /// client.
    fn free_port(&mut self) -> anyhow::Result<u16> {
        let ephemeral = settings::read("net.ipv4.ip_local_port_range")?;
        let mut bounds = ephemeral.split(' ').map(str::parse::<u16>);
        let (Some(Ok(low)), Some(Ok(high))) = (bounds.next(), bounds.next()) else {
            bail!("net.ipv4.ip_local_port_range reads '{ephemeral}'");
        };
        let sockets = SocketTable::open()?.collect(&Query::in_states(States::all()))?;
        let taken =
            |port| sockets.iter().any(|socket| socket.local.port() == port || socket.peer.port() == port);
        let mut candidates = (self.next_port..=u16::MAX).filter(|port| !(low..=high).contains(port));
        let port = candidates.find(|&port| !taken(port)).context("no port from 9000 on is free")?;
        self.next_port = port.saturating_add(1);
        Ok(port)
    }
}

fn own_program() -> anyhow::Result<PathBuf> {
    env::current_exe().context("cannot find this program's own file")
}
