//! The reason why a text was refused: the position of the fault, the broken rule, and the right form.

use std::fmt;

use crate::const_string::ConstString;
use crate::network;

/// The broken rule in a form for programs. [`Fault::rule`] is the form for people.
///
/// ```
/// # use trigger_grammar::FaultKind;
/// # use trigger_grammar::size::parse_size;
/// assert_eq!(parse_size("8MB").unwrap_err().kind, FaultKind::BadUnit);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The whole text is empty.
    Empty,
    /// A token or path segment is empty: there is a leading, trailing or double separator.
    EmptyToken,
    /// `>` stands before the last token.
    RestNotLast,
    /// A wildcard shares its token with other characters.
    WildcardInToken,
    /// A wildcard stands where only a literal name is allowed.
    Wildcard,
    /// A character is outside the grammar.
    BadCharacter,
    /// The name is reserved by the framework or a broker.
    Reserved,
    /// The text has more bytes than the grammar allows.
    TooLong,
    /// The text has more tokens than the grammar allows.
    TooManyTokens,
    /// Two captures have the same name.
    DuplicateCapture,
    /// The path does not begin with `/`.
    NoLeadingSlash,
    /// A number is missing or out of range.
    BadNumber,
    /// A unit is missing, unknown, repeated or out of order.
    BadUnit,
    /// The range has no `..`, or ends before it begins.
    BadRange,
    /// The word is not one of those that the key takes.
    UnknownWord,
    /// The address of a network has bits after its prefix.
    HostBits,
}

/// One reason why a text was refused. It borrows only static text, because const evaluation makes it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The broken rule.
    pub kind: FaultKind,
    /// The byte offset where the fault begins.
    pub at: usize,
    /// The length of the faulty part in bytes; 0 if something is missing.
    pub len: usize,
    /// The broken rule in words.
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

    /// Panics with the text of [`point_at`](Self::point_at). In const evaluation this is a compile error.
    #[track_caller]
    pub const fn panic(&self, text: &str) -> ! {
        let (before, rest) = text.split_at(self.at);
        let (faulty, _) = rest.split_at(self.len);
        let carets = match width(faulty) {
            0 => 1,
            width => width,
        };
        let mut report = ConstString::new();
        report.push(self.rule).push("\n  \"").push(text).push("\"\n   ");
        report.repeat(" ", width(before)).repeat("^", carets).push("\n  ").push(self.form);
        if matches!(self.kind, FaultKind::NoLeadingSlash) {
            report.push(": `\"/").push(text).push("\"`");
        }
        report.panic()
    }

    /// Returns the rule, `text` with carets under the fault, and the right form.
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
        let escaped = text.escape_debug();
        let example = match self.kind {
            FaultKind::NoLeadingSlash => format!(": `\"/{escaped}\"`"),
            FaultKind::HostBits => {
                network::around(text).map_or(String::new(), |right| format!(": `{right}`"))
            }
            _ => String::new(),
        };
        format!(
            "{rule}\n  \"{escaped}\"\n   {pad}{carets}\n  {form}{example}",
            rule = self.rule,
            pad = " ".repeat(shown(before)),
            carets = "^".repeat(shown(faulty).max(1)),
            form = self.form,
        )
    }
}

/// Returns the length of the UTF-8 character that begins with `byte`.
pub(crate) const fn char_len(byte: u8) -> usize {
    match byte {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    }
}

/// Returns the number of characters of a text.
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

/// Shows the rule, the position and the right form in one line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {}): {}", self.rule, self.at, self.form)
    }
}

impl std::error::Error for Fault {}
