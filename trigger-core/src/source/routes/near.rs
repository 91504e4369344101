//! The pattern that is nearest to the name of a publication that no trigger takes. A log line shows it.
//!
//! The search visits a bounded number of subscriptions, first those on the way that the name takes through the maps. Among more
//! subscriptions it may miss the nearest one.

use std::cmp::Ordering;
use std::fmt;
use std::ops::ControlFlow;

use trigger_grammar::hint;
use trigger_grammar::topic::{first_token, tokens};

use super::{Node, Snapshot};
use crate::event::topic::is_any_token;

/// The number of exact names, and of nodes of the trie, that a search visits at most.
pub(crate) const VISITS: usize = 1000;

/// The longest word that is compared with another one, in bytes. The comparison takes quadratic time.
const WORD_BYTES: usize = 64;

/// The pattern that is nearest to a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Nearest<'a> {
    name: &'a str,
    pattern: &'a str,
    difference: Difference<'a>,
}

/// The one difference between a name and a pattern. The first variant is the nearer one.
#[derive(Debug, PartialEq, Eq)]
enum Difference<'a> {
    /// A token of the name, at this index, is nearly a token of the pattern.
    Token { at: usize, meant: &'a str, distance: usize },
    /// The numbers of tokens differ. Those that both have match.
    Count { has: usize, takes: usize, or_more: bool },
}

impl Difference<'_> {
    /// Returns the sort key: the smaller one is nearer.
    fn rank(&self) -> (bool, usize) {
        match *self {
            Difference::Token { distance, .. } => (false, distance),
            Difference::Count { has, takes, .. } => (true, has.abs_diff(takes)),
        }
    }
}

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Nearest { name, pattern, difference } = self;
        match *difference {
            Difference::Token { at, meant, .. } => {
                let near: Vec<_> = tokens(name)
                    .enumerate()
                    .map(|(place, token)| if place == at { meant } else { token })
                    .collect();
                let near = near.join(".");
                write!(f, "did you mean `{near}`")?;
                if near != *pattern {
                    write!(f, ", which `{pattern}` takes")?;
                }
                f.write_str("?")
            }
            Difference::Count { has, takes, or_more } => {
                let tokens = if has == 1 { "token" } else { "tokens" };
                write!(f, "`{name}` has {has} {tokens}; `{pattern}` takes {takes}")?;
                f.write_str(if or_more { " or more" } else { "" })
            }
        }
    }
}

impl Snapshot {
    /// Returns the pattern that is nearest to a name that none matches. Returns `None` if each one that it visits differs
    /// in more than the number of tokens or the spelling of one token.
    pub(crate) fn nearest<'a>(&'a self, name: &'a str) -> Option<Nearest<'a>> {
        let mut search = Search { name, best: None, visits: VISITS };
        let _ = self.0.exact.nearest_first(name, &mut |(topic, _)| {
            search.count_visit()?;
            search.compare(topic);
            ControlFlow::Continue(())
        });
        search.visits = VISITS;
        let _ = self.0.patterns.visit(Some(name), true, &mut search);
        search.best
    }
}

/// A search for the nearest pattern.
struct Search<'a> {
    name: &'a str,
    best: Option<Nearest<'a>>,
    /// The number of visits that are left.
    visits: usize,
}

