//! Why a request, a secret or a setting of a signature is refused.

use std::error::Error;
use std::fmt;

/// The length of the longest message, in bytes.
const LONGEST: usize = 1024;

/// Why [`Verify`](crate::Verify) refuses a request or a secret.
///
/// [`reason`](VerifyError::reason) is a name for counters, and `Display` a line for the log. Neither contains a secret or an
/// expected signature. Do not answer a client with the line: it says what the receiver expects.
///
/// | reason | meaning |
/// |---|---|
/// | `signature_missing`, `signature_ambiguous` | no header with a signature, or more than one |
/// | `signature_malformed` | the header has another form than that of the scheme |
/// | `signature_mismatch` | no configured secret made the signature |
/// | `body_hash_mismatch` | the signature is right, and the signed hash is that of another body |
/// | `timestamp_missing`, `timestamp_ambiguous`, `timestamp_malformed` | the same, for the signed time |
/// | `timestamp_old`, `timestamp_future` | the signed time is outside of the tolerance |
/// | `id_missing`, `id_ambiguous`, `id_malformed` | the same, for the signed id |
/// | `secret_missing`, `secret_blank`, `secret_malformed` | no secret is configured, or a secret is invalid |
/// | `header_malformed`, `prefix_malformed`, `encoding_unknown`, `url_malformed` | a setting is invalid |
/// | `tolerance_invalid`, `scheme_unknown`, `time_invalid` | a setting or an argument is invalid |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    reason: &'static str,
    message: Box<str>,
}

impl VerifyError {
    /// Returns an error with a reason in snake_case and a message for the log. Characters of the message that are not
    /// printable are escaped, and it is cut after 1 KiB. The caller keeps secrets and expected signatures out of it.
    ///
    /// ```
    /// # use trigger_webhook::VerifyError;
    /// let error = VerifyError::new("tenant_unknown", "no tenant is named \"a\nb\"");
    /// assert_eq!(error.reason(), "tenant_unknown");
    /// assert_eq!(error.to_string(), r#"tenant_unknown: no tenant is named "a\nb""#);
    /// ```
    #[cold]
    pub fn new(reason: &'static str, message: impl fmt::Display) -> VerifyError {
        let mut printable = String::new();
        for c in message.to_string().chars() {
            match c {
                '"' | '\'' | '\\' => printable.push(c),
                c => printable.extend(c.escape_debug()),
            }
            if printable.len() >= LONGEST {
                break;
            }
        }
        VerifyError { reason, message: printable.into() }
    }

    /// Returns the reason as a name in snake_case, such as `signature_mismatch`.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl Error for VerifyError {}
