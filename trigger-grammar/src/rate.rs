//! The grammar of a rate: a whole number, `/` and a unit of time, such as `"50/s"` or `"1000/h"`.

use crate::fault::char_len;
use crate::{Fault, FaultKind};

const FORM: &str = "write a whole number, `/`, and one of s, m, h, such as `50/s`";
const LARGE_FORM: &str = "use at most 4294967295, such as `50/s`";
const ZERO_FORM: &str = "use at least 1, such as `1/h`";

/// Each unit with its length in seconds.
const UNITS: [(u8, u32); 3] = [(b's', 1), (b'm', 60), (b'h', 60 * 60)];

/// A number of requests in a period of time.
///
/// ```
/// # use trigger_grammar::rate::parse_rate;
/// let rate = parse_rate("100/m").unwrap();
/// assert_eq!((rate.count(), rate.period_seconds()), (100, 60));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    /// The index of the unit in `UNITS`.
    unit: usize,
}

impl Rate {
    /// Returns the number of requests in the period. It is at least 1.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Returns the period in seconds: 1, 60 or 3600.
    pub const fn period_seconds(self) -> u32 {
        UNITS[self.unit].1
    }
}

/// Parses a rate.
///
/// ```
/// # use trigger_grammar::rate::parse_rate;
/// let fault = parse_rate("50").unwrap_err();
/// assert_eq!(fault.rule, "a rate needs a unit of time");
/// ```
///
/// # Errors
///
/// Returns a [`Fault`] if the number is missing, 0 or over 4,294,967,295, or the unit is not `s`, `m` or `h`.
pub const fn parse_rate(text: &str) -> Result<Rate, Fault> {
    let bytes = text.as_bytes();
    let mut number: u64 = 0;
    let mut at = 0;
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        // A saturated number exceeds the limit too.
        number = number.saturating_mul(10).saturating_add((bytes[at] - b'0') as u64);
        at += 1;
    }
    if at == 0 {
        let len = if bytes.is_empty() { 0 } else { char_len(bytes[0]) };
        return Err(Fault::new(FaultKind::BadNumber, 0, len, "a rate begins with a number", FORM));
    }
    if number > u32::MAX as u64 {
        return Err(Fault::new(FaultKind::BadNumber, 0, at, "too large", LARGE_FORM));
    }
    if number == 0 {
        return Err(Fault::new(FaultKind::BadNumber, 0, at, "a rate of 0 refuses every request", ZERO_FORM));
    }
    if at == bytes.len() {
        return Err(Fault::new(FaultKind::BadUnit, 0, at, "a rate needs a unit of time", FORM));
    }
    if bytes[at] == b'.' {
        return Err(Fault::new(FaultKind::BadNumber, at, 1, "the number of a rate is whole", FORM));
    }
    if bytes[at] != b'/' {
        let rule = "this character cannot stand in a rate";
        return Err(Fault::new(FaultKind::BadCharacter, at, char_len(bytes[at]), rule, FORM));
    }
    let unit_at = at + 1;
    if unit_at == bytes.len() {
        return Err(Fault::new(FaultKind::BadUnit, unit_at, 0, "a rate needs a unit of time", FORM));
    }
    let mut unit = 0;
    while unit < UNITS.len() {
        if bytes.len() == unit_at + 1 && bytes[unit_at] == UNITS[unit].0 {
            return Ok(Rate { count: number as u32, unit });
        }
        unit += 1;
    }
    Err(Fault::new(FaultKind::BadUnit, unit_at, bytes.len() - unit_at, "not a unit of time", FORM))
}

/// Formats a rate. [`parse_rate`] parses the result.
///
/// ```
/// # use trigger_grammar::rate::{parse_rate, show_rate};
/// assert_eq!(parse_rate("0050/s").map(show_rate), Ok("50/s".to_owned()));
/// ```
pub fn show_rate(rate: Rate) -> String {
    format!("{}/{}", rate.count, char::from(UNITS[rate.unit].0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_a_number_with_a_unit_of_time() {
        for (text, count, seconds) in [
            ("50/s", 50, 1),
            ("100/m", 100, 60),
            ("1000/h", 1000, 3600),
            ("1/h", 1, 3600),
            ("007/s", 7, 1),
            ("4294967295/s", u32::MAX, 1),
        ] {
            let rate = parse_rate(text).expect(text);
            assert_eq!((rate.count(), rate.period_seconds()), (count, seconds), "{text}");
            assert_eq!(parse_rate(&show_rate(rate)), Ok(rate), "{text}");
        }
        const IN_CONST: Result<Rate, Fault> = parse_rate("100/m");
        assert_eq!(IN_CONST.map(Rate::count), Ok(100));
    }

    #[test]
    fn refused_rate_has_the_position_the_rule_and_the_right_form() {
        use FaultKind::{BadCharacter, BadNumber, BadUnit};
        let begins = "a rate begins with a number";
        let stands = "this character cannot stand in a rate";
        for (text, kind, at, len, rule) in [
            ("", BadNumber, 0, 0, begins),
            ("/s", BadNumber, 0, 1, begins),
            ("-1/s", BadNumber, 0, 1, begins),
            (" 50/s", BadNumber, 0, 1, begins),
            ("é", BadNumber, 0, 2, begins),
            ("0/s", BadNumber, 0, 1, "a rate of 0 refuses every request"),
            ("000/h", BadNumber, 0, 3, "a rate of 0 refuses every request"),
            ("4294967296/s", BadNumber, 0, 10, "too large"),
            ("99999999999999999999999/s", BadNumber, 0, 23, "too large"),
            ("1.5/s", BadNumber, 1, 1, "the number of a rate is whole"),
            ("50", BadUnit, 0, 2, "a rate needs a unit of time"),
            ("50/", BadUnit, 3, 0, "a rate needs a unit of time"),
            ("50/sec", BadUnit, 3, 3, "not a unit of time"),
            ("50/d", BadUnit, 3, 1, "not a unit of time"),
            ("50/S", BadUnit, 3, 1, "not a unit of time"),
            ("50/10s", BadUnit, 3, 3, "not a unit of time"),
            ("50/s ", BadUnit, 3, 2, "not a unit of time"),
            ("50 /s", BadCharacter, 2, 1, stands),
            ("50s", BadCharacter, 2, 1, stands),
            ("50é/s", BadCharacter, 2, 2, stands),
        ] {
            let fault = parse_rate(text).expect_err(text);
            assert_eq!((fault.kind, fault.at, fault.len, fault.rule), (kind, at, len, rule), "{text}");
            assert!([FORM, LARGE_FORM, ZERO_FORM].contains(&fault.form), "{text}");
        }
        let shown = parse_rate("50/sec").expect_err("no unit").point_at("50/sec");
        assert_eq!(shown, format!("not a unit of time\n  \"50/sec\"\n      ^^^\n  {FORM}"));
    }

    /// Covers every text of up to five characters of the grammar's alphabet.
    #[test]
    fn every_short_text_is_parsed_or_refused_at_a_position_within_it() {
        let alphabet = ['0', '1', '9', 's', 'm', '/', '.', 'x'];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            texts = texts.iter().flat_map(|text| alphabet.map(|letter| format!("{text}{letter}"))).collect();
            for text in &texts {
                match parse_rate(text) {
                    Ok(rate) => assert_eq!(parse_rate(&show_rate(rate)), Ok(rate), "{text}"),
                    Err(fault) => assert!(fault.at + fault.len <= text.len(), "{text}: {fault:?}"),
                }
            }
        }
    }
}
