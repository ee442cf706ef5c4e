use std::time::Duration;

use jiff::{SignedDuration, Zoned};

/// The time of day, here, after `left`: `14:02:31`, with the date where it is another day.
pub(crate) fn time_of_day_in(left: Duration) -> String {
    time_of_day(&Zoned::now(), left)
}

fn time_of_day(now: &Zoned, left: Duration) -> String {
    let then = SignedDuration::try_from(left).ok().and_then(|left| now.checked_add(left).ok());
    let then = then.unwrap_or_else(|| now.clone());
    let format = if then.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    then.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use jiff::{civil, tz::TimeZone};

    use super::*;

    #[test]
    fn what_ends_after_midnight_has_its_date() {
        let now = civil::datetime(2026, 12, 31, 23, 59, 30, 0).to_zoned(TimeZone::UTC).unwrap();
        assert_eq!(time_of_day(&now, Duration::from_secs(29)), "23:59:59");
        assert_eq!(time_of_day(&now, Duration::from_secs(60)), "2027-01-01 00:00:30");
        assert_eq!(time_of_day(&now, Duration::MAX), "23:59:30", "a time that has no name is now");
    }
}
