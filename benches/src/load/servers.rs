//! `timewait serve` against a blocking loop and nginx, all kept busy by the same generator.

use std::{fs, net::SocketAddr, os::fd::AsFd as _, path::PathBuf, process::Command, time::Duration};

use anyhow::Context as _;
use timewait_linux::hosts::Host;
use timewait_oneline::Load;

use super::{
    RUNS, prepare,
    side::{Rounds, Server, has, print, this, timewait},
};

const CONNECTIONS: u64 = 40_000;

/// The servers: what they are called, how they are started, whether they are spoken to first.
struct Peer {
    name: &'static str,
    command: Command,
    say: &'static [u8],
}

pub(super) fn compare(host: &Host) -> anyhow::Result<()> {
    prepare(host)?;
    let folder = folder()?;
    let mut peers = peers(&folder)?;
    let mut rows: Vec<(&str, Rounds)> = peers.iter().map(|peer| (peer.name, Rounds::new())).collect();
    for _ in 0..RUNS {
        for (peer, (_, rounds)) in peers.iter_mut().zip(&mut rows) {
            let outcome = measure(peer);
            if let Err(error) = &outcome {
                eprintln!("{}: {error:#}", peer.name);
            }
            rounds.push(outcome.ok());
        }
    }
    println!("{CONNECTIONS} connections, 64 at a time, opened by `timewait load`:\n");
    print("server", &rows);
    if !has("nginx") {
        println!("nginx is not installed.\n");
    }
    println!(
        "System calls a connection of `serve -q`, where clients say nothing: accept4, sendto, recvfrom, shutdown, close; with\n\
         `--separate-fin` without shutdown; one in 16, which is waited for, has a getsockopt and one more recvfrom.\n\
         The blocking loop: accept4, sendto, close. Neither allocates.\n"
    );
    fs::remove_dir_all(folder)?;
    Ok(())
}

fn folder() -> anyhow::Result<PathBuf> {
    let folder =
        std::env::temp_dir().join(format!("timewait-benches-{}", rustix::process::getpid().as_raw_nonzero()));
    // In a pid namespace of its own every run has the same number.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).context("a folder for nginx's files")?;
    Ok(folder)
}

fn peers(folder: &std::path::Path) -> anyhow::Result<Vec<Peer>> {
    let serve = |more: &[&str]| -> anyhow::Result<Command> {
        let mut command = Command::new(timewait()?);
        command.args(["serve", "-q", "127.0.0.1:9000", "--backlog", "16384"]).args(more);
        Ok(command)
    };
    let mut peers = vec![
        Peer { name: "blocking accept, send, close", command: this("load-blocking")?, say: b"" },
        Peer { name: "`timewait serve`", command: serve(&[])?, say: b"" },
        Peer { name: "`timewait serve --separate-fin`", command: serve(&["--separate-fin"])?, say: b"" },
    ];
    if has("nginx") {
        let stream =
            "stream { server { listen 127.0.0.1:9000 backlog=4096; return \"I sent sth to client!\\n\"; } }";
        let http = "http { access_log off; keepalive_timeout 0; server { listen 127.0.0.1:9000 backlog=4096; \
                    return 200 \"I sent sth to client!\\n\"; } }";
        peers.push(Peer { name: "nginx, stream", command: nginx(folder, "stream", stream)?, say: b"" });
        peers.push(Peer {
            name: "nginx, http (it is asked first)",
            command: nginx(folder, "http", http)?,
            say: b"GET / HTTP/1.0\r\n\r\n",
        });
    }
    Ok(peers)
}

fn nginx(folder: &std::path::Path, name: &str, block: &str) -> anyhow::Result<Command> {
    let file = folder.join(format!("{name}.conf"));
    let modules = "include /etc/nginx/modules-enabled/*.conf;";
    let text = format!(
        "{modules}\ndaemon off; worker_processes auto; pid {}/{name}.pid; error_log /dev/null crit;\n\
         events {{ worker_connections 8192; }}\n{block}\n",
        folder.display()
    );
    fs::write(&file, text)?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(file).arg("-e").arg("/dev/null");
    Ok(command)
}

/// Microseconds a connection.
fn measure(peer: &mut Peer) -> anyhow::Result<f64> {
    let at: SocketAddr = "127.0.0.1:9000".parse()?;
    let server = Server::start(&mut peer.command, at)?;
    let (stop, _wish) = std::io::pipe()?;
    let load = Load {
        connections: Some(CONNECTIONS),
        duration: Duration::from_secs(60),
        say: peer.say.to_vec(),
        ..Load::to(at)
    };
    let report = load.run(stop.as_fd(), &mut |_| ())?;
    let cpu = server.end()?;
    let finished = report.tally.finished;
    anyhow::ensure!(finished == CONNECTIONS, "{finished} of {CONNECTIONS} finished: {:?}", report.tally);
    #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
    Ok(cpu * 1e6 / finished as f64)
}
