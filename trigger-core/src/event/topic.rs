//! Topics, which name publications, and topic patterns, which select publications for a subscription.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;
use trigger_grammar::{Fault, FaultKind, topic as grammar};

/// The topic of a message, or the type of an event: tokens of `[A-Za-z0-9_-]` joined by `.`.
///
/// A topic has at most 249 bytes and 32 tokens. It is case-sensitive, and its first token is not `_INBOX`. A clone shares
/// the text.
///
/// As an argument of a handler it is the topic on which the message arrived, or the type of the event.
///
/// ```
/// # use trigger_core::Topic;
/// let topic = Topic::parse("reports.daily")?;
/// assert_eq!(topic, "reports.daily");
/// assert_eq!(topic.tokens().collect::<Vec<_>>(), ["reports", "daily"]);
/// assert!(Topic::parse("reports.*").is_err());
/// # Ok::<(), trigger_core::TopicError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(
    /// Stores up to 23 bytes inline, without a reference count that the threads of publishers and workers would contend
    /// for.
    SmolStr,
);

impl Topic {
    /// Parses a topic.
    ///
    /// # Errors
    ///
    /// Returns [`TopicError`] if the text is empty or too long, or has an empty token, a wildcard, or a character outside
    /// the grammar.
    pub fn parse(text: &str) -> Result<Topic, TopicError> {
        grammar::check_topic(text).map_err(TopicError)?;
        Ok(Topic(text.into()))
    }

    /// Makes a token of a topic from any text, such as a name in the body of a request.
    ///
    /// Each character that is not allowed in a token becomes `-`, and a longer token is cut to 64 bytes. An empty text
    /// becomes `-`, and the reserved `_INBOX` becomes `-INBOX`. So two texts may become the same token. A topic of up to three
    /// such tokens has 54 bytes left for the rest.
    ///
    /// ```
    /// # use trigger_core::Topic;
    /// assert_eq!(Topic::token("nightly"), "nightly");
    /// assert_eq!(Topic::token("nightly build.v2 \u{e9}*"), "nightly-build-v2---");
    /// assert_eq!(Topic::token(""), "-");
    /// let topic = format!("reports.{}.failed", Topic::token("../nightly\n"));
    /// assert_eq!(topic, "reports.---nightly-.failed");
    /// ```
    pub fn token(text: &str) -> Cow<'_, str> {
        grammar::token(text)
    }

    pub(crate) fn into_text(self) -> SmolStr {
        self.0
    }

    /// Returns the text of the topic.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the tokens between the dots.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        grammar::tokens(&self.0)
    }
}

impl Deref for Topic {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Topic {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Topic, TopicError> {
        Topic::parse(text)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl PartialEq<str> for Topic {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Topic {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Topic, D::Error> {
        let text = String::deserialize(deserializer)?;
        Topic::parse(&text).map_err(|error| serde::de::Error::custom(error.explain(&text)))
    }
}

/// The pattern of a subscription, which selects the topics that it matches.
///
/// A pattern is a topic with up to three kinds of special tokens:
///
/// - `*` matches exactly one token.
/// - `{name}` matches one token, and captures it by name.
/// - `>`, as the last token, matches one or more tokens.
///
/// A pattern has the same meaning on every broker. NATS accepts it unchanged. In AMQP `>` becomes `*.#`. In MQTT `*`
/// becomes `+`, and a final `>` becomes `+/#`. In Kafka the pattern becomes a regular expression over topic names.
///
/// ```
/// # use trigger_core::TopicPattern;
/// const DAILY: TopicPattern = match TopicPattern::parse("reports.{region}.daily") {
///     Ok(pattern) => pattern,
///     Err(_) => panic!("a bad pattern does not compile"),
/// };
/// assert!(DAILY.matches("reports.eu.daily"));
/// assert!(!DAILY.matches("reports.daily"));
/// assert_eq!(DAILY.captures("reports.eu.daily").collect::<Vec<_>>(), [("region", "eu")]);
/// ```
// Aligned so that `str::from_utf8` checks 16 bytes at a time.
#[repr(align(8))]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TopicPattern {
    // Inline, so that const evaluation can make a pattern that owns its text.
    bytes: [u8; grammar::BYTES_MAX],
    len: u8,
}

impl TopicPattern {
    /// Parses a pattern, at run time or in const evaluation.
    ///
    /// # Errors
    ///
    /// Returns [`TopicError`] if the text is empty or too long, or has an empty token or a character outside the grammar.
    /// A wildcard inside a token, `>` before the end, and a repeated capture are errors too.
    pub const fn parse(text: &str) -> Result<TopicPattern, TopicError> {
        if let Err(fault) = grammar::check_pattern(text) {
            return Err(TopicError(fault));
        }
        let source = text.as_bytes();
        let mut bytes = [0; grammar::BYTES_MAX];
        let mut at = 0;
        while at < source.len() {
            bytes[at] = source[at];
            at += 1;
        }
        Ok(TopicPattern { bytes, len: source.len() as u8 })
    }

