//! The grammar of topics and topic patterns: the part of the NATS syntax that has the same meaning on NATS, AMQP,
//! MQTT and Kafka.
//!
//! A topic consists of tokens of `[A-Za-z0-9_-]` joined by `.`. A pattern may also contain `*` (exactly one token),
//! `{name}` (one token, captured by name) and, as its last token, `>` (one or more tokens). Case matters.

use std::borrow::Cow;

use crate::capture;
use crate::fault::char_len;
use crate::{Fault, FaultKind};

pub use crate::capture::capture_name;

/// The maximum length of a topic or pattern in bytes. It is the smallest limit among the brokers, that of Kafka.
pub const BYTES_MAX: usize = 249;

/// The maximum number of tokens of a topic or pattern.
pub const TOKENS_MAX: usize = 32;

/// The maximum length of a token that [`token`] makes, in bytes. A topic holds three of them and 54 bytes more.
pub const MADE_TOKEN_MAX: usize = 64;

const TOKEN_FORM: &str = "a token is one or more of A-Z a-z 0-9 `_` `-`; tokens are joined by `.`";
const WILDCARD_FORM: &str = "use `*` for exactly one token, or `>` as the last token for one or more";
const CAPTURE_FORM: &str =
    "a capture is `{name}`, a whole token, with a name of A-Z a-z 0-9 `_`, no digit first";

/// Checks a topic: the name that a message is published to, or the type of an event.
///
/// # Errors
///
/// Returns the first [`Fault`] in reading order.
pub const fn check_topic(text: &str) -> Result<(), Fault> {
    check(text, false)
}

/// Checks the pattern of a subscription.
///
/// # Errors
///
/// Returns the first [`Fault`] in reading order.
pub const fn check_pattern(text: &str) -> Result<(), Fault> {
    check(text, true)
}

/// Returns the names of the captures of a pattern, in order.
pub fn captures(pattern: &str) -> impl Iterator<Item = &str> {
    tokens(pattern).filter_map(capture_name)
}

/// Returns the tokens between the dots.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let (token, after) = first_token(rest?);
        rest = after;
        Some(token)
    })
}

/// Returns the first token, and the text after the `.` that ends it.
#[inline]
pub fn first_token(text: &str) -> (&str, Option<&str>) {
    // A plain loop instead of `split_once`, whose search is made for longer texts than tokens.
    let end = token_end(text.as_bytes(), 0);
    (&text[..end], text.get(end + 1..))
}

/// Makes a token from any text: each character that is not allowed in a token becomes `-`, and a longer token is cut to 64
/// bytes. An empty text becomes `-`, and the reserved `_INBOX` becomes `-INBOX`.
pub fn token(text: &str) -> Cow<'_, str> {
    match text.as_bytes() {
        b"" => return Cow::Borrowed("-"),
        b"_INBOX" => return Cow::Borrowed("-INBOX"),
        bytes if plain_end(bytes, 0) == bytes.len() => {
            return Cow::Borrowed(&text[..bytes.len().min(MADE_TOKEN_MAX)]);
        }
        _ => {}
    }
    let in_token = |character: char| u8::try_from(character).is_ok_and(|byte| IN_TOKEN[usize::from(byte)]);
    text.chars()
        .take(MADE_TOKEN_MAX)
        .map(|character| if in_token(character) { character } else { '-' })
        .collect()
}

const fn check(text: &str, pattern: bool) -> Result<(), Fault> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err(Fault::new(FaultKind::Empty, 0, 0, "the name is empty", TOKEN_FORM));
    }
    if bytes.len() > BYTES_MAX {
        let over = bytes.len() - BYTES_MAX;
        let rule = "longer than 249 bytes";
        let form = "the limit is 249 bytes, the longest name that Kafka takes";
        return Err(Fault::new(FaultKind::TooLong, BYTES_MAX, over, rule, form));
    }
    let mut start = 0;
    let mut tokens = 0;
    while start <= bytes.len() {
        // Most tokens consist of plain characters, which this one pass accepts.
        let plain_end = plain_end(bytes, start);
        let is_plain = plain_end > start && (plain_end == bytes.len() || bytes[plain_end] == b'.');
        let end = if is_plain { plain_end } else { token_end(bytes, plain_end) };
        tokens += 1;
        if tokens > TOKENS_MAX {
            let rule = "more than 32 tokens";
            return Err(Fault::new(
                FaultKind::TooManyTokens,
                start,
                end - start,
                rule,
                "the limit is 32 tokens",
            ));
        }
        let token = if is_plain {
            Ok(())
        } else if pattern {
            check_pattern_token(bytes, start, end)
        } else {
            check_topic_token(bytes, start, end)
        };
        if let Err(fault) = token {
            return Err(fault);
        }
        start = end + 1;
    }
    if is_reserved(bytes) {
        let rule = "`_INBOX` is reserved: NATS keeps it for replies";
        return Err(Fault::new(FaultKind::Reserved, 0, 6, rule, "choose another first token"));
    }
    Ok(())
}

