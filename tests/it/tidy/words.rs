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

/// Files that still contain banned phrases, with their number. The list may only shrink: lower a number with its file.
const KNOWN: &[(&str, usize)] = &[
    ("CHANGELOG.md", 1),
    ("tests/interleavings/src/models/capacity.rs", 8),
    ("tests/interleavings/src/models/retry.rs", 1),
    ("tests/interleavings/src/models/wake.rs", 2),
    ("tests/interleavings/src/sync.rs", 1),
    ("tests/interleavings/src/thread.rs", 1),
    ("tests/it/config.rs", 2),
    ("tests/it/dead_letters.rs", 6),
    ("tests/it/deadlock.rs", 4),
    ("tests/it/drain.rs", 4),
    ("tests/it/drains.rs", 1),
    ("tests/it/drains/loaded.rs", 2),
    ("tests/it/overflow.rs", 1),
    ("tests/webhook_allocations.rs", 2),
    ("trigger-core/src/broker.rs", 1),
    ("trigger-core/src/bus.rs", 1),
    ("trigger-core/src/queue/lanes.rs", 1),
    ("trigger-core/src/registry/clash/find.rs", 4),
    ("trigger-core/src/runtime/build.rs", 1),
    ("trigger-core/src/runtime/change.rs", 3),
    ("trigger-core/src/runtime/running.rs", 1),
    ("trigger-core/src/trigger.rs", 1),
    ("trigger-core/src/trigger/intake.rs", 2),
    ("trigger-core/src/webhook.rs", 1),
    ("trigger-core/src/webhook/respond.rs", 1),
];

#[test]
fn no_file_has_a_banned_phrase() {
    let mut counts = BTreeMap::new();
    count_below(root(), &mut counts);
    assert!(counts.len() > 100, "only {} files were found", counts.len());
    counts.retain(|_, phrases: &mut Vec<String>| !phrases.is_empty());
    let mut expected: BTreeMap<&str, usize> = KNOWN.iter().copied().collect();
    let mut problems = Vec::new();
    for (file, phrases) in &counts {
        let (known, found) = (expected.remove(file.as_str()).unwrap_or_default(), phrases.len());
        if found != known {
            problems.push(format!("{file} has {found} banned phrases, not {known}: {phrases:?}"));
        }
    }
    problems.extend(expected.keys().map(|file| format!("{file} has none, so remove it from `KNOWN`")));
    let table: String =
        counts.iter().map(|(file, phrases)| format!("    ({file:?}, {}),\n", phrases.len())).collect();
    assert!(problems.is_empty(), "{}\n\nthe list as it is now:\n{table}", problems.join("\n"));
}

/// Adds the phrases of every `.rs` and `.md` file below a folder, by the file's path from the root.
fn count_below(folder: &Path, counts: &mut BTreeMap<String, Vec<String>>) {
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
            count_below(&path, counts);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            let text = fs::read_to_string(&path).expect("a text file");
            counts
                .insert(name.clone(), banned(if name == "CHANGELOG.md" { unreleased(&text) } else { &text }));
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
