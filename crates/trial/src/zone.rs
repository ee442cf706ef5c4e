use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 24 * 60 * 60;

/// A time zone (a value of `TZ`, as POSIX has them) in which it is now this long after midnight.
///
/// A test that shows a time of day must not depend on the one at which it runs: where a minute of TIME-WAIT ends tomorrow, the
/// date is shown as well.
pub fn zone_where_it_is(after_midnight: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("this is after 1970");
    zone(now, after_midnight)
}

fn zone(now: Duration, after_midnight: Duration) -> String {
    let behind = (now.as_secs() + DAY - after_midnight.as_secs() % DAY) % DAY;
    // POSIX counts to the west, and to less than a day; the nearer way round is between a half day west and a half day east.
    let (sign, offset) = if behind > DAY / 2 { ('-', DAY - behind) } else { ('+', behind) };
    format!("TEST{sign}{:02}:{:02}:{:02}", offset / 3600, offset / 60 % 60, offset % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_lies_between_half_a_day_west_and_half_a_day_east() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert_eq!(zone(hours(0), hours(12)), "TEST+12:00:00");
        assert_eq!(zone(hours(12), hours(12)), "TEST+00:00:00");
        assert_eq!(zone(hours(24 * 365 + 9), hours(12)), "TEST-03:00:00");
        assert_eq!(zone(hours(23), hours(12)), "TEST+11:00:00");
        assert_eq!(zone(Duration::from_secs(3_661), Duration::ZERO), "TEST+01:01:01");
        assert_eq!(zone(Duration::from_secs(86_399), Duration::ZERO), "TEST-00:00:01");
    }
}