/// Returns the index of the `.` that ends the token, or the length of the text.
pub const fn token_end(bytes: &[u8], start: usize) -> usize {
    capture::token_end(bytes, start, b'.')
}

/// Returns the index of the first byte that is not allowed in a token, or the length of the text.
const fn plain_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    while end < bytes.len() && IN_TOKEN[bytes[end] as usize] {
        end += 1;
    }
    end
}

const fn is_reserved(bytes: &[u8]) -> bool {
    // The first byte excludes nearly every name before the search for the end of its token.
    bytes[0] == b'_' && same(bytes, 0, token_end(bytes, 0), b"_INBOX")
}

const fn same(bytes: &[u8], start: usize, end: usize, word: &[u8]) -> bool {
    if end - start != word.len() {
        return false;
    }
    let mut i = 0;
    while i < word.len() {
        if bytes[start + i] != word[i] {
            return false;
        }
        i += 1;
    }
    true
}

const fn check_topic_token(bytes: &[u8], start: usize, end: usize) -> Result<(), Fault> {
    if start == end {
        return Err(empty_token(start));
    }
    if end - start == 1 && (bytes[start] == b'*' || bytes[start] == b'>') {
        let rule = "a wildcard cannot be published to";
        return Err(Fault::new(
            FaultKind::Wildcard,
            start,
            1,
            rule,
            "name one topic; only a subscription takes wildcards",
        ));
    }
    check_characters(bytes, start, end)
}

const fn check_pattern_token(bytes: &[u8], start: usize, end: usize) -> Result<(), Fault> {
    if start == end {
        return Err(empty_token(start));
    }
    if end - start == 1 && bytes[start] == b'*' {
        return Ok(());
    }
    if end - start == 1 && bytes[start] == b'>' {
        if end == bytes.len() {
            return Ok(());
        }
        let rule = "`>` must be the last token";
        return Err(Fault::new(
            FaultKind::RestNotLast,
            start,
            1,
            rule,
            "use `*` for exactly one token in the middle",
        ));
    }
    if same(bytes, start, end, b"**") || same(bytes, start, end, b">>") {
        let rule = "`**` and `>>` are no wildcards here";
        return Err(Fault::new(
            FaultKind::WildcardInToken,
            start,
            2,
            rule,
            "use `>` as the last token for one or more tokens",
        ));
    }
    let mut i = start;
    while i < end {
        if bytes[i] == b'*' || bytes[i] == b'>' {
            let rule = "a wildcard must be a whole token";
            return Err(Fault::new(FaultKind::WildcardInToken, start, end - start, rule, WILDCARD_FORM));
        }
        i += 1;
    }
    if bytes[start] == b'{' {
        return capture::check(bytes, start, end, b'.', CAPTURE_FORM);
    }
    check_characters(bytes, start, end)
}

/// `true` for each byte that is allowed in a token. It is a table because publications check topics on their hot path.
static IN_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte == b'_' as usize || byte == b'-' as usize;
        byte += 1;
    }
    table
};

const fn check_characters(bytes: &[u8], start: usize, end: usize) -> Result<(), Fault> {
    let bad = plain_end(bytes, start);
    if bad < end {
        return Err(bad_character(bytes[bad], bad));
    }
    Ok(())
}

const fn empty_token(at: usize) -> Fault {
    Fault::new(FaultKind::EmptyToken, at, 0, "an empty token", "remove the extra dot")
}

const fn bad_character(byte: u8, at: usize) -> Fault {
    let (rule, form) = match byte {
        b'#' | b'+' => (
            "`#` and `+` are AMQP and MQTT syntax",
            "use `>` as the last token for one or more tokens, or `*` for exactly one",
        ),
        b'/' => ("`/` separates tokens in MQTT, not here", "join tokens with `.`"),
        b'$' => ("`$` begins the names that brokers keep for themselves", TOKEN_FORM),
        b'{' | b'}' => ("a brace outside a capture", CAPTURE_FORM),
        b' ' | b'\t' | b'\r' | b'\n' => ("white space in a name", TOKEN_FORM),
        0..=31 | 127 => ("a control character in a name", TOKEN_FORM),
        128..=255 => ("a character outside ASCII", TOKEN_FORM),
        _ => ("this character cannot stand in a name", TOKEN_FORM),
    };
    Fault::new(FaultKind::BadCharacter, at, char_len(byte), rule, form)
}
