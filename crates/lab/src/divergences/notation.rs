//! Segments as a script writes them: `FIN 1 ack 1`, `PSH -3 text old ack 1 ts 5`.
//!
//! Numbers are told from each side's first SYN, so that what a peer sends first has the number 1. Flags come first, `ACK`
//! where there are none, `NONE` where there is not even that.

use std::{fmt::Write as _, str::FromStr};

use timewait_tcp::{Flags, Options, Segment, Seq, Timestamps};

/// The peer's first number, and the one by which an unknown first number of the other side is told.
pub(super) const IRS: Seq = Seq::new(3_000_000_000);
pub(super) const UNKNOWN_ISS: Seq = Seq::new(1_000_000);
/// The peer's clock.
const CLOCK: u32 = 1_000_000;
/// The window that a peer announces unless it says otherwise.
const WINDOW: u16 = 65_000;
/// Texts up to this length are written out.
const SHORT: usize = 16;

/// What the numbers of a script are told from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    /// The peer's.
    pub(super) peer: Seq,
    /// The subject's.
    pub(super) subject: Seq,
    /// The subject's clock when last heard, to be echoed.
    pub(super) clock: u32,
    /// The right edge of the subject's window when last heard.
    pub(super) edge: Seq,
    /// The largest MSS that the link allows.
    pub(super) mss: u16,
}

/// Why a line of a script says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{word}' is not {expected}")]
pub(super) struct Unreadable {
    word: String,
    expected: &'static str,
}

fn unreadable(word: &str, expected: &'static str) -> Unreadable {
    Unreadable { word: word.to_owned(), expected }
}

/// The segment that a line tells.
pub(super) fn read(line: &str, base: &Base) -> Result<Segment, Unreadable> {
    let mut words = line.split_whitespace();
    let mut flags = Flags::NONE;
    for word in words.next().unwrap_or_default().split(',') {
        // That a segment has an ACK is said by its number.
        let named = if matches!(word, "ACK" | "NONE") { Some(Flags::NONE) } else { Flags::from_name(word) };
        flags = flags | named.ok_or_else(|| unreadable(word, "a flag"))?;
    }
    let seq = seq(words.next().unwrap_or_default(), base)?;
    let mut segment = Segment { seq, flags, window: WINDOW, ..Segment::default() };
    while let Some(word) = words.next() {
        if word == "sackok" {
            segment.options.sack_permitted = true;
        } else {
            say(&mut segment, word, words.next().unwrap_or_default(), base)?;
        }
    }
    Ok(segment)
}

fn seq(word: &str, base: &Base) -> Result<Seq, Unreadable> {
    match word.strip_prefix("edge") {
        Some("") => Ok(base.edge),
        Some(by) => Ok(moved(base.edge, number(by)?)),
        None => Ok(moved(base.peer, number(word)?)),
    }
}

fn say(segment: &mut Segment, word: &str, value: &str, base: &Base) -> Result<(), Unreadable> {
    match word {
        "ack" => segment.ack = Some(moved(base.subject, number(value)?)),
        "win" => segment.window = number(value)?,
        "text" => segment.text = value.as_bytes().to_vec(),
        "octets" => segment.text = vec![b'.'; number(value)?],
        "mss" => segment.options.mss = Some(number(value)?),
        "wscale" => segment.options.window_scale = Some(number(value)?),
        "ts" => {
            let value = moved(Seq::new(CLOCK), number(value)?).get();
            segment.options.timestamps = Some(Timestamps { value, echo: base.clock });
        }
        _ => return Err(unreadable(word, "a word about a segment")),
    }
    Ok(())
}

fn number<T: FromStr>(word: &str) -> Result<T, Unreadable> {
    word.parse().map_err(|_| unreadable(word, "a number that fits"))
}

fn moved(seq: Seq, by: i32) -> Seq {
    if by < 0 { seq - by.unsigned_abs() } else { seq + by.unsigned_abs() }
}

/// How far it is from there, down or up.
fn distance(seq: Seq, from: Seq) -> i64 {
    if seq.is_before(from) { -i64::from(from.since(seq)) } else { i64::from(seq.since(from)) }
}

