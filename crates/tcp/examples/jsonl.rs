//! One host over standard input and output: a JSON object a line in, one out. For harnesses in other languages.
//!
//!     $ cargo run -p timewait-tcp --example jsonl
//!     {"do":"listen","local":"10.0.0.1:80","backlog":5}
//!     {"handle":1,"next_timer":null,"send":[]}
//!     {"now":10,"do":"segment","from":"10.0.0.2:9","to":"10.0.0.1:80","segment":{"seq":7,"flags":["SYN"]}}
//!
//! Every line has `do`, and may have `now`, the time in ms, which stays until the next line that has it:
//!
//! | `do` | with | answer |
//! |---|---|---|
//! | `set` | `profile` (`linux`, as it starts, or `rfc-9293`), `msl`, any field of a [`Profile`] (waits in ms, null: off; words as `examples/jsonl/profile.rs` has them); the host starts anew, unless there is a `handle`: then it is for this connection, or this listener's, alone | |
//! | `isn` | `seq`: the number that connections opened from now on start with | |
//! | `listen` | `local`, `backlog` | `handle` |
//! | `open` | `local`, `remote` | `handle` |
//! | `accept` | `handle` | `handle`, `local` and `remote`, or `handle` null |
//! | `read` | `handle`, `max` | `text`; null: nothing yet; `end` true: the peer has closed |
//! | `write` | `handle`, `text` | `written` |
//! | `shut-down`, `close`, `abort` | `handle` | |
//! | `error` | `handle` | `told`: why it has ended, once, or null |
//! | `state` | `handle` | `state`, or null: nobody's handle |
//! | `blocks` | | `blocks`: each with `local`, `remote`, `state`, `handle` |
//! | `delete` | `local`, `remote` (absent: a listener) | `deleted` |
//! | `segment` | `from`, `to`, `segment` | |
//! | `timer` | | |
//!
//! Every answer has `send`, what goes out now (`from`, `to`, `segment`), and `next_timer` (ms or null); a call that fails
//! has `error`, and so has a line that cannot be understood: then nothing has happened. A segment has `seq`, `ack` (absent
//! or null: no ACK), `flags` (`SYN` `FIN` `RST` `PSH` `URG` `ECE` `CWR`), `window` (absent: 65535), `mss`, `window_scale`,
//! `sack_permitted`, `timestamps` (`[value, echo]`) and `text`, in which each character is an octet.

use std::{
    cell::Cell,
    error,
    io::{self, BufRead, Write},
    rc::Rc,
    time::Duration,
};

use serde_json::{Value, json};
use timewait_tcp::{
    Instant, Profile, Seq, StateName,
    endpoint::{Endpoint, Handle, Listed, Pair, Read},
};

#[path = "jsonl/asked.rs"]
mod asked;
#[path = "jsonl/profile.rs"]
mod profile;
#[path = "jsonl/segment.rs"]
mod segment;

use asked::Asked;

type Result<T> = std::result::Result<T, Box<dyn error::Error>>;
type Isns = Box<dyn FnMut(&Pair) -> Seq>;

