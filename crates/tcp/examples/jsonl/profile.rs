//! Every field of a [`Profile`], by its name and in JSON.

use std::{fmt, time::Duration};

use serde_json::{Map, Value};
use timewait_tcp::{
    Profile,
    profile::{InWindow, Reopens, Restarts, RightEdge},
};

use crate::Result;

/// Sets what the object names. `profile` comes first whatever its place: the others change what it says.
pub(crate) fn set(profile: &mut Profile, asked: &Map<String, Value>) -> Result<()> {
    match asked.get("profile").map(|name| (name, name.as_str().unwrap_or_default())) {
        Some((_, "linux")) => *profile = Profile::LINUX,
        Some((_, "rfc-9293")) => *profile = Profile::RFC_9293,
        Some((other, _)) => {
            return Err(format!("no profile is called {other}: linux and rfc-9293 are").into());
        }
        None => {}
    }
    for (name, value) in
        asked.iter().filter(|(name, _)| !["do", "now", "handle", "profile"].contains(&name.as_str()))
    {
        set_field(profile, name, value).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

fn set_field(profile: &mut Profile, name: &str, value: &Value) -> Result<()> {
    match name {
        "msl" => *profile = profile.clone().with_msl(wait(value)?),
        "time_wait" => profile.time_wait = wait(value)?,
        "time_wait_restarts" => {
            profile.time_wait_restarts =
                word(value, &[("on-fin", Restarts::OnFin), ("on-any-ack", Restarts::OnAnyAck)])?;
        }
        "rst_ends_time_wait" => profile.rst_ends_time_wait = switch(value)?,
        "reopens" => {
            let words = [
                ("never", Reopens::Never),
                ("on-higher-number", Reopens::OnHigherNumber),
                ("rfc-6191", Reopens::Rfc6191),
                ("linux", Reopens::Linux),
            ];
            profile.reopens = word(value, &words)?;
        }
        "returns_to_time_wait" => profile.returns_to_time_wait = switch(value)?,
        "reopening_isn_step" => profile.reopening_isn_step = number(value)?,
        "in_window_rst" => profile.in_window_rst = in_window(value)?,
        "in_window_syn" => profile.in_window_syn = in_window(value)?,
        "right_edge" => {
            let words = [
                ("outside", RightEdge::Outside),
                ("read-if-full", RightEdge::ReadIfFull),
                ("inside", RightEdge::Inside),
            ];
            profile.right_edge = word(value, &words)?;
        }
        "refuses_old_acks" => profile.refuses_old_acks = switch(value)?,
        "challenge_ack_every" => profile.challenge_ack_every = or_off(value, wait)?,
        "drops_syn_with_fin" => profile.drops_syn_with_fin = switch(value)?,
        "repeats_syn_ack" => profile.repeats_syn_ack = switch(value)?,
        _ => return set_timer_or_size(profile, name, value),
    }
    Ok(())
}

fn set_timer_or_size(profile: &mut Profile, name: &str, value: &Value) -> Result<()> {
    match name {
        "syn_timeout" => profile.syn_timeout = wait(value)?,
        "syn_linear_retries" => profile.syn_linear_retries = number(value)?,
        "syn_retries" => profile.syn_retries = or_off(value, number)?,
        "syn_ack_retries" => profile.syn_ack_retries = or_off(value, number)?,
        "retransmission_timeout" => profile.retransmission_timeout = wait(value)?,
        "max_timeout" => profile.max_timeout = wait(value)?,
        "retries" => profile.retries = or_off(value, number)?,
        "user_timeout" => profile.user_timeout = or_off(value, wait)?,
        "fin_wait_2_timeout" => profile.fin_wait_2_timeout = or_off(value, wait)?,
        "mss" => profile.mss = number(value)?,
        "default_mss" => profile.default_mss = number(value)?,
        "default_mss_v6" => profile.default_mss_v6 = number(value)?,
        "window" => profile.window = number(value)?,
        "send_buffer" => profile.send_buffer = number(value)?,
        "window_scale" => profile.window_scale = or_off(value, number)?,
        "sack_permitted" => profile.sack_permitted = switch(value)?,
        "timestamps" => profile.timestamps = switch(value)?,
        "drops_unstamped" => profile.drops_unstamped = switch(value)?,
        "ts_recent_valid" => profile.ts_recent_valid = wait(value)?,
        "timestamp_unit" => profile.timestamp_unit = wait(value)?,
        "delayed_ack" => profile.delayed_ack = or_off(value, wait)?,
        "nagle" => profile.nagle = switch(value)?,
        _ => return Err("a profile has no such field".into()),
    }
    Ok(())
}

fn number<T: TryFrom<u64>>(value: &Value) -> Result<T> {
    let fits = value.as_u64().and_then(|number| T::try_from(number).ok());
    Ok(fits.ok_or("to be a number, and one that fits")?)
}

fn wait(value: &Value) -> Result<Duration> {
    Ok(value.as_u64().map(Duration::from_millis).ok_or("to be a number of milliseconds")?)
}

fn switch(value: &Value) -> Result<bool> {
    Ok(value.as_bool().ok_or("to be true or false")?)
}

/// `null` turns it off.
fn or_off<T>(value: &Value, read: impl Fn(&Value) -> Result<T>) -> Result<Option<T>> {
    if value.is_null() { Ok(None) } else { read(value).map(Some) }
}

fn in_window(value: &Value) -> Result<InWindow> {
    word(value, &[("resets", InWindow::Resets), ("challenge", InWindow::Challenge)])
}

fn word<T: Copy + fmt::Debug>(value: &Value, words: &[(&str, T)]) -> Result<T> {
    let known = words.iter().find(|(word, _)| value.as_str() == Some(word));
    let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    Ok(known.ok_or_else(|| format!("to be one of {}", names.join(", ")))?.1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The names of the fields are those that `Debug` prints.
    #[test]
    fn every_field_of_a_profile_can_be_set() {
        let printed = format!("{:#?}", Profile::RFC_9293);
        let fields = printed.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(": "));
        let fields: Vec<_> = fields.map(|(name, _)| name).filter(|name| !name.starts_with(' ')).collect();
        assert!(fields.len() > 30, "is this test blind? {printed}");
        for name in fields {
            let tries = [json!(7), json!(true), json!(false), json!(null)];
            let words = ["on-fin", "never", "resets", "outside"].map(|word| json!(word));
            let changes = |value: &Value| {
                let mut profile = Profile::LINUX;
                set_field(&mut profile, name, value).is_ok() && profile != Profile::LINUX
            };
            assert!(tries.iter().chain(&words).any(changes), "{name}");
        }
    }

    #[test]
    fn what_is_no_field_or_no_value_is_named() {
        let complaint = |asked: Value| {
            let Value::Object(asked) = asked else { panic!("an object") };
            set(&mut Profile::LINUX.clone(), &asked).unwrap_err().to_string()
        };
        assert_eq!(complaint(json!({ "window_size": 4 })), "window_size: a profile has no such field");
        assert_eq!(complaint(json!({ "mss": 70_000 })), "mss: to be a number, and one that fits");
        assert_eq!(complaint(json!({ "nagle": 1 })), "nagle: to be true or false");
        assert_eq!(
            complaint(json!({ "in_window_rst": "ignore" })),
            "in_window_rst: to be one of resets, challenge"
        );
        assert_eq!(
            complaint(json!({ "profile": "bsd" })),
            "no profile is called \"bsd\": linux and rfc-9293 are"
        );
    }
}
