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
//! | `set` | `profile` (`linux`, as it starts, or `rfc-9293`), `msl`, any field of a [`Profile`] (waits in ms, null: off; words as `examples/jsonl/profile.rs` has them); the host starts anew | |
//! | `isn` | `seq`: the number that connections opened from now on start with | |
//! | `listen` | `local`, `backlog` | `handle` |
//! | `open` | `local`, `remote` | `handle` |
//! | `accept` | `handle` | `handle` and `remote`, or `handle` null |
//! | `read` | `handle`, `max` | `text`; null: nothing yet; `end` true: the peer has closed |
//! | `write` | `handle`, `text` | `written` |
//! | `shut-down`, `close`, `abort` | `handle` | |
//! | `error` | `handle` | `told`: why it has ended, once, or null |
//! | `state` | `handle` | `state`, or null: nobody's handle |
//! | `blocks` | | `blocks`: each with `local`, `remote`, `state`, `handle` |
//! | `delete` | `local`, `remote` | `deleted` |
//! | `segment` | `from`, `to`, `segment` | |
//! | `timer` | | |
//!
//! Every answer has `send`, what goes out now (`from`, `to`, `segment`), and `next_timer` (ms or null); a call that fails
//! has `error`. A segment has `seq`, `ack` (absent: no ACK), `flags` (`SYN` `FIN` `RST` `PSH` `URG` `ECE` `CWR`), `window`,
//! `mss`, `window_scale`, `sack_permitted`, `timestamps` (`[value, echo]`) and `text`, in which each character is an octet.

