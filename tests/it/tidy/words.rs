//! Phrases that no comment, document or text may contain. They hide the actor or have a shorter term.
//!
//! Words are compared, so a phrase counts across line breaks and comment markers, and in the name of a fn.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::root;

/// The banned phrases. An asterisk stands for up to three words.
const BANNED: &[&str] = &[
    "one who",
    "those who",
    "of whom",
    "whom it",
    "told of",
    "tell of",
    "tells of",
    "anew",
    "is none",
    "so many",
    "nobody who",
    "what is left of it",
    "has * told",
];

/// The number of words that an asterisk stands for at most.
const GAP: usize = 3;

#[test]
fn no_file_has_a_banned_phrase() {
    let mut phrases = BTreeMap::new();
    collect_below(root(), &mut phrases);
    assert!(phrases.len() > 100, "only {} files were found", phrases.len());
    phrases.retain(|_, phrases: &mut Vec<String>| !phrases.is_empty());
    assert!(phrases.is_empty(), "write these sentences in other words: {phrases:#?}");
}

/// Adds the phrases of every `.rs` and `.md` file below a folder, by the file's path from the root.
fn collect_below(folder: &Path, phrases: &mut BTreeMap<String, Vec<String>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root()).expect("below the root").display().to_string();
        // The list of the phrases contains each of them.
        if name.starts_with('.')
            || ["target", "tests/vectors", "tests/it/tidy/words.rs"].contains(&name.as_str())
        {
            continue;
        }
        if path.is_dir() {
            collect_below(&path, phrases);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            let text = fs::read_to_string(&path).expect("a text file");
            let text = if name == "CHANGELOG.md" { unreleased(&text) } else { &text };
            phrases.insert(name, banned(text));
        }
    }
}

/// Returns the change log without the released versions.
fn unreleased(text: &str) -> &str {
    let sections: Vec<_> = text.match_indices("\n## ").map(|(at, _)| at).collect();
    sections.get(1).map_or(text, |end| &text[..*end])
}

/// Returns the banned phrases of a text, in order.
fn banned(text: &str) -> Vec<String> {
    let words = words(text);
    let begins = |at: usize| BANNED.iter().map(move |phrase| (at, phrase));
    let all = (0..words.len()).flat_map(begins);
    all.filter(|(at, phrase)| matches(&words[*at..], phrase))
        .map(|(_, phrase)| (*phrase).to_owned())
        .collect()
}

/// Returns `true` if the words begin with the phrase.
fn matches(words: &[String], phrase: &str) -> bool {
    let mut words = words.iter();
    let mut phrase = phrase.split(' ');
    while let Some(expected) = phrase.next() {
        let found = match expected {
            "*" => {
                let last = phrase.next().expect("a word after the asterisk");
                words.by_ref().take(GAP + 1).any(|word| word == last)
            }
            expected => words.next().is_some_and(|word| word == expected),
        };
        if !found {
            return false;
        }
    }
    true
}

/// Returns the words of a text in lower case, without comment markers and punctuation. A name after `fn` is several words.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_name = false;
    for token in text.split_whitespace().filter(|token| !["//", "///", "//!", "\\"].contains(token)) {
        let word = token.to_lowercase();
        let word = word.trim_matches(|c: char| ".,:;!?()[]\"'\\".contains(c));
        if is_name {
            words.extend(word.split(['(', '<']).next().unwrap_or_default().split('_').map(str::to_owned));
        } else {
            words.push(word.to_owned());
        }
        is_name = token == "fn";
    }
    words
}

#[test]
fn banned_phrase_is_found_across_lines_and_in_the_name_of_a_fn() {
    for (text, expected) in [
        ("/// The one\n    /// who waits.", &["one who"][..]),
        ("text of \\\n         whom", &["of whom"]),
        ("Those who wait, anew.", &["those who", "anew"]),
        ("fn nothing_is_told_of_a_drop() {}", &["told of"]),
        ("It has to be told.", &["has * told"]),
        ("It has told.", &["has * told"]),
        ("It has what the publisher had told.", &[]),
        ("an option that is_none(), or is `None`", &[]),
        ("a tell-tale of someone", &[]),
    ] {
        assert_eq!(banned(text), expected, "{text}");
    }
}

#[test]
fn released_versions_of_the_change_log_do_not_count() {
    assert_eq!(
        unreleased("# Changelog\n\n## Unreleased\n\n- a\n\n## 1.0\n\n- b\n"),
        "# Changelog\n\n## Unreleased\n\n- a\n"
    );
    assert_eq!(unreleased("# Changelog\n\n## Unreleased\n"), "# Changelog\n\n## Unreleased\n");
}
