//! The grammar of durations, such as `"200ms"` or `"1m30s"`, and of ranges of durations, such as `"200ms..30s"`.

use crate::fault::char_len;
use crate::{Fault, FaultKind};

/// The longest duration in milliseconds: 365 days.
pub const MILLISECONDS_MAX: u64 = 365 * 24 * UNITS[0].1;

const FORM: &str = "write whole numbers with h, m, s or ms, such as `30s` or `1m30s`";
const UNIT_FORM: &str = "use h, m, s or ms, such as `30s` or `1m30s`";
const ORDER_FORM: &str = "write h, m, s and ms in this order, each at most once, such as `1m30s`";
const LARGE_FORM: &str = "use at most 365 days, which is `8760h`";
const RANGE_FORM: &str = "write two durations, such as `200ms..30s`";
const RANGE_RULE: &str = "a range is two durations with `..` between them";

/// Each unit with its length in milliseconds, in the order in which a duration has them.
const UNITS: [(&str, u64); 4] = [("h", 60 * 60 * 1000), ("m", 60 * 1000), ("s", 1000), ("ms", 1)];

/// Parses a duration into milliseconds.
///
/// A duration is one or more whole numbers, each with a unit. The units are `h`, `m`, `s` and `ms`, in this order, each
/// at most once. Zero is a duration.
///
/// ```
/// # use trigger_grammar::duration::parse_duration;
/// assert_eq!(parse_duration("1m30s"), Ok(90_000));
/// let fault = parse_duration("30").unwrap_err();
/// assert_eq!(fault.rule, "a number needs a unit");
/// ```
///
/// # Errors
///
/// Returns a [`Fault`] if a number or its unit is missing, or a unit is unknown, repeated or out of order. Other
/// characters and a result over 365 days are faults too.
pub const fn parse_duration(text: &str) -> Result<u64, Fault> {
    duration(text.as_bytes(), 0, text.len())
}

/// Parses a range into milliseconds: two durations with `..` between them.
///
/// The first duration is at least `1ms`, and the second is not shorter than the first.
///
/// ```
/// # use trigger_grammar::duration::parse_range;
/// assert_eq!(parse_range("200ms..30s"), Ok((200, 30_000)));
/// ```
///
/// # Errors
///
/// Returns a [`Fault`] if [`parse_duration`] refuses one of the two, there is no `..` between them, or they are not in
/// order.
pub const fn parse_range(text: &str) -> Result<(u64, u64), Fault> {
    let bytes = text.as_bytes();
    let mut dots = 0;
    while dots + 1 < bytes.len() && !(bytes[dots] == b'.' && bytes[dots + 1] == b'.') {
        dots += 1;
    }
    if dots + 1 >= bytes.len() {
        let (at, len) = dash(bytes);
        return Err(Fault::new(FaultKind::BadRange, at, len, RANGE_RULE, RANGE_FORM));
    }
    let second = dots + 2;
    if second < bytes.len() && bytes[second] == b'=' {
        return Err(Fault::new(FaultKind::BadRange, dots, 3, RANGE_RULE, RANGE_FORM));
    }
    let from = match duration(bytes, 0, dots) {
        Ok(from) => from,
        Err(fault) => return Err(fault),
    };
    let to = match duration(bytes, second, bytes.len()) {
        Ok(to) => to,
        Err(fault) => return Err(fault),
    };
    if from == 0 {
        let rule = "a range begins at `1ms` or later";
        return Err(Fault::new(FaultKind::BadRange, 0, dots, rule, RANGE_FORM));
    }
    if to < from {
        let rule = "the second duration is shorter than the first";
        let form = "write the shorter one first, such as `200ms..30s`";
        return Err(Fault::new(FaultKind::BadRange, second, bytes.len() - second, rule, form));
    }
    Ok((from, to))
}

