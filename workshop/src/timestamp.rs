//! The time of day, for the names of backups.

use std::time::{SystemTime, UNIX_EPOCH};

/// The current time in UTC, in a form that fits into a file's name: `2026-11-21T05-43-10Z`.
pub fn now() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    utc(since.as_secs())
}

/// Whether a text has the form of [`now`].
pub fn is_timestamp(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match byte {
        b'0'..=b'9' => utc(0).as_bytes()[at].is_ascii_digit(),
        byte => utc(0).as_bytes()[at] == byte,
    };
    text.len() == utc(0).len() && text.bytes().enumerate().all(fits)
}

fn utc(seconds: u64) -> String {
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}Z")
}

/// Year, month and day of the day with this number; day 0 is the first of January 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_known_as_one() {
        assert!(is_timestamp("2026-11-21T05-43-10Z"));
        assert!(is_timestamp(&now()));
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T05-43-10Z-2",
            "x026-11-21T05-43-10Z",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }

    #[test]
    fn days_are_counted_through_leap_years() {
        assert_eq!(utc(0), "1970-01-01T00-00-00Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00-00-00Z");
        assert_eq!(utc(1_767_225_599), "2025-12-31T23-59-59Z");
        assert_eq!(utc(1_795_239_790), "2026-11-21T05-43-10Z");
    }
}
