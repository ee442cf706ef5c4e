//! Segments in JSON.

use serde_json::{Map, Value, json};
use timewait_tcp::{Flags, Options, Segment, Seq, Timestamps};

use crate::{Result, asked::Asked};

const FIELDS: [&str; 9] =
    ["seq", "ack", "flags", "window", "mss", "window_scale", "sack_permitted", "timestamps", "text"];

/// The line's `segment`.
pub(crate) fn read(asked: Asked<'_>) -> Result<Segment> {
    let it = asked.within("segment", &FIELDS)?;
    let short = |value: &Value| value.as_u64().and_then(|number| u16::try_from(number).ok());
    let octet = |value: &Value| value.as_u64().and_then(|number| u8::try_from(number).ok());
    let flags =
        it.optional("flags", flags, "a list of SYN, FIN, RST, PSH, URG, ECE, CWR; ACK is the field ack")?;
    Ok(Segment {
        seq: Seq::new(it.number("seq")?),
        ack: it.has("ack").then(|| it.number("ack")).transpose()?.map(Seq::new),
        flags: flags.unwrap_or_default(),
        window: it.optional("window", short, "a number below 2^16")?.unwrap_or(u16::MAX),
        options: Options {
            mss: it.optional("mss", short, "a number below 2^16")?,
            window_scale: it.optional("window_scale", octet, "a number below 2^8")?,
            sack_permitted: it.optional("sack_permitted", Value::as_bool, "true or false")?.unwrap_or(false),
            timestamps: it.optional("timestamps", stamps, "two numbers below 2^32, value and echo")?,
        },
        text: if it.has("text") { it.octets("text")? } else { vec![] },
    })
}

fn flags(value: &Value) -> Option<Flags> {
    value.as_array()?.iter().try_fold(Flags::NONE, |all, name| Some(all | Flags::from_name(name.as_str()?)?))
}

fn stamps(value: &Value) -> Option<Timestamps> {
    let [value, echo] = value.as_array()?.as_slice() else { return None };
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    Some(Timestamps { value: number(value)?, echo: number(echo)? })
}

pub(crate) fn characters(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

/// Only what the segment has.
pub(crate) fn written(segment: &Segment) -> Value {
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
