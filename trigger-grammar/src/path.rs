//! The grammar of a webhook path: literal and absolute, without the percent-encoding of RFC 3986 section 3.3.

use crate::topic::char_len;
use crate::{Fault, FaultKind};

/// The maximum length of a path in bytes.
pub const BYTES_MAX: usize = 1024;

/// The path that every webhook server answers itself.
pub const HEALTH: &str = "/health";

const CHARACTER_FORM: &str =
    "a segment is A-Z a-z 0-9 and `-._~!$&'()+,;=:@`; there are no wildcards, captures or escapes";

/// Checks the path of a webhook.
///
/// A path begins with `/`, has no empty, `.` or `..` segment, and is not `/health`. `/` alone is allowed.
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
        let mut end = start;
        while end < bytes.len() && bytes[end] != b'/' {
            if !is_path_character(bytes[end]) || (bytes[end] == b':' && end == start) {
                let rule = "this character cannot stand in the path of a webhook";
                return Err(Fault::new(
                    FaultKind::BadCharacter,
                    end,
                    char_len(bytes[end]),
                    rule,
                    CHARACTER_FORM,
                ));
            }
            end += 1;
        }
        if start == end {
            let rule = "an empty segment";
            return Err(Fault::new(FaultKind::EmptyToken, start - 1, 1, rule, "remove the extra `/`"));
        }
        if bytes[start] == b'.' && (end - start == 1 || (end - start == 2 && bytes[start + 1] == b'.')) {
            let rule = "`.` and `..` are resolved by clients and never arrive";
            return Err(Fault::new(
                FaultKind::Reserved,
                start,
                end - start,
                rule,
                "write the path as it is requested",
            ));
        }
        start = end + 1;
    }
    if is_health(bytes) {
        let rule = "`/health` is answered by the server itself";
        return Err(Fault::new(FaultKind::Reserved, 0, bytes.len(), rule, "choose another path"));
    }
    Ok(())
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
    fn literal_paths_are_accepted() {
        for path in ["/", "/webhook", "/hooks/github", "/v1/x:verb", "/a.b/~c", "/healthz", "/health/live"] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn other_paths_are_refused_with_their_kind() {
        refuses("", FaultKind::Empty);
        refuses("events", FaultKind::NoLeadingSlash);
        refuses("/a//b", FaultKind::EmptyToken);
        refuses("/a/", FaultKind::EmptyToken);
        refuses("//", FaultKind::EmptyToken);
        refuses("/a/../b", FaultKind::Reserved);
        refuses("/health", FaultKind::Reserved);
        refuses("/a b", FaultKind::BadCharacter);
        refuses("/a?b", FaultKind::BadCharacter);
        refuses("/a#b", FaultKind::BadCharacter);
        refuses("/a%20b", FaultKind::BadCharacter);
        refuses("/{id}", FaultKind::BadCharacter);
        refuses("/:id", FaultKind::BadCharacter);
        refuses("/*", FaultKind::BadCharacter);
        refuses("/é", FaultKind::BadCharacter);
        refuses(&format!("/{}", "x".repeat(1024)), FaultKind::TooLong);
    }
}
