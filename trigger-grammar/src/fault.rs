//! Why a text was refused: where the fault is, the rule it breaks, and the right form.

use std::fmt;

use crate::message::Message;

/// The rule a text broke, for programs; [`Fault::rule`] is the same for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The whole text is empty.
    Empty,
    /// A token or path segment is empty: a leading, trailing or double separator.
    EmptyToken,
    /// `>` stands before the last token.
    RestNotLast,
    /// A wildcard shares its token with other characters.
    WildcardInToken,
    /// A wildcard where only a literal name is allowed.
    Wildcard,
    /// A character outside the grammar.
    BadCharacter,
    /// A name the framework or a broker keeps for itself.
    Reserved,
    /// More bytes than the grammar allows.
    TooLong,
    /// More tokens than the grammar allows.
    TooManyTokens,
    /// Two captures of one name.
    DuplicateCapture,
    /// A path without its leading `/`.
    NoLeadingSlash,
    /// A number that is missing or out of range.
    BadNumber,
    /// A unit that is missing, unknown, repeated or out of order.
    BadUnit,
    /// A range without its `..`, or one that ends before it begins.
    BadRange,
}

/// One reason why a text was refused. Made in const evaluation too, so it holds no text of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule that was broken.
    pub kind: FaultKind,
    /// The byte where the fault begins.
    pub at: usize,
    /// How many bytes of the text are at fault; 0 where something is missing.
    pub len: usize,
    /// The rule in words.
    pub rule: &'static str,
    /// The right form.
    pub form: &'static str,
}

impl Fault {
    pub(crate) const fn new(
        kind: FaultKind,
        at: usize,
        len: usize,
        rule: &'static str,
        form: &'static str,
    ) -> Fault {
        Fault { kind, at, len, rule, form }
    }

    /// Panics with what [`point_at`](Self::point_at) shows: in const evaluation, that is a compile error which says it.
    #[track_caller]
    pub const fn panic(&self, text: &str) -> ! {
        let (before, rest) = text.split_at(self.at);
        let (faulty, _) = rest.split_at(self.len);
        let carets = match width(faulty) {
            0 => 1,
            width => width,
        };
        let mut message = Message::new();
        message.push(self.rule).push("\n  \"").push(text).push("\"\n   ");
        message.repeat(" ", width(before)).repeat("^", carets).push("\n  ").push(self.form);
        if matches!(self.kind, FaultKind::NoLeadingSlash) {
            message.push(": `\"/").push(text).push("\"`");
        }
        message.panic()
    }

    /// Shows `text` with a caret under the fault, between the rule and the right form.
    ///
    /// ```
    /// let text = "reports.da*ly.x";
    /// let fault = trigger_grammar::topic::check_pattern(text).unwrap_err();
    /// assert_eq!(
    ///     fault.point_at(text),
    ///     "a wildcard must be a whole token\n  \"reports.da*ly.x\"\n           ^^^^^\n  \
    ///      use `*` for exactly one token, or `>` as the last token for one or more",
    /// );
    /// ```
    pub fn point_at(&self, text: &str) -> String {
        let before = text.get(..self.at).unwrap_or(text);
        let faulty = text.get(self.at..self.at + self.len).unwrap_or("");
        let shown = |s: &str| s.escape_debug().count();
        let text = text.escape_debug();
        let example = match self.kind {
            FaultKind::NoLeadingSlash => format!(": `\"/{text}\"`"),
            _ => String::new(),
        };
        format!(
            "{rule}\n  \"{text}\"\n   {pad}{carets}\n  {form}{example}",
            rule = self.rule,
            pad = " ".repeat(shown(before)),
            carets = "^".repeat(shown(faulty).max(1)),
            form = self.form,
        )
    }
}

/// How many characters a text has.
const fn width(text: &str) -> usize {
    let mut width = 0;
    let mut at = 0;
    while at < text.len() {
        if text.is_char_boundary(at) {
            width += 1;
        }
        at += 1;
    }
    width
}

/// One line: the rule, the position, the right form.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {}): {}", self.rule, self.at, self.form)
    }
}

impl std::error::Error for Fault {}
