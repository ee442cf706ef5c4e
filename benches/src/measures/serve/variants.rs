//! Ways to serve a connection, as short as they can be written; and the table of what they cost, in the page that decides
//! between them.

use std::{
    collections::VecDeque,
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use rustix::net::{
    RecvFlags, SendFlags, Shutdown, SocketFlags, accept_with, acceptfrom_with, recv, send, shutdown,
};
use socket2::{Domain, Socket, Type};
use timewait_linux::{hosts::Host, options};

use super::{busy, each, prepare};
use crate::frame::{Bench, Measurement, Rounds, Section};

pub(crate) const MEASUREMENT: Measurement = Measurement {
    name: "variants",
    title: "Ways to close",
    about: "CPU time for each connection of servers that do nothing else, one thread each, kept busy as above. Which of them are \
        safe, and why one was chosen: `docs/decisions/0004-fin-on-the-data.md`, which has this table too.",
    needs: &[],
    cases: [&["all"], &["all"]],
    figures: &[],
    perform,
};

/// How many others have come before a client that is waited for is looked at.
const KEPT: usize = 128;

/// What a server does for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    Close,
    More,
    MoreShutdown,
    MoreRecvShutdown,
    MoreLookShutdown,
    Unasked,
    Late,
    LateIfClosed,
    Separate,
}

const ALL: [(Variant, &str, &str); 9] = [
    (Variant::Close, "close", "accept4, send, close: the article's, without its printing"),
    (Variant::More, "more", "accept4, `send(MSG_MORE)`, close"),
    (Variant::MoreShutdown, "more-shutdown", "accept4, `send(MSG_MORE)`, shutdown, close"),
    (Variant::MoreRecvShutdown, "more-recv", "the same with a recv before the shutdown"),
    (Variant::MoreLookShutdown, "more-look", "with a look at `TCP_INFO` instead of the recv"),
    (Variant::Unasked, "unasked", "with the recv, and accept4 is not asked for the peer's address: ours"),
    (Variant::Late, "late", "accept4, `send(MSG_MORE)`, shutdown; close when 128 others have come"),
    (Variant::LateIfClosed, "late-recv", "the same after a recv of the client's FIN"),
    (Variant::Separate, "separate", "accept4 unasked, send, recv, close: ours with `--separate-fin`"),
];

/// Serves as a variant until it is ended.
pub(crate) fn serve(name: &str) -> anyhow::Result<ExitCode> {
    let (variant, ..) = ALL.into_iter().find(|(_, of, _)| *of == name).context("no such variant")?;
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.set_reuse_address(true)?;
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)).into())?;
    listener.listen(16_384)?;
    let mut kept = VecDeque::with_capacity(KEPT + 1);
    loop {
        let flags = SocketFlags::CLOEXEC;
        let client = match variant {
            Variant::Unasked | Variant::Separate => accept_with(&listener, flags)?,
            _ => acceptfrom_with(&listener, flags)?.0,
        };
        // A client that has gone is no reason to stop.
        let _ = say(variant, &client);
        if let Variant::Late | Variant::LateIfClosed = variant {
            kept.push_back(client);
            let oldest = if kept.len() > KEPT { kept.pop_front() } else { None };
            if let Some(oldest) = oldest.filter(|_| variant == Variant::LateIfClosed) {
                let _ = recv(&oldest, &mut [0; 1][..], RecvFlags::TRUNC | RecvFlags::DONTWAIT);
            }
        }
    }
}

fn say(variant: Variant, client: &OwnedFd) -> rustix::io::Result<()> {
    let mut flags = SendFlags::NOSIGNAL;
    flags.set(SendFlags::MORE, !matches!(variant, Variant::Close | Variant::Separate));
    send(client, b"I sent sth to client!\n", flags)?;
    match variant {
        Variant::Close | Variant::More => return Ok(()),
        Variant::MoreLookShutdown => {
            let _ = options::tcp_state(client);
        }
        Variant::MoreRecvShutdown | Variant::Unasked | Variant::Separate => {
            let _ = recv(client, &mut [0; 1][..], RecvFlags::TRUNC | RecvFlags::DONTWAIT);
        }
        Variant::MoreShutdown | Variant::Late | Variant::LateIfClosed => {}
    }
    if variant == Variant::Separate {
        return Ok(());
    }
    shutdown(client, Shutdown::Write)?;
    Ok(())
}

fn perform(bench: &Bench<'_>, host: &Host, _case: &str) -> anyhow::Result<Section> {
    prepare(host)?;
    let count = bench.pick(20_000, 5_000);
    let mut rounds = Rounds::new(bench.pick(15, 5));
    for (_, name, what) in ALL {
        let command = bench.ourselves(&["serve-variant", name]);
        rounds = rounds.with(what, move || busy::connections(&command, count, b""));
    }
    let table = each(&rounds.run()?, count);
    if !bench.quick {
        write_down(&table.markdown())?;
    }
    Ok(Section { tables: vec![table], ..Section::default() })
}

/// Puts the table into the page that decides.
fn write_down(table: &str) -> anyhow::Result<()> {
    const BEGIN: &str = "<!-- variants: begin -->\n";
    const END: &str = "<!-- variants: end -->\n";
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/decisions/0004-fin-on-the-data.md");
    let text = fs::read_to_string(&page)?;
    let (before, rest) = text.split_once(BEGIN).context("where the table begins")?;
    let (_, after) = rest.split_once(END).context("where the table ends")?;
    fs::write(page, format!("{before}{BEGIN}{table}{END}{after}"))?;
    Ok(())
}
