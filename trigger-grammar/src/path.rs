//! The grammar of a webhook path: absolute, with literal segments and captures, without the percent-encoding of RFC 3986
//! section 3.3.
//!
//! A capture `{name}` is a whole segment. It matches one segment that is not empty. The server decodes its percent-encoding.

use std::borrow::Cow;

use crate::capture::{self, capture_name};
use crate::fault::char_len;
use crate::setting::same;
use crate::{Fault, FaultKind};

/// The maximum length of a path in bytes.
pub const BYTES_MAX: usize = 1024;

/// The path that every webhook server answers itself.
pub const HEALTH: &str = "/health";

const CHARACTER_FORM: &str =
    "a segment is A-Z a-z 0-9 and `-._~!$&'()+,;=:@`, without escapes, or a capture `{name}`";
const CAPTURE_FORM: &str =
    "a capture is `{name}`, a whole segment, with a name of A-Z a-z 0-9 `_`, no digit first";

/// Checks the path of a webhook.
///
/// A path begins with `/`, has no empty, `.` or `..` segment, and is not `/health`. `/` alone is allowed. A segment may be a
/// capture `{name}`, whose name occurs once.
///
/// # Errors
///
/// Returns the first [`Fault`] in reading order.
pub const fn check_path(text: &str) -> Result<(), Fault> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err(Fault::new(
            FaultKind::Empty,
            0,
            0,
            "the path is empty",
            "a path begins with `/`, such as `/webhook`",
        ));
    }
    if bytes[0] != b'/' {
        let rule = "a path begins with `/`";
        return Err(Fault::new(FaultKind::NoLeadingSlash, 0, 0, rule, "put a `/` in front"));
    }
    if bytes.len() > BYTES_MAX {
        let over = bytes.len() - BYTES_MAX;
        return Err(Fault::new(
            FaultKind::TooLong,
            BYTES_MAX,
            over,
            "longer than 1024 bytes",
            "the limit is 1024 bytes",
        ));
    }
    if bytes.len() == 1 {
        return Ok(());
    }
    let mut start = 1;
    while start <= bytes.len() {
        let end = capture::token_end(bytes, start, b'/');
        if let Err(fault) = check_segment(bytes, start, end) {
            return Err(fault);
        }
        start = end + 1;
    }
    if is_health(bytes) {
        let rule = "`/health` is answered by the server itself";
        return Err(Fault::new(FaultKind::Reserved, 0, bytes.len(), rule, "choose another path"));
    }
    Ok(())
}

/// Returns the names of the captures of a path, in order.
pub fn captures(path: &str) -> impl Iterator<Item = &str> {
    segments(path).filter_map(capture_name)
}

/// Returns the segments after each `/`. A path that does not begin with `/` has none.
pub fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').into_iter().flat_map(|rest| rest.split('/'))
}

/// Returns what `{name}` of `pattern` captures from the path of a request, percent-decoded. Returns `None` if there is no such
/// capture, or if [`decode`] refuses the segment.
pub fn capture<'a>(pattern: &str, path: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let place = segments(pattern).position(|segment| capture_name(segment) == Some(name))?;
    decode(segments(path).nth(place)?)
}

/// Decodes the percent-encoding of a segment. Returns `None` if an escape is not `%` with two hexadecimal digits, or if the
/// decoded bytes are not UTF-8.
pub fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                decoded.push(digit(*high)? << 4 | digit(*low)?);
                after
            }
            (b'%', _) => return None,
            _ => {
                decoded.push(*first);
                after
            }
        };
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// Returns `true` if a path has a capture.
pub const fn has_captures(path: &str) -> bool {
    capture_start(path.as_bytes()).is_some()
}

/// Returns `true` if two valid paths match the same requests: they are equal except for the names of their captures.
pub const fn matches_same(mut one: &str, mut other: &str) -> bool {
    loop {
        match (split_at_capture(one), split_at_capture(other)) {
            (Some((literal, one_rest)), Some((other_literal, other_rest)))
                if same(literal, other_literal) =>
            {
                (one, other) = (one_rest, other_rest);
            }
            (None, None) => return same(one, other),
            _ => return false,
        }
    }
}

