//! Makes a text from outside safe for an error or a log line: one line of at most 1 KiB, without control characters.
//!
//! The text of an error may quote the body of a request. A line break in it would forge a log line, an escape sequence
//! would control the terminal of the reader, and a long text would fill the log.

use std::fmt::Write;

/// The longest text of an error, in bytes.
const LIMIT: usize = 1024;

/// Escapes the control characters of a text and cuts it to 1 KiB. The end of a cut text is its original length. A text
/// that this fn has returned stays the same.
pub(crate) fn printable(text: impl Into<String>) -> String {
    printable_before(text, "")
}

/// Does the same as [`printable`], and appends `end`, which is never cut. With it the text has at most 1 KiB.
pub(crate) fn printable_before(text: impl Into<String>, end: &str) -> String {
    let text = text.into();
    let limit = LIMIT.saturating_sub(end.len());
    // Most texts are ASCII, for which no character is decoded. Without an early return the compiler vectorizes the loop.
    let is_ascii = || text.bytes().fold(true, |is_ascii, byte| is_ascii & matches!(byte, b' '..=b'~'));
    let is_plain = || is_ascii() || !text.contains(is_unsafe);
    if text.len() <= limit && is_plain() {
        return text + end;
    }
    let cut = format!(".. ({} bytes)", text.len());
    let mut shown = String::with_capacity(text.len().min(limit) + end.len());
    // The length at which the text and the mark of the cut still fit.
    let mut fits = 0;
    for character in text.chars() {
        if is_unsafe(character) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
        if shown.len() + cut.len() <= limit {
            fits = shown.len();
        }
        if shown.len() > limit {
            shown.truncate(fits);
            shown.push_str(&cut);
            break;
        }
    }
    shown + end
}

/// Returns `true` for a character that begins a line, controls a terminal, or reverses the order of the text after it.
fn is_unsafe(character: char) -> bool {
    let is_separator = matches!(character, '\u{2028}' | '\u{2029}');
    let is_direction = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || is_separator || is_direction
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_escaped_and_other_text_stays() {
        for (text, expected) in [
            ("", ""),
            ("caf\u{e9} \"C:\\temp\"", "caf\u{e9} \"C:\\temp\""),
            ("x\n.. INFO drained \u{1b}[2J", "x\\n.. INFO drained \\u{1b}[2J"),
            ("\r\t\0\u{7f}\u{9b}1m", "\\r\\t\\u{0}\\u{7f}\\u{9b}1m"),
            ("a\u{202e}b\u{2066}c\u{2028}d", "a\\u{202e}b\\u{2066}c\\u{2028}d"),
        ] {
            assert_eq!(printable(text), expected, "{text:?}");
        }
    }

    #[test]
    fn long_text_ends_with_its_length_and_is_cut_between_two_characters() {
        assert_eq!(printable("x".repeat(LIMIT)), "x".repeat(LIMIT));
        let cut = printable("x".repeat(LIMIT + 1));
        assert_eq!((cut.len(), cut.ends_with("xx.. (1025 bytes)")), (LIMIT, true), "{cut}");
        // Escaped it has 6 bytes for each byte, so it does not fit.
        let cut = printable("\u{1b}".repeat(LIMIT / 2));
        assert!(cut.len() <= LIMIT && cut.ends_with("\\u{1b}.. (512 bytes)"), "{cut}");
        let cut = printable("\u{e9}".repeat(1_000_000));
        assert!(cut.len() <= LIMIT && cut.ends_with("\u{e9}.. (2000000 bytes)"), "{cut}");
        let cut = printable_before("x".repeat(1_000_000), ", at main.rs:7");
        assert!(cut.len() == LIMIT && cut.ends_with("x.. (1000000 bytes), at main.rs:7"), "{cut}");
    }

    proptest! {
        #[test]
        fn every_text_becomes_one_short_line_and_stays_so(text in "(?s).{0,1100}", end in "[a-z]{0,20}") {
            let shown = printable_before(text.clone(), &end);
            prop_assert!(shown.len() <= LIMIT && !shown.contains(is_unsafe) && shown.ends_with(&end));
            prop_assert_eq!(printable(shown.clone()), shown);
        }
    }
}
