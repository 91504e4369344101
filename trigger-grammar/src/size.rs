//! The grammar of a size in bytes: a whole number and an IEC unit, such as `"64KiB"` or `"1MiB"`.

use crate::fault::char_len;
use crate::{Fault, FaultKind};

const FORM: &str = "write a whole number and one of B, KiB, MiB, GiB, such as `1MiB`";

/// Parses a size into bytes.
///
/// # Errors
///
/// Returns a [`Fault`] if the number is missing, the result is 2^63 or more, or the unit is not `B`, `KiB`, `MiB` or
/// `GiB`.
pub const fn parse_size(text: &str) -> Result<u64, Fault> {
    let bytes = text.as_bytes();
    let mut number: u64 = 0;
    let mut at = 0;
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        let digit = (bytes[at] - b'0') as u64;
        number = match number.checked_mul(10) {
            Some(tens) if tens <= u64::MAX - digit => tens + digit,
            _ => return Err(Fault::new(FaultKind::BadNumber, 0, bytes.len(), "too large", FORM)),
        };
        at += 1;
    }
    if at == 0 {
        let len = if bytes.is_empty() { 0 } else { char_len(bytes[0]) };
        return Err(Fault::new(FaultKind::BadNumber, 0, len, "a size begins with a number", FORM));
    }
    let shift = match unit(bytes, at) {
        Some(shift) => shift,
        None => return Err(Fault::new(FaultKind::BadUnit, at, bytes.len() - at, "not a unit of size", FORM)),
    };
    if number > (u64::MAX >> 1) >> shift {
        return Err(Fault::new(FaultKind::BadNumber, 0, bytes.len(), "too large", FORM));
    }
    Ok(number << shift)
}

/// Formats a size in the largest unit that gives a whole number. [`parse_size`] parses the result.
///
/// ```
/// # use trigger_grammar::size::show_size;
/// assert_eq!(show_size(1 << 20), "1MiB");
/// assert_eq!(show_size(1000), "1000B");
/// ```
pub fn show_size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let whole = |shift: u32| bytes > 0 && bytes.is_multiple_of(1 << shift);
    let (unit, shift) = units.into_iter().find(|(_, shift)| whole(*shift)).unwrap_or(("B", 0));
    format!("{}{unit}", bytes >> shift)
}

/// Returns the binary exponent of the unit that begins at `at`.
const fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.len() - at {
        1 if bytes[at] == b'B' => Some(0),
        3 if bytes[at + 1] == b'i' && bytes[at + 2] == b'B' => match bytes[at] {
            b'K' => Some(10),
            b'M' => Some(20),
            b'G' => Some(30),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_a_number_with_a_unit() {
        assert_eq!(parse_size("0B"), Ok(0));
        assert_eq!(parse_size("64KiB"), Ok(64 << 10));
        assert_eq!(parse_size("1MiB"), Ok(1 << 20));
        assert_eq!(parse_size("2GiB"), Ok(2 << 30));
    }

    #[test]
    fn formatted_size_is_parsed_back() {
        for (bytes, text) in
            [(0, "0B"), (1, "1B"), (1023, "1023B"), (1024, "1KiB"), (3 << 20, "3MiB"), (1 << 40, "1024GiB")]
        {
            assert_eq!(show_size(bytes), text);
            assert_eq!(parse_size(text), Ok(bytes));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "MiB", "1", "1MB", "1 MiB", "1.5MiB", "-1B", "99999999999999999999B", "9999999999GiB", "1é"]
        {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
