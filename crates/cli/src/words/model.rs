//! What `model` says.

use timewait_model::{Bounds, Question};

pub(crate) fn opening(bounds: &Bounds) -> String {
    let Bounds { msl, losses, repeats, every, retransmissions, .. } = *bounds;
    let losses = match losses {
        0 => "no loss".to_owned(),
        1 => "at most 1 loss".to_owned(),
        many => format!("at most {many} losses"),
    };
    let repeats = match repeats {
        0 => String::new(),
        1 => ", 1 segment may arrive twice".to_owned(),
        many => format!(", {many} segments may arrive twice"),
    };
    let every = if every == 1 { "every tick".to_owned() } else { format!("within {every} ticks") };
    format!(
        "two TCPs, MSL {}, {losses}{repeats}, sent again {every}, at most {}",
        ticks(msl),
        times(retransmissions)
    )
}

fn ticks(ticks: u8) -> String {
    if ticks == 1 { "1 tick".to_owned() } else { format!("{ticks} ticks") }
}

fn times(times: u8) -> String {
    match times {
        1 => "once".to_owned(),
        many => format!("{many} times"),
    }
}

/// The rules that hold besides.
pub(crate) fn rules(bounds: &Bounds) -> Vec<String> {
    let closes = if bounds.both_close { "both close at once" } else { "the server closes first" };
    let rst = if bounds.rst_kills_time_wait {
        "an RST ends TIME-WAIT (RFC 9293)"
    } else {
        "TIME-WAIT ignores an RST (RFC 1337)"
    };
    let restarts =
        if bounds.any_ack_restarts { "any ACK restarts it (Linux)" } else { "a FIN restarts it (RFC 9293)" };
    let mut all = vec![format!("{closes}; {rst}; {restarts}")];
    if bounds.reopen_on_newer_syn {
        let newer = if bounds.timestamps { "whose timestamp is newer" } else { "whose number is newer" };
        all.push(format!("a SYN {newer} opens anew out of TIME-WAIT (RFC 6191)"));
    } else if bounds.timestamps {
        all.push("with timestamps (RFC 7323)".to_owned());
    }
    all.extend(bounds.handshake.then(|| "the first handshake may go wrong".to_owned()));
    all.extend(bounds.text_apart.then(|| "what is said goes in a segment of its own".to_owned()));
    all
}

pub(crate) const fn question(question: Question) -> &'static str {
    match question {
        Question::EndsReliably => "ends reliably",
        Question::NothingOldAccepted => "nothing old in",
        Question::NotEvenAnRst => "not even an RST",
        Question::TextIsKept => "text is kept",
        Question::BothEnd => "both end",
    }
}

/// Below a row, where what always holds does not.
pub(crate) const fn unusual(question: Question) -> &'static str {
    match question {
        Question::TextIsKept => "      text is lost, repeated or changed",
        Question::BothEnd => "      somebody waits for ever",
        Question::EndsReliably | Question::NothingOldAccepted | Question::NotEvenAnRst => "",
    }
}

/// The first wait that does, in MSL where it is a multiple.
pub(crate) fn from(first: Option<usize>, last: usize, bounds: &Bounds) -> String {
    let msl = usize::from(bounds.msl);
    match first {
        None => format!("not up to {last}"),
        Some(first) if first > 0 && first % msl == 0 => format!("from {first} = {} MSL", first / msl),
        Some(first) => format!("from {first}"),
    }
}

pub(crate) const fn sweep() -> &'static str {
    "The first wait that does, one bound moved at a time"
}

pub(crate) fn exploring(wait: u8, states: u32) -> String {
    format!("wait {wait}: {} states", count(states.into()))
}

/// With commas.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What the answers are worth.
pub(crate) fn closing(bytes: usize, bounds: &Bounds) -> Vec<String> {
    let next = if bounds.reopen_on_newer_syn {
        "The client opens the next connection as soon as its side is free, with one SYN"
    } else {
        "The next connection is opened when neither side has anything left of this one"
    };
    let handshake = if bounds.handshake { "" } else { ", a handshake that goes wrong" };
    vec![
        "nothing old in: no segment of this connection is accepted in the next one, whatever its initial numbers; nor \
         is an RST by which a closed end answered such a segment."
            .to_owned(),
        format!(
            "Left out: long windows, much text, congestion{handshake}; time is in ticks, faults are \
             bounded, nobody gives up. {next}. Explored to the end; memory for a wait: {} MB.",
            bytes.div_ceil(1 << 20)
        ),
    ]
}