/// A segment of the subject's, without what depends on chance or on buffers: clocks, windows but for closed ones.
pub(super) fn write(segment: &Segment, base: &Base) -> String {
    let mut line = names(segment);
    // An RST to a segment without an ACK has this very number (RFC 9293 §3.10.7.1).
    let is_zero = segment.has(Flags::RST) && segment.seq == Seq::new(0);
    let seq = if is_zero { "=0".to_owned() } else { distance(segment.seq, base.subject).to_string() };
    let _ = write!(line, " {seq}");
    if let Some(ack) = segment.ack {
        let _ = write!(line, " ack {}", distance(ack, base.peer));
    }
    match segment.text.as_slice() {
        [] => {}
        text if text.len() <= SHORT && text.iter().all(u8::is_ascii_graphic) => {
            let _ = write!(line, " text {}", String::from_utf8_lossy(text));
        }
        text => {
            let _ = write!(line, " octets {}", text.len());
        }
    }
    if segment.window == 0 && !segment.has(Flags::RST) {
        line.push_str(" win 0");
    }
    write_options(&mut line, &segment.options, base);
    line
}

fn names(segment: &Segment) -> String {
    let names: Vec<_> = segment.flags.names().collect();
    match (names.as_slice(), segment.ack) {
        ([], None) => "NONE".to_owned(),
        ([], Some(_)) => "ACK".to_owned(),
        (names, _) => names.join(","),
    }
}

fn write_options(line: &mut String, options: &Options, base: &Base) {
    if let Some(mss) = options.mss {
        let told = if mss == base.mss { " mss link".to_owned() } else { format!(" mss {mss}") };
        line.push_str(&told);
    }
    for (is_there, word) in [(options.window_scale.is_some(), " wscale"), (options.sack_permitted, " sackok")]
    {
        line.push_str(if is_there { word } else { "" });
    }
    match options.timestamps.map(|stamp| stamp.echo) {
        None => {}
        Some(0) => line.push_str(" ts"),
        Some(echo) => {
            let _ = write!(line, " ts echo {}", distance(Seq::new(echo), Seq::new(CLOCK)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Base {
        let [peer, subject, edge] = [100, u32::MAX, 700].map(Seq::new);
        Base { peer, subject, clock: 77, edge, mss: 1460 }
    }

    #[test]
    fn a_line_tells_every_field_of_a_segment() {
        let line = "SYN,FIN -3 ack 2 win 0 text hello mss 900 wscale 3 sackok ts -1";
        let segment = read(line, &base()).unwrap();
        let options = Options {
            mss: Some(900),
            window_scale: Some(3),
            sack_permitted: true,
            timestamps: Some(Timestamps { value: CLOCK - 1, echo: 77 }),
        };
        let expected = Segment {
            seq: Seq::new(97),
            ack: Some(Seq::new(1)),
            flags: Flags::SYN | Flags::FIN,
            window: 0,
            options,
            text: b"hello".to_vec(),
        };
        assert_eq!(segment, expected);
        assert_eq!(read("RST edge-1", &base()).unwrap().seq, Seq::new(699));
        assert_eq!(read("NONE 0 octets 3", &base()).unwrap().text, b"...");
    }

    #[test]
    fn what_is_no_segment_is_named() {
        for (line, complaint) in [
            ("", "'' is not a flag"),
            ("FLY 1", "'FLY' is not a flag"),
            ("ACK", "'' is not a number that fits"),
            ("ACK one", "'one' is not a number that fits"),
            ("ACK 1 win 70000", "'70000' is not a number that fits"),
            ("ACK 1 loud 5", "'loud' is not a word about a segment"),
        ] {
            assert_eq!(read(line, &base()).unwrap_err().to_string(), complaint);
        }
    }

    #[test]
    fn a_segment_is_written_without_what_depends_on_chance() {
        let mut segment = Segment { window: 9, ..Segment::ack(Seq::new(4), Seq::new(90)) };
        assert_eq!(write(&segment, &base()), "ACK 5 ack -10");
        segment.flags = Flags::PSH;
        segment.text = b"hi".to_vec();
        segment.window = 0;
        segment.options.timestamps = Some(Timestamps { value: 123_456, echo: CLOCK + 5 });
        assert_eq!(write(&segment, &base()), "PSH 5 ack -10 text hi win 0 ts echo 5");
        let syn = Options { mss: Some(1460), window_scale: Some(10), ..Options::default() };
        let syn = Segment { options: syn, window: 1, ..Segment::syn(Seq::new(u32::MAX)) };
        assert_eq!(write(&syn, &base()), "SYN 0 mss link wscale");
        assert_eq!(write(&Segment::rst(Seq::new(0)), &base()), "RST =0");
    }
}
