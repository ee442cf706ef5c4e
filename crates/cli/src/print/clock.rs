use std::time::Duration;

use jiff::{SignedDuration, Zoned};

/// The time of day, here, after `left`: `14:02:31`, with the date where it is another day.
pub(crate) fn time_of_day_in(left: Duration) -> String {
    let now = Zoned::now();
    let then = SignedDuration::try_from(left).ok().and_then(|left| now.checked_add(left).ok());
    let then = then.unwrap_or_else(|| now.clone());
    let format = if then.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    then.strftime(format).to_string()
}
