//! Topics and topic patterns: the names things are published under, and what a subscription says it wants.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;
use trigger_grammar::{Fault, FaultKind, topic as grammar};

/// The name a message is published under, or the type of an event: tokens of `[A-Za-z0-9_-]` joined by `.`.
///
/// At most 249 bytes and 32 tokens, case-sensitive, the first token is not `_INBOX`. A clone shares the text.
///
/// As an argument of a handler it is the topic the message arrived on, or the type of the event.
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
    /// Up to 23 bytes are here, and need no count that the threads of publishers and workers would share.
    SmolStr,
);

impl Topic {
    /// Reads a topic.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a text that is empty, too long, or holds an empty token, a wildcard or a character
    /// outside the grammar.
    pub fn parse(text: &str) -> Result<Topic, TopicError> {
        grammar::check_topic(text).map_err(TopicError)?;
        Ok(Topic(text.into()))
    }

    pub(crate) fn into_text(self) -> SmolStr {
        self.0
    }

    /// The text of the topic.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tokens between the dots.
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

/// What a subscription wants: a topic, with `*` for exactly one token, `{name}` for one token captured by name, and
/// `>` as the last token for one or more.
///
/// It means the same on every broker it may be carried to: NATS takes it as it is; in AMQP `>` is `*.#`; in MQTT
/// `*` is `+` and a final `>` is `+/#`; in Kafka it is a regular expression over the topics' names.
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
// So aligned that `str::from_utf8` looks at 16 bytes at once.
#[repr(align(8))]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TopicPattern {
    // Held inline, so that a pattern can be made in const evaluation and still own its text.
    bytes: [u8; grammar::BYTES_MAX],
    len: u8,
}

impl TopicPattern {
    /// Reads a pattern, at run time or in const evaluation.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a text that is empty, too long, or holds an empty token, a wildcard inside a token, `>`
    /// before the end, one capture twice, or a character outside the grammar.
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

    /// The text of the pattern.
    pub fn as_str(&self) -> &str {
        // Only `parse` makes a pattern, from text that the grammar found to be ASCII.
        str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// The tokens between the dots.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        grammar::tokens(self.as_str())
    }

    /// Whether a message on `topic` is wanted. A text that is no topic matches nothing.
    pub fn matches(&self, topic: &str) -> bool {
        if grammar::check_topic(topic).is_err() {
            return false;
        }
        // Byte by byte: a topic has none of those that a wildcard or a capture begins with, and these are whole tokens.
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

    /// Whether some topic is wanted by both patterns. Symmetric.
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
                (Some(a), Some(b)) if is_one(a) || is_one(b) || a == b => {}
                _ => return false,
            }
        }
    }

    /// What the `{name}` tokens stand for in `topic`, in order. Empty where the topic does not match.
    pub fn captures<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let topic = if self.matches(topic) { topic } else { "" };
        self.tokens().zip(grammar::tokens(topic)).filter_map(|(want, token)| {
            Some((grammar::capture_name(want)?, token)).filter(|_| !token.is_empty())
        })
    }

    /// Whether the pattern is a plain topic: it has no wildcard and no capture.
    pub(crate) fn is_literal(&self) -> bool {
        self.tokens().all(|token| token != ">" && !is_one(token))
    }

    /// The names of the `{name}` tokens, and which token of a topic each stands for.
    pub(crate) fn capture_places(&self) -> impl Iterator<Item = (&str, usize)> {
        self.tokens().enumerate().filter_map(|(place, token)| Some((grammar::capture_name(token)?, place)))
    }
}

/// Whether the token of a pattern stands for any one token.
pub(crate) fn is_one(token: &str) -> bool {
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

/// Why a text is no topic or no topic pattern: the rule it breaks, where, and the right form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicError(Fault);

impl TopicError {
    /// Shows `text`, the one that was refused, with a caret under the fault.
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

    /// The byte of the text where the fault begins.
    pub fn position(&self) -> usize {
        self.0.at
    }

    /// The rule that was broken.
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