/// Returns the parts of a valid path before and after its first capture.
pub const fn split_at_capture(path: &str) -> Option<(&str, &str)> {
    let Some(start) = capture_start(path.as_bytes()) else { return None };
    let end = capture::token_end(path.as_bytes(), start, b'/');
    let (literal, _) = path.split_at(start);
    let (_, rest) = path.split_at(end);
    Some((literal, rest))
}

/// Returns the index of the first `{`.
const fn capture_start(bytes: &[u8]) -> Option<usize> {
    const BRACES: u64 = u64::from_ne_bytes([b'{'; 8]);
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let mut rest = bytes;
    // Each step of const evaluation is slow, so eight bytes are one step. `{` xor `{` is a zero byte.
    while let &[a, b, c, d, e, f, g, h, ref after @ ..] = rest {
        let word = u64::from_ne_bytes([a, b, c, d, e, f, g, h]) ^ BRACES;
        if word.wrapping_sub(ONES) & !word & ONES << 7 != 0 {
            break;
        }
        rest = after;
    }
    let mut at = bytes.len() - rest.len();
    while at < bytes.len() {
        if bytes[at] == b'{' {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Checks the segment `bytes[start..end]`.
const fn check_segment(bytes: &[u8], start: usize, end: usize) -> Result<(), Fault> {
    if start == end {
        let rule = "an empty segment";
        return Err(Fault::new(FaultKind::EmptyToken, start - 1, 1, rule, "remove the extra `/`"));
    }
    let mut i = start;
    while i < end {
        if bytes[i] == b'*' {
            return Err(wildcard(bytes, start, end));
        }
        i += 1;
    }
    if bytes[start] == b'{' && bytes[end - 1] == b'}' {
        return capture::check(bytes, start, end, b'/', CAPTURE_FORM);
    }
    if bytes[start] == b':' {
        let rule = "a segment cannot begin with `:`, which begins a capture elsewhere";
        return Err(Fault::new(FaultKind::BadCharacter, start, 1, rule, "write a capture as `{name}`"));
    }
    let mut i = start;
    while i < end {
        if bytes[i] == b'{' || bytes[i] == b'}' {
            let rule = "a capture must be a whole segment";
            return Err(Fault::new(FaultKind::BadCharacter, start, end - start, rule, CAPTURE_FORM));
        }
        if !is_path_character(bytes[i]) {
            let rule = "this character cannot stand in the path of a webhook";
            return Err(Fault::new(FaultKind::BadCharacter, i, char_len(bytes[i]), rule, CHARACTER_FORM));
        }
        i += 1;
    }
    if bytes[start] == b'.' && (end - start == 1 || (end - start == 2 && bytes[start + 1] == b'.')) {
        let rule = "`.` and `..` are resolved by clients and never arrive";
        let form = "write the path as it is requested";
        return Err(Fault::new(FaultKind::Reserved, start, end - start, rule, form));
    }
    Ok(())
}

/// Returns the fault of a segment with a `*`.
const fn wildcard(bytes: &[u8], start: usize, end: usize) -> Fault {
    if bytes[start] == b'{' {
        let rule = "a capture matches exactly one segment";
        let form = "give each segment its own `{name}`; a path has a fixed number of segments";
        return Fault::new(FaultKind::Wildcard, start, end - start, rule, form);
    }
    let form = "write `{name}` for exactly one segment, and take an argument of that name";
    Fault::new(FaultKind::Wildcard, start, end - start, "a path has no wildcards", form)
}

const fn is_path_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
        )
}

const fn is_health(bytes: &[u8]) -> bool {
    let health = HEALTH.as_bytes();
    if bytes.len() != health.len() {
        return false;
    }
    let mut i = 0;
    while i < health.len() {
        if bytes[i] != health[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(path: &str, kind: FaultKind) {
        assert_eq!(check_path(path).expect_err(path).kind, kind);
    }

    #[test]
    fn literal_paths_and_captures_are_accepted() {
        for path in [
            "/",
            "/webhook",
            "/hooks/github",
            "/v1/x:verb",
            "/a.b/~c",
            "/healthz",
            "/health/live",
            "/{x}",
            "/hooks/{tenant}",
            "/hooks/{tenant}/{_Id2}/push",
        ] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn other_paths_are_refused_with_their_kind() {
        refuses("", FaultKind::Empty);
        refuses("events", FaultKind::NoLeadingSlash);
        refuses("{id}", FaultKind::NoLeadingSlash);
        refuses("/a//b", FaultKind::EmptyToken);
        refuses("/a/", FaultKind::EmptyToken);
        refuses("//", FaultKind::EmptyToken);
        refuses("/{a}/", FaultKind::EmptyToken);
        refuses("/a/../b", FaultKind::Reserved);
        refuses("/health", FaultKind::Reserved);
        refuses("/a b", FaultKind::BadCharacter);
        refuses("/a?b", FaultKind::BadCharacter);
        refuses("/a#b", FaultKind::BadCharacter);
        refuses("/a%20b", FaultKind::BadCharacter);
        refuses("/:id", FaultKind::BadCharacter);
        refuses("/*", FaultKind::Wildcard);
        refuses("/a*b", FaultKind::Wildcard);
        refuses("/é", FaultKind::BadCharacter);
        refuses(&format!("/{}", "x".repeat(1024)), FaultKind::TooLong);
    }

    #[test]
    fn fault_of_a_capture_is_located_with_the_right_form() {
        for (path, at, rule) in [
            ("/a/{}", 3, "not a capture"),
            ("/a/{1st}", 4, "this character cannot stand in the name of a capture"),
            ("/a/{b-c}", 5, "this character cannot stand in the name of a capture"),
            ("/{a}/b/{a}", 7, "this name is captured twice"),
            ("/x/a{b}c", 3, "a capture must be a whole segment"),
            ("/x/{b}c", 3, "a capture must be a whole segment"),
            ("/x/{b", 3, "a capture must be a whole segment"),
            ("/x/b}", 3, "a capture must be a whole segment"),
            ("/x/{b}{c}", 5, "this character cannot stand in the name of a capture"),
            ("/x/{*rest}", 3, "a capture matches exactly one segment"),
            ("/x/{rest*}", 3, "a capture matches exactly one segment"),
            ("/x/*", 3, "a path has no wildcards"),
            ("/x/:id", 3, "a segment cannot begin with `:`, which begins a capture elsewhere"),
        ] {
            let fault = check_path(path).expect_err(path);
            assert_eq!((fault.at, fault.rule), (at, rule), "{path}");
        }
    }

    #[test]
    fn paths_that_differ_only_in_the_names_of_captures_match_the_same_requests() {
        for (one, other) in [("/a", "/a"), ("/a/{x}", "/a/{y}"), ("/{long_name}/b/{c}", "/{x}/b/{d}")] {
            assert!(matches_same(one, other) && matches_same(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("/a/{x}", "/a/b"),
            ("/a/{x}", "/a/{x}/b"),
            ("/{x}/b", "/a/{y}"),
            ("/{a}/{b}", "/{a}/b"),
            ("/a", "/b"),
        ] {
            assert!(!matches_same(one, other) && !matches_same(other, one), "{one} {other}");
        }
    }

    #[test]
    fn first_capture_is_found_at_every_offset() {
        for before in 0..20 {
            let literal = format!("/{}", "x/".repeat(before));
            assert_eq!(split_at_capture(&format!("{literal}{{n}}/z")), Some((&*literal, "/z")));
            assert!(!has_captures(&literal));
        }
        assert_eq!(split_at_capture("/{n}"), Some(("/", "")));
    }

    #[test]
    fn capture_is_the_decoded_segment_at_its_place() {
        let of = |path, name| capture("/hooks/{tenant}/{id}", path, name);
        assert_eq!(of("/hooks/acme/7", "tenant").as_deref(), Some("acme"));
        assert_eq!(of("/hooks/acme/7", "id").as_deref(), Some("7"));
        assert_eq!(of("/hooks/a%2Fb%20c/%c3%a9", "tenant").as_deref(), Some("a/b c"));
        assert_eq!(of("/hooks/a%2Fb%20c/%c3%a9", "id").as_deref(), Some("é"));
        assert_eq!(of("/hooks/acme", "id"), None);
        assert_eq!(of("/hooks/acme/7", "hooks"), None);
        for invalid in ["%", "%4", "a%", "%zz", "%+1", "%ff", "%c3"] {
            assert_eq!(decode(invalid), None, "{invalid}");
        }
    }
}