use std::{
    cell::Cell,
    error,
    io::{self, BufRead, Write},
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use serde_json::{Map, Value, json};
use timewait_tcp::{
    Flags, Instant, Options, Profile, Segment, Seq, StateName, Timestamps,
    endpoint::{Endpoint, Handle, Pair, Read},
};

#[path = "jsonl/profile.rs"]
mod profile;

type Result<T> = std::result::Result<T, Box<dyn error::Error>>;
type Isns = Box<dyn FnMut(&Pair) -> Seq>;

fn main() -> Result<()> {
    talk(io::stdin().lock(), io::stdout().lock())
}

fn talk(lines: impl BufRead, mut answers: impl Write) -> Result<()> {
    let mut driver = Driver::new();
    for line in lines.lines() {
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

    fn answer(&mut self, line: &str) -> Value {
        let answer = serde_json::from_str(line).map_err(Into::into).and_then(|asked| self.serve(&asked));
        let mut answer = answer.unwrap_or_else(|error| json!({ "error": error.to_string() }));
        let send: Vec<Value> = std::iter::from_fn(|| self.host.poll_transmit())
            .map(|it| json!({ "from": it.from.to_string(), "to": it.to.to_string(), "segment": written(&it.segment) }))
            .collect();
        let next_timer = self.host.next_timer().map(|at| at.since_start().as_millis());
        if let Value::Object(answer) = &mut answer {
            answer.insert("send".into(), send.into());
            answer.insert("next_timer".into(), json!(next_timer));
        }
        answer
    }

    fn serve(&mut self, asked: &Value) -> Result<Value> {
        if let Some(now) = asked["now"].as_u64() {
            self.now = self.now.max(Instant::after_start(Duration::from_millis(now)));
        }
        let (now, host) = (self.now, &mut self.host);
        let handle = || number(asked, "handle").map(Handle::from_number);
        let text = || octets(asked["text"].as_str().unwrap_or_default());
        Ok(match asked["do"].as_str().unwrap_or_default() {
            "set" => return self.set(asked),
            "isn" => {
                self.isn.set(Seq::new(number(asked, "seq")?));
                json!({})
            }
            "listen" => {
                let backlog = usize::try_from(number(asked, "backlog")?)?;
                json!({ "handle": host.listen(address(asked, "local")?, backlog)?.number() })
            }
            "open" => {
                let handle = host.open(now, address(asked, "local")?, address(asked, "remote")?)?;
                json!({ "handle": handle.number() })
            }
            "accept" => match host.accept(handle()?)? {
                Some(it) => json!({ "handle": it.handle.number(), "remote": it.remote.to_string() }),
                None => json!({ "handle": null }),
            },
            "read" => match host.read(now, handle()?, usize::try_from(number(asked, "max")?)?)? {
                Read::Text(text) => json!({ "text": characters(&text) }),
                Read::Nothing => json!({ "text": null }),
                Read::End => json!({ "text": null, "end": true }),
            },
            "write" => json!({ "written": host.write(now, handle()?, &text()?)? }),
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
            "blocks" => json!({ "blocks": self.blocks() }),
            "delete" => {
                let remote = asked.get("remote").map(|_| address(asked, "remote")).transpose()?;
                json!({ "deleted": host.delete(address(asked, "local")?, remote) })
            }
            "segment" => {
                let (from, to) = (address(asked, "from")?, address(asked, "to")?);
                host.segment(now, from, to, read(&asked["segment"])?);
                json!({})
            }
            "timer" => {
                host.on_timer(now);
                json!({})
            }
            other => return Err(format!("nothing is called {other:?}").into()),
        })
    }

    fn set(&mut self, asked: &Value) -> Result<Value> {
        if let Value::Object(asked) = asked {
            let mut profile = self.profile.clone();
            profile::set(&mut profile, asked)?;
            self.profile = profile;
        }
        self.host = host(self.profile.clone(), &self.isn);
        Ok(json!({}))
    }

    fn blocks(&self) -> Vec<Value> {
        let block = |it: timewait_tcp::endpoint::Listed| {
            json!({
                "local": it.local.to_string(),
                "remote": it.remote.map(|remote| remote.to_string()),
                "state": it.state.name(),
                "handle": it.handle.map(Handle::number),
            })
        };
        self.host.blocks().map(block).collect()
    }
}

fn number(asked: &Value, name: &str) -> Result<u32> {
    let number = asked[name].as_u64().ok_or_else(|| format!("{name} is to be a number"))?;
    Ok(u32::try_from(number)?)
}

fn address(asked: &Value, name: &str) -> Result<SocketAddr> {
    let address = asked[name].as_str().ok_or_else(|| format!("{name} is to be an address and port"))?;
    Ok(address.parse()?)
}

fn octets(text: &str) -> Result<Vec<u8>> {
    Ok(text.chars().map(u8::try_from).collect::<std::result::Result<_, _>>()?)
}

fn characters(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

const FLAGS: [Flags; 7] =
    [Flags::SYN, Flags::FIN, Flags::RST, Flags::PSH, Flags::URG, Flags::ECE, Flags::CWR];

fn read(value: &Value) -> Result<Segment> {
    let optional = |name: &str| value.get(name).map(|_| number(value, name)).transpose();
    let names: Vec<&str> =
        value["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_on = |flag: &Flags| flag.names().all(|name| names.contains(&name));
    let stamp = |index| value["timestamps"].get(index).and_then(Value::as_u64).map(u32::try_from).transpose();
    let timestamps = match (stamp(0_usize)?, stamp(1)?) {
        (Some(value), echo) => Some(Timestamps { value, echo: echo.unwrap_or(0) }),
        (None, _) => None,
    };
    Ok(Segment {
        seq: Seq::new(number(value, "seq")?),
        ack: optional("ack")?.map(Seq::new),
        flags: FLAGS.into_iter().filter(is_on).fold(Flags::NONE, |all, flag| all | flag),
        window: u16::try_from(optional("window")?.unwrap_or(u16::MAX.into()))?,
        options: Options {
            mss: optional("mss")?.map(u16::try_from).transpose()?,
            window_scale: optional("window_scale")?.map(u8::try_from).transpose()?,
            sack_permitted: value["sack_permitted"].as_bool().unwrap_or(false),
            timestamps,
        },
        text: octets(value["text"].as_str().unwrap_or_default())?,
    })
}

fn written(segment: &Segment) -> Value {
    let Options { mss, window_scale, sack_permitted, timestamps } = segment.options;
    let fields = [
        ("seq", json!(segment.seq.get())),
        ("ack", json!(segment.ack.map(Seq::get))),
        ("flags", json!(segment.flags.names().collect::<Vec<_>>())),
        ("window", json!(segment.window)),
        ("mss", json!(mss)),
        ("window_scale", json!(window_scale)),
        ("sack_permitted", json!(sack_permitted.then_some(true))),
        ("timestamps", json!(timestamps.map(|stamp| [stamp.value, stamp.echo]))),
        ("text", json!((!segment.text.is_empty()).then(|| characters(&segment.text)))),
    ];
    let said = fields.into_iter().filter(|(_, value)| !value.is_null());
    said.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked, and what is answered: those fields that are written here.
    const CONVERSATION: [(&str, &str); 15] = [
        (r#"{"do":"set","msl":1000,"delayed_ack":null,"timestamps":false}"#, r#"{"send":[]}"#),
        (r#"{"do":"isn","seq":4294967295}"#, r#"{"next_timer":null}"#),
        (r#"{"do":"listen","local":"10.0.0.1:80","backlog":1}"#, r#"{"handle":1}"#),
        (
            r#"{"now":10,"do":"segment","from":"10.0.0.2:9","to":"10.0.0.1:80","segment":{"seq":7,"flags":["SYN"],"mss":900}}"#,
            r#"{"next_timer":1010,"send":[{"from":"10.0.0.1:80","to":"10.0.0.2:9","segment":{"seq":4294967295,"ack":8,"flags":["SYN"],"window":65535,"mss":1460}}]}"#,
        ),
        (r#"{"do":"accept","handle":1}"#, r#"{"handle":null}"#),
        (
            r#"{"do":"segment","from":"10.0.0.2:9","to":"10.0.0.1:80","segment":{"seq":8,"ack":0,"text":"h\u00e9"}}"#,
            r#"{"send":[{"from":"10.0.0.1:80","to":"10.0.0.2:9","segment":{"seq":0,"ack":10,"flags":[],"window":65533}}]}"#,
        ),
        (r#"{"do":"accept","handle":1}"#, r#"{"handle":2,"remote":"10.0.0.2:9"}"#),
        (r#"{"do":"read","handle":2,"max":9}"#, r#"{"text":"hé"}"#),
        (
            r#"{"do":"write","handle":2,"text":"ok"}"#,
            r#"{"written":2,"send":[{"from":"10.0.0.1:80","to":"10.0.0.2:9","segment":{"seq":0,"ack":10,"flags":["PSH"],"window":65533,"text":"ok"}}]}"#,
        ),
        (r#"{"do":"close","handle":2}"#, r#"{"next_timer":210}"#),
        (
            r#"{"do":"segment","from":"10.0.0.2:9","to":"10.0.0.1:80","segment":{"seq":10,"ack":3,"flags":["FIN"]}}"#,
            r#"{"next_timer":2010}"#,
        ),
        (
            r#"{"do":"blocks"}"#,
            r#"{"blocks":[{"local":"10.0.0.1:80","remote":null,"state":"listen","handle":1},{"local":"10.0.0.1:80","remote":"10.0.0.2:9","state":"time-wait","handle":null}]}"#,
        ),
        (r#"{"now":2010,"do":"timer"}"#, r#"{"next_timer":null}"#),
        (r#"{"do":"state","handle":2}"#, r#"{"state":null}"#),
        (r#"{"do":"dance"}"#, r#"{"error":"nothing is called \"dance\""}"#),
    ];

    #[test]
    fn a_conversation_goes_through_it_line_by_line() {
        let asked = CONVERSATION.map(|(asked, _)| asked).join("\n");
        let mut answers = Vec::new();
        talk(asked.as_bytes(), &mut answers).unwrap();
        let answers = String::from_utf8(answers).unwrap();
        assert_eq!(answers.lines().count(), CONVERSATION.len());
        for (answer, (asked, expected)) in answers.lines().zip(CONVERSATION) {
            let answer: Value = serde_json::from_str(answer).unwrap();
            let expected: Map<String, Value> = serde_json::from_str(expected).unwrap();
            for (name, value) in expected {
                assert_eq!(answer[&name], value, "{asked}: {name}");
            }
        }
    }

    #[test]
    fn what_is_no_json_or_has_no_address_is_an_error_and_the_next_line_is_served() {
        let mut driver = Driver::new();
        for line in
            ["", "{", "[]", "7", r#"{"do":"open"}"#, r#"{"do":"segment","from":"1.2.3.4:5","to":"x"}"#]
        {
            assert!(driver.answer(line)["error"].is_string(), "{line}");
        }
        assert_eq!(driver.answer(r#"{"do":"blocks"}"#)["blocks"], json!([]));
    }
}