impl<'a> Search<'a> {
    /// Counts a visit. Breaks at the bound.
    fn count_visit(&mut self) -> ControlFlow<()> {
        match self.visits.checked_sub(1) {
            Some(left) => self.visits = left,
            None => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// Keeps the pattern if it is nearer than the best one so far.
    fn compare(&mut self, pattern: &'a str) {
        let Some(difference) = difference(self.name, pattern) else { return };
        if self.best.as_ref().is_none_or(|best| difference.rank() < best.difference.rank()) {
            self.best = Some(Nearest { name: self.name, pattern, difference });
        }
    }
}

impl Node {
    /// Compares the patterns of this node and below it. `rest` is the rest of the name after the tokens of this node; `None`
    /// after its last token. `matches` is `true` if these tokens match those of the name, so that a later token may
    /// differ.
    fn visit<'a>(&'a self, rest: Option<&str>, matches: bool, search: &mut Search<'a>) -> ControlFlow<()> {
        search.count_visit()?;
        // Subscriptions of one node differ only in the names of their captures.
        for subscriptions in [&self.end, &self.rest] {
            if let Some(subscription) = subscriptions.first() {
                search.compare(subscription.sink.pattern());
            }
        }
        let (token, after) = rest.map_or(("", None), first_token);
        if let Some((_, child)) = self.tokens.get(token) {
            child.visit(after, matches, search)?;
        }
        if let Some(child) = &self.one {
            child.visit(after, matches, search)?;
        }
        if !matches {
            return ControlFlow::Continue(());
        }
        // After the end of the name every token is one more. Before it, this is the one token that may differ.
        let matches = rest.is_none();
        self.tokens.nearest_first(token, &mut |(other, child)| match other == token {
            true => ControlFlow::Continue(()),
            false => child.visit(after, matches, search),
        })
    }
}

/// Returns the one difference between a name and a pattern. Returns `None` if the pattern matches, or if they differ in more
/// than that.
fn difference<'a>(name: &str, pattern: &'a str) -> Option<Difference<'a>> {
    let mut differing = None;
    let or_more = pattern.ends_with('>');
    for (at, (token, wanted)) in tokens(name).zip(tokens(pattern)).enumerate() {
        if wanted == ">" || is_any_token(wanted) || wanted == token {
            continue;
        }
        if differing.replace((at, token, wanted)).is_some() {
            return None;
        }
    }
    let (has, takes) = (tokens(name).count(), tokens(pattern).count());
    let fits = match has.cmp(&takes) {
        Ordering::Less => false,
        Ordering::Equal => true,
        Ordering::Greater => or_more,
    };
    match differing {
        Some((at, token, meant)) if fits => {
            typo(token, meant).map(|distance| Difference::Token { at, meant, distance })
        }
        None if !fits => Some(Difference::Count { has, takes, or_more }),
        _ => None,
    }
}

/// Returns the edit distance between two words, if it is small enough for a typo and neither is long.
pub(crate) fn typo(word: &str, meant: &str) -> Option<usize> {
    if word.len().max(meant.len()) > WORD_BYTES {
        return None;
    }
    hint::typo(word, meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what the log says about a name and a pattern.
    fn shown(name: &str, pattern: &str) -> Option<String> {
        difference(name, pattern).map(|difference| Nearest { name, pattern, difference }.to_string())
    }

    #[test]
    fn one_difference_is_shown_and_no_more() {
        for (name, pattern, expected) in [
            ("a.b.c.failed", "a.{job}.*", Some("`a.b.c.failed` has 4 tokens; `a.{job}.*` takes 3")),
            ("reports", "reports.>", Some("`reports` has 1 token; `reports.>` takes 2 or more")),
            ("reports", "reports.{job}.*", Some("`reports` has 1 token; `reports.{job}.*` takes 3")),
            ("pipeline.eror", "pipeline.error", Some("did you mean `pipeline.error`?")),
            ("reprots.a.b.c", "reports.>", Some("did you mean `reports.a.b.c`, which `reports.>` takes?")),
            ("build.passed", "build.failed", None),
            ("biuld.fialed", "build.failed", None),
            ("biuld", "build.failed", None),
            ("reports.a.b", "reports.>", None),
        ] {
            assert_eq!(shown(name, pattern).as_deref(), expected, "{name} {pattern}");
        }
        let (long, other) = ("x".repeat(WORD_BYTES), "x".repeat(WORD_BYTES - 1));
        assert!(shown(&long, &other).is_some());
        assert_eq!(shown(&format!("{long}x"), &long), None, "the comparison of long tokens takes too long");
    }
}
