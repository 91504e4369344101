//! The time of a CloudEvent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::{DateTime, date};

/// Returns the time of an RFC 3339 text. jiff reads more forms than that, so the form is checked first. Digits beyond the
/// nanosecond are cut, and a leap second is the second before it.
pub(crate) fn time(text: &str) -> Option<SystemTime> {
    let (date_time, rest) = text.split_at_checked(19)?;
    let is_of_form = |(byte, form): (u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte.eq_ignore_ascii_case(&form),
    };
    if !date_time.bytes().zip(*b"0000-00-00T00:00:00").all(is_of_form) {
        return None;
    }
    let (nanoseconds, zone) = fraction(rest)?;
    let since = date_time.parse::<DateTime>().ok()?.duration_since(date(1970, 1, 1).at(0, 0, 0, 0));
    let seconds = since.as_secs() - offset(zone)?;
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    time?.checked_add(Duration::from_nanos(nanoseconds))
}

/// Returns the nanoseconds of the fraction, and the text behind it.
fn fraction(text: &str) -> Option<(u64, &str)> {
    let Some(fraction) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = fraction.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(fraction.len());
    let (digits, rest) = fraction.split_at(end);
    let nanoseconds = format!("{:0<9}", &digits[..digits.len().min(9)]).parse().ok()?;
    (!digits.is_empty()).then_some((nanoseconds, rest))
}

/// Returns the offset of a zone from UTC, in seconds.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let &[sign, hour_tens, hour, b':', minute_tens, minute] = zone.as_bytes() else { return None };
    let number = |[tens, ones]: [u8; 2], largest: i64| {
        let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
        Some(digit(tens)? * 10 + digit(ones)?).filter(|number| *number <= largest)
    };
    let seconds = number([hour_tens, hour], 23)? * 3600 + number([minute_tens, minute], 59)? * 60;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn at(seconds: i64, nanoseconds: u64) -> Option<SystemTime> {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let time = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
        Some(time + Duration::from_nanos(nanoseconds))
    }

    #[test]
    fn time_is_that_of_rfc_3339() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", at(0, 0)),
            ("2018-04-05T17:31:00Z", at(1_522_949_460, 0)),
            ("2018-04-05t17:31:00.5z", at(1_522_949_460, 500_000_000)),
            ("2018-04-05T19:31:00.0000001+02:00", at(1_522_949_460, 100)),
            ("2018-04-05T11:46:00.123456789123-05:45", at(1_522_949_460, 123_456_789)),
            ("2018-04-05T17:31:00-00:00", at(1_522_949_460, 0)),
            ("2016-12-31T23:59:60Z", at(1_483_228_799, 0)),
            ("1969-12-31T23:59:59.25Z", at(-1, 250_000_000)),
            ("0000-01-01T00:00:00Z", at(-62_167_219_200, 0)),
            ("9999-12-31T23:59:59-23:59", at(253_402_387_139, 0)),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
    }

    #[test]
    fn other_forms_are_no_time() {
        for text in [
            "",
            "yesterday",
            "2018-04-05",
            "2018-04-05T17:31Z",
            "2018-04-05 17:31:00Z",
            "2018-04-05T17:31:00",
            "2018-04-05T17:31:00 Z",
            "2018-04-05T17:31:00.Z",
            "2018-04-05T17:31:00,5Z",
            "2018-04-05T17:31:00+02",
            "2018-04-05T17:31:00+0200",
            "2018-04-05T17:31:00+24:00",
            "2018-04-05T17:31:00+02:60",
            "2018-04-05T17:31:00+02:00:00",
            "2018-04-05T17:31:00~02:00",
            "2018-04-05T17:31:00+-2:00",
            "2018-04-05T17:31:00Z[UTC]",
            "20180405T173100Z",
            "+002018-04-05T17:31:00Z",
            "2018-02-30T17:31:00Z",
            "2018-04-05T24:00:00Z",
            "2018-04-05T17:31:61Z",
            "2018-04-05T17:31:0٣Z",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