    /// Returns the text of the pattern.
    pub fn as_str(&self) -> &str {
        // The bytes are always valid: only `parse` makes a pattern, and its grammar accepts only ASCII.
        str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// Returns the tokens between the dots.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        grammar::tokens(self.as_str())
    }

    /// Returns `true` if the pattern matches `topic`. A text that is not a valid topic never matches.
    pub fn matches(&self, topic: &str) -> bool {
        if grammar::check_topic(topic).is_err() {
            return false;
        }
        // Compares bytes instead of tokens. A topic contains no `*`, `{` or `>`. In a pattern each of them starts a
        // wildcard or a capture, which is a whole token.
        let (pattern, topic) = (&self.bytes[..usize::from(self.len)], topic.as_bytes());
        let (mut want, mut at) = (0, 0);
        loop {
            match (pattern.get(want), topic.get(at)) {
                (Some(wanted), Some(byte)) if wanted == byte => (want, at) = (want + 1, at + 1),
                (Some(b'*' | b'{'), Some(_)) => {
                    (want, at) = (grammar::token_end(pattern, want), grammar::token_end(topic, at));
                }
                (Some(b'>'), Some(_)) | (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Returns `true` if some topic matches both patterns. The relation is symmetric.
    ///
    /// ```
    /// # use trigger_core::TopicPattern;
    /// let daily = TopicPattern::parse("*.daily")?;
    /// assert!(daily.overlaps(&TopicPattern::parse("reports.>")?));
    /// assert!(!daily.overlaps(&TopicPattern::parse("reports.*.daily")?));
    /// # Ok::<(), trigger_core::TopicError>(())
    /// ```
    pub fn overlaps(&self, other: &TopicPattern) -> bool {
        let mut ours = self.tokens();
        let mut theirs = other.tokens();
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
                (Some(a), Some(b)) if is_any_token(a) || is_any_token(b) || a == b => {}
                _ => return false,
            }
        }
    }

    /// Returns the name and the captured token of each `{name}`, in order. Empty if the topic does not match.
    pub fn captures<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let topic = if self.matches(topic) { topic } else { "" };
        self.tokens().zip(grammar::tokens(topic)).filter_map(|(want, token)| {
            Some((grammar::capture_name(want)?, token)).filter(|_| !token.is_empty())
        })
    }

    /// Returns `true` if the pattern has no wildcard and no capture.
    pub(crate) fn is_literal(&self) -> bool {
        self.tokens().all(|token| token != ">" && !is_any_token(token))
    }

    /// Returns the name of each `{name}`, and the index of the token that it captures.
    pub(crate) fn capture_places(&self) -> impl Iterator<Item = (&str, usize)> {
        self.tokens().enumerate().filter_map(|(place, token)| Some((grammar::capture_name(token)?, place)))
    }
}

/// Returns `true` if the token of a pattern matches any one token: a `*` or a capture.
pub(crate) fn is_any_token(token: &str) -> bool {
    token == "*" || token.starts_with('{')
}

impl FromStr for TopicPattern {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<TopicPattern, TopicError> {
        TopicPattern::parse(text)
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for TopicPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TopicPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TopicPattern, D::Error> {
        let text = String::deserialize(deserializer)?;
        TopicPattern::parse(&text).map_err(|error| serde::de::Error::custom(error.explain(&text)))
    }
}

/// The reason why a text is not a valid topic or pattern: the broken rule, the position, and the right form.
///
/// ```
/// # use trigger_core::{FaultKind, Topic};
/// let error = Topic::parse("reports..daily").unwrap_err();
/// assert_eq!((error.kind(), error.position()), (FaultKind::EmptyToken, 8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicError(Fault);

impl TopicError {
    /// Returns an explanation that shows `text`, which is the refused text, with carets under the fault.
    ///
    /// ```
    /// # use trigger_core::TopicPattern;
    /// let error = TopicPattern::parse("reports.#").unwrap_err();
    /// assert_eq!(
    ///     error.explain("reports.#"),
    ///     "`#` and `+` are AMQP and MQTT syntax\n  \"reports.#\"\n           ^\n  \
    ///      use `>` as the last token for one or more tokens, or `*` for exactly one",
    /// );
    /// ```
    pub fn explain(&self, text: &str) -> String {
        self.0.point_at(text)
    }

    /// Returns the byte offset where the fault begins.
    pub fn position(&self) -> usize {
        self.0.at
    }

    /// Returns the broken rule.
    pub fn kind(&self) -> FaultKind {
        self.0.kind
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for TopicError {}