fn main() -> Result<()> {
    match talk(io::stdin().lock(), io::stdout().lock()) {
        // Whoever has read enough may go.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn talk(lines: impl BufRead, mut answers: impl Write) -> io::Result<()> {
    let mut driver = Driver::new();
    for line in lines.split(b'\n') {
        let answer = driver.answer(&line?);
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    Ok(())
}

struct Driver {
    profile: Profile,
    host: Endpoint<Isns>,
    isn: Rc<Cell<Seq>>,
    now: Instant,
}

fn host(profile: Profile, isn: &Rc<Cell<Seq>>) -> Endpoint<Isns> {
    let isn = Rc::clone(isn);
    Endpoint::new(profile, Box::new(move |_| isn.get()))
}

impl Driver {
    fn new() -> Self {
        let isn = Rc::default();
        Self { host: host(Profile::LINUX, &isn), profile: Profile::LINUX, isn, now: Instant::START }
    }

    fn answer(&mut self, line: &[u8]) -> Value {
        let answer = serde_json::from_slice(line).map_err(Into::into).and_then(|asked| self.serve(&asked));
        let mut answer = answer.unwrap_or_else(|error| json!({ "error": error.to_string() }));
        let send: Vec<Value> = std::iter::from_fn(|| self.host.poll_transmit())
            .map(|it| json!({ "from": it.from.to_string(), "to": it.to.to_string(), "segment": segment::written(&it.segment) }))
            .collect();
        let next_timer = self.host.next_timer().map(|at| at.since_start().as_millis());
        if let Value::Object(answer) = &mut answer {
            answer.insert("send".into(), send.into());
            // Beyond 584 million years there are no milliseconds that JSON could tell.
            answer.insert(
                "next_timer".into(),
                json!(next_timer.map(|at| u64::try_from(at).unwrap_or(u64::MAX))),
            );
        }
        answer
    }

    fn serve(&mut self, asked: &Value) -> Result<Value> {
        let asked = Asked::of(asked)?;
        self.hear_time(asked)?;
        let (now, host) = (self.now, &mut self.host);
        Ok(match asked.call()? {
            "set" => return self.set(asked),
            "isn" => {
                self.isn.set(Seq::new(asked.number("seq")?));
                json!({})
            }
            "listen" => {
                let backlog = usize::try_from(asked.number("backlog")?)?;
                json!({ "handle": host.listen(asked.address("local")?, backlog)?.number() })
            }
            "open" => {
                let handle = host.open(now, asked.address("local")?, asked.address("remote")?)?;
                json!({ "handle": handle.number() })
            }
            "blocks" => json!({ "blocks": host.blocks().map(|block| listed(&block)).collect::<Vec<_>>() }),
            "delete" => {
                let remote = asked.has("remote").then(|| asked.address("remote")).transpose()?;
                json!({ "deleted": host.delete(asked.address("local")?, remote) })
            }
            "segment" => {
                let (from, to) = (asked.address("from")?, asked.address("to")?);
                host.segment(now, from, to, segment::read(asked)?);
                json!({})
            }
            "timer" => {
                host.on_timer(now);
                json!({})
            }
            call => return self.serve_user(call, asked),
        })
    }

    fn hear_time(&mut self, asked: Asked<'_>) -> Result<()> {
        let Some(now) = asked.optional("now", Value::as_u64, "a number of milliseconds")? else {
            return Ok(());
        };
        let now = Instant::after_start(Duration::from_millis(now));
        if now < self.now {
            return Err("now is earlier than it was, and time does not go back".into());
        }
        self.now = now;
        Ok(())
    }

    /// What whoever has a handle may ask.
    fn serve_user(&mut self, call: &str, asked: Asked<'_>) -> Result<Value> {
        let (now, host) = (self.now, &mut self.host);
        let handle = || asked.handle();
        Ok(match call {
            "accept" => host.accept(handle()?)?.map_or(json!({ "handle": null }), |it| {
                let (local, remote) = (it.local.to_string(), it.remote.to_string());
                json!({ "handle": it.handle.number(), "local": local, "remote": remote })
            }),
            "read" => match host.read(now, handle()?, usize::try_from(asked.number("max")?)?)? {
                Read::Text(text) => json!({ "text": segment::characters(&text) }),
                Read::Nothing => json!({ "text": null }),
                Read::End => json!({ "text": null, "end": true }),
            },
            "write" => json!({ "written": host.write(now, handle()?, &asked.octets("text")?)? }),
            "shut-down" => {
                host.shut_down(now, handle()?)?;
                json!({})
            }
            "close" => {
                host.close(now, handle()?)?;
                json!({})
            }
            "abort" => {
                host.abort(handle()?)?;
                json!({})
            }
            "error" => json!({ "told": host.take_error(handle()?).map(|error| error.to_string()) }),
            "state" => json!({ "state": host.state(handle()?).map(StateName::name) }),
            other => return Err(format!("nothing is called {other:?}").into()),
        })
    }

    fn set(&mut self, asked: Asked<'_>) -> Result<Value> {
        let mut profile = self.profile.clone();
        profile::set(&mut profile, asked.fields())?;
        if asked.has("handle") {
            self.host.set_profile(asked.handle()?, profile)?;
        } else {
            self.profile = profile;
            self.host = host(self.profile.clone(), &self.isn);
        }
        Ok(json!({}))
    }
}

fn listed(block: &Listed) -> Value {
    json!({
        "local": block.local.to_string(),
        "remote": block.remote.map(|remote| remote.to_string()),
        "state": block.state.name(),
        "handle": block.handle.map(Handle::number),
    })
}

#[cfg(test)]
#[path = "jsonl/tests.rs"]
mod tests;