/// Formats a duration in its shortest form. [`parse_duration`] parses the result.
///
/// ```
/// # use trigger_grammar::duration::show_duration;
/// assert_eq!(show_duration(90_000), "1m30s");
/// assert_eq!(show_duration(0), "0s");
/// ```
pub fn show_duration(milliseconds: u64) -> String {
    let mut rest = milliseconds;
    let mut text = String::new();
    for (unit, size) in UNITS {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Parses the duration in `bytes[from..to]`. The position of a fault counts from the start of `bytes`.
const fn duration(bytes: &[u8], from: usize, to: usize) -> Result<u64, Fault> {
    if from == to || !bytes[from].is_ascii_digit() {
        let len = if from == to { 0 } else { char_len(bytes[from]) };
        return Err(Fault::new(FaultKind::BadNumber, from, len, "a duration begins with a number", FORM));
    }
    let mut total: u64 = 0;
    // Only `UNITS[first_allowed..]` may follow, so that units are in order and none is repeated.
    let mut first_allowed = 0;
    let mut at = from;
    while at < to {
        let number_at = at;
        let mut number: u64 = 0;
        while at < to && bytes[at].is_ascii_digit() {
            // A saturated number exceeds the limit in every unit.
            number = number.saturating_mul(10).saturating_add((bytes[at] - b'0') as u64);
            at += 1;
        }
        let unit_at = at;
        while at < to && bytes[at].is_ascii_alphabetic() {
            at += 1;
        }
        // If the number is missing too, the character is a stray one: the unit before it took every letter.
        if at == unit_at {
            return Err(no_unit(bytes, number_at, at, to));
        }
        let Some(unit) = unit(bytes, unit_at, at) else {
            let rule = "not a unit of time";
            return Err(Fault::new(FaultKind::BadUnit, unit_at, at - unit_at, rule, UNIT_FORM));
        };
        if unit < first_allowed {
            let rule = if unit + 1 == first_allowed {
                "a unit stands here twice"
            } else {
                "a larger unit after a smaller one"
            };
            return Err(Fault::new(FaultKind::BadUnit, unit_at, at - unit_at, rule, ORDER_FORM));
        }
        first_allowed = unit + 1;
        total = total.saturating_add(number.saturating_mul(UNITS[unit].1));
    }
    if total > MILLISECONDS_MAX {
        return Err(Fault::new(FaultKind::BadNumber, from, to - from, "too long", LARGE_FORM));
    }
    Ok(total)
}

/// Returns the fault of a number without a unit.
const fn no_unit(bytes: &[u8], number_at: usize, at: usize, to: usize) -> Fault {
    if at == to {
        return Fault::new(FaultKind::BadUnit, number_at, at - number_at, "a number needs a unit", UNIT_FORM);
    }
    if bytes[at] == b'.' && at > number_at {
        return Fault::new(FaultKind::BadNumber, at, 1, "the numbers of a duration are whole", FORM);
    }
    let rule = "this character cannot stand in a duration";
    Fault::new(FaultKind::BadCharacter, at, char_len(bytes[at]), rule, FORM)
}

/// Returns the index in `UNITS` of the unit in `bytes[from..to]`.
const fn unit(bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    match (to - from, bytes[from]) {
        (1, b'h') => Some(0),
        (1, b'm') => Some(1),
        (1, b's') => Some(2),
        (2, b'm') if bytes[from + 1] == b's' => Some(3),
        _ => None,
    }
}

/// Returns the position and length of what stands in place of `..`: the first `-`, otherwise the whole text.
const fn dash(bytes: &[u8]) -> (usize, usize) {
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'-' && at > 0 {
            return (at, 1);
        }
        at += 1;
    }
    (0, bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;

    #[test]
    fn duration_is_numbers_with_units_in_order() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("0ms", 0),
            ("200ms", 200),
            ("30s", 30 * SECOND),
            ("1m30s", 90 * SECOND),
            ("90m", 90 * MINUTE),
            ("1h", HOUR),
            ("1h2m3s4ms", HOUR + 2 * MINUTE + 3 * SECOND + 4),
            ("1h4ms", HOUR + 4),
            ("007s", 7 * SECOND),
            ("8760h", MILLISECONDS_MAX),
        ] {
            assert_eq!(parse_duration(text), Ok(milliseconds), "{text}");
        }
        const IN_CONST: Result<u64, Fault> = parse_duration("1h30m");
        assert_eq!(IN_CONST, Ok(90 * MINUTE));
    }

    #[track_caller]
    fn refused<T: std::fmt::Debug>(
        read: Result<T, Fault>,
        kind: FaultKind,
        at: usize,
        len: usize,
        rule: &str,
    ) {
        let fault = read.expect_err(rule);
        assert_eq!((fault.kind, fault.at, fault.len, fault.rule), (kind, at, len, rule));
    }

    #[test]
    fn refused_duration_has_the_position_and_the_rule() {
        use FaultKind::{BadCharacter, BadNumber, BadUnit};
        let begins = "a duration begins with a number";
        let stands = "this character cannot stand in a duration";
        for (text, kind, at, len, rule) in [
            ("", BadNumber, 0, 0, begins),
            ("s", BadNumber, 0, 1, begins),
            ("-30s", BadNumber, 0, 1, begins),
            (" 30s", BadNumber, 0, 1, begins),
            ("é", BadNumber, 0, 2, begins),
            ("30", BadUnit, 0, 2, "a number needs a unit"),
            ("1m30", BadUnit, 2, 2, "a number needs a unit"),
            ("30sec", BadUnit, 2, 3, "not a unit of time"),
            ("1d", BadUnit, 1, 1, "not a unit of time"),
            ("30S", BadUnit, 2, 1, "not a unit of time"),
            ("1m2m", BadUnit, 3, 1, "a unit stands here twice"),
            ("1s2h", BadUnit, 3, 1, "a larger unit after a smaller one"),
            ("4ms1s", BadUnit, 4, 1, "a larger unit after a smaller one"),
            ("1.5s", BadNumber, 1, 1, "the numbers of a duration are whole"),
            ("30 s", BadCharacter, 2, 1, stands),
            ("30s ", BadCharacter, 3, 1, stands),
            ("1m 30s", BadCharacter, 2, 1, stands),
            ("1s..2s", BadCharacter, 2, 1, stands),
            ("1é", BadCharacter, 1, 2, stands),
            ("8760h1ms", BadNumber, 0, 8, "too long"),
            ("99999999999999999999ms", BadNumber, 0, 22, "too long"),
            ("9999999999999999999h9999999999999999999m", BadNumber, 0, 40, "too long"),
        ] {
            refused(parse_duration(text), kind, at, len, rule);
        }
    }

    #[test]
    fn range_is_two_durations_in_order() {
        assert_eq!(parse_range("200ms..30s"), Ok((200, 30 * SECOND)));
        assert_eq!(parse_range("1ms..1ms"), Ok((1, 1)));
        assert_eq!(parse_range("1m30s..8760h"), Ok((90 * SECOND, MILLISECONDS_MAX)));
    }

    #[test]
    fn refused_range_has_the_position_in_the_range() {
        use FaultKind::{BadCharacter, BadNumber, BadRange, BadUnit};
        let begins = "a duration begins with a number";
        for (text, kind, at, len, rule) in [
            ("", BadRange, 0, 0, RANGE_RULE),
            ("30s", BadRange, 0, 3, RANGE_RULE),
            (".", BadRange, 0, 1, RANGE_RULE),
            ("200ms-30s", BadRange, 5, 1, RANGE_RULE),
            ("200ms..=30s", BadRange, 5, 3, RANGE_RULE),
            ("..30s", BadNumber, 0, 0, begins),
            ("200ms..", BadNumber, 7, 0, begins),
            ("200ms...30s", BadNumber, 7, 1, begins),
            ("200..30s", BadUnit, 0, 3, "a number needs a unit"),
            ("200ms..30", BadUnit, 7, 2, "a number needs a unit"),
            ("200ms..30sec", BadUnit, 9, 3, "not a unit of time"),
            ("1s..2s..3s", BadCharacter, 6, 1, "this character cannot stand in a duration"),
            ("200ms .. 30s", BadCharacter, 5, 1, "this character cannot stand in a duration"),
            ("1s..9999h", BadNumber, 4, 5, "too long"),
            ("0s..30s", BadRange, 0, 2, "a range begins at `1ms` or later"),
            ("30s..200ms", BadRange, 5, 5, "the second duration is shorter than the first"),
        ] {
            refused(parse_range(text), kind, at, len, rule);
        }
        let text = "200ms..30sec";
        let shown = parse_range(text).expect_err("no unit").point_at(text);
        assert!(shown.contains("\n  \"200ms..30sec\"\n            ^^^\n"), "{shown}");
    }

    #[test]
    fn formatted_duration_is_parsed_back() {
        let all = (0..5000).chain((0..=MILLISECONDS_MAX).step_by(7_654_321)).chain([MILLISECONDS_MAX]);
        for milliseconds in all {
            let text = show_duration(milliseconds);
            assert_eq!(parse_duration(&text), Ok(milliseconds), "{text}");
        }
    }

    /// Covers every text of up to six characters of the grammar's alphabet.
    #[test]
    fn every_short_text_is_parsed_or_refused_at_a_position_within_it() {
        let alphabet = ['0', '1', '9', 'h', 'm', 's', '.', 'x'];
        let mut texts = vec![String::new()];
        for _ in 0..6 {
            texts = texts.iter().flat_map(|text| alphabet.map(|letter| format!("{text}{letter}"))).collect();
            for text in &texts {
                match parse_duration(text) {
                    Ok(milliseconds) => {
                        assert_eq!(parse_duration(&show_duration(milliseconds)), Ok(milliseconds), "{text}")
                    }
                    Err(fault) => assert!(fault.at + fault.len <= text.len(), "{text}: {fault:?}"),
                }
                if let Err(fault) = parse_range(text) {
                    assert!(fault.at + fault.len <= text.len(), "{text}: {fault:?}");
                }
            }
        }
    }
}
