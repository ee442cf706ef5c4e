//! The article's server, on a TCP that is ours: `timewait-tcp` at one end of a wire, this kernel at the other.
//!
//!     $ cargo run -p timewait-lab --example own-server              a client of the kernel's reads the line
//!     $ cargo run -p timewait-lab --example own-server -- nc -d 10.9.0.2 9000
//!
//! The server says its line and closes first, and the wire drops its last ACK: the client's kernel sends its FIN again, and
//! the machine, in TIME-WAIT, acknowledges it again. Everything runs in namespaces of its own, without root.

use std::{
    env,
    error::Error,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::Command,
    thread,
    time::Duration,
};

use timewait_lab::wire::{Cable, RIGHT_V4, Station, Wire, from};
use timewait_linux::hosts::{self, Host};
use timewait_tcp::{
    Profile, Seq,
    Side::{Left, Right},
    StateName,
    draw::{Ladder, Page},
};

const LINE: &[u8] = b"I sent sth to client!\n";
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let Some(host) = Host::entered() else {
        let status = hosts::isolate(Command::new(env::current_exe()?).args(&words))?.wait()?;
        std::process::exit(status.code().unwrap_or(1));
    };
    let client = host.neighbour("kernel")?;
    let (wire, plug) = Wire::to_program(Cable::default(), &client, "timewait-tcp")?;
    wire.rule(from(Right).last_ack_of_the_close().first().drop("the last ACK"))?;
    let server = Station::start(plug, Profile::LINUX, |_pair| Seq::new(1000))?;
    let here = SocketAddr::new(RIGHT_V4, 9000);
    let listener = server.listen(here, 32)?;

    thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        let talk = scope.spawn(|| client.inside(|| talk(here, &words)));
        let accepted = server.accept(listener, PATIENCE)?;
        server.write(accepted.handle, LINE, PATIENCE)?;
        server.close(accepted.handle)?;
        let heard = talk.join().map_err(|_| "the client panicked")???;
        let _ = writeln!(io::stdout(), "{here} said: {heard}");
        server.await_state((here, accepted.remote), StateName::TimeWait, PATIENCE)?;
        Ok(wire.await_state(Left, StateName::Closed).map(drop)?)
    })?;
    // Whoever reads only the beginning of it has read enough.
    let _ = write!(io::stdout(), "{}", Ladder::of(&wire.trace()).text(Page::default()));
    Ok(())
}

/// What a program of the kernel's reads, or a socket.
fn talk(server: SocketAddr, words: &[String]) -> io::Result<String> {
    let mut said = Vec::new();
    match words {
        [] => {
            TcpStream::connect(server)?.read_to_end(&mut said)?;
        }
        [program, arguments @ ..] => said = Command::new(program).args(arguments).output()?.stdout,
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}
