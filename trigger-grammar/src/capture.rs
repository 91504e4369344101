//! The captures of patterns: `{name}`, a whole token of a topic pattern or a whole segment of a path.

use crate::fault::char_len;
use crate::{Fault, FaultKind};

/// Returns the name in a `{name}` token or segment.
pub fn capture_name(token: &str) -> Option<&str> {
    token.strip_prefix('{')?.strip_suffix('}')
}

/// Checks a token that begins with `{`. It is `bytes[start..end]` of a pattern whose tokens `separator` joins. `form` is
/// the right form of a capture.
pub(crate) const fn check(
    bytes: &[u8],
    start: usize,
    end: usize,
    separator: u8,
    form: &'static str,
) -> Result<(), Fault> {
    if end - start < 3 || bytes[end - 1] != b'}' {
        return Err(Fault::new(FaultKind::BadCharacter, start, end - start, "not a capture", form));
    }
    let mut i = start + 1;
    while i < end - 1 {
        let digit = bytes[i].is_ascii_digit() && i > start + 1;
        if !(bytes[i].is_ascii_alphabetic() || bytes[i] == b'_' || digit) {
            let rule = "this character cannot stand in the name of a capture";
            return Err(Fault::new(FaultKind::BadCharacter, i, char_len(bytes[i]), rule, form));
        }
        i += 1;
    }
    // An earlier token that is equal captures the same name.
    let mut earlier = 0;
    while earlier < start {
        let earlier_end = token_end(bytes, earlier, separator);
        if equal_ranges(bytes, earlier, earlier_end, start, end) {
            let rule = "this name is captured twice";
            let form = "give each capture its own name";
            return Err(Fault::new(FaultKind::DuplicateCapture, start, end - start, rule, form));
        }
        earlier = earlier_end + 1;
    }
    Ok(())
}

/// Returns the index of the separator that ends the token, or the length of the text.
pub(crate) const fn token_end(bytes: &[u8], start: usize, separator: u8) -> usize {
    let mut end = start;
    while end < bytes.len() && bytes[end] != separator {
        end += 1;
    }
    end
}

const fn equal_ranges(bytes: &[u8], a: usize, a_end: usize, b: usize, b_end: usize) -> bool {
    if a_end - a != b_end - b {
        return false;
    }
    let mut i = 0;
    while i < a_end - a {
        if bytes[a + i] != bytes[b + i] {
            return false;
        }
        i += 1;
    }
    true
}
