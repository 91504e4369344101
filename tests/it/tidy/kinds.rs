//! Which files name a kind of source that the project has. A kind is one module, as a kind of another crate is.

use super::{code, rust_files, without_tests};

/// The modules of the kinds themselves, and the handles that publish to them.
const OWN: &[&str] = &[
    "trigger-core/src/declare/webhook.rs",
    "trigger-core/src/event/dead_letter.rs",
    "trigger-core/src/event/published.rs",
    "trigger-core/src/source/publish.rs",
    "trigger-core/src/source/dead_letter.rs",
    "trigger-core/src/source/event.rs",
    "trigger-core/src/source/message.rs",
    "trigger-core/src/source/polled.rs",
    "trigger-core/src/source/subscription.rs",
    "trigger-core/src/source/trigger/",
];

/// The lists of the kinds: their names, their tables, and the modules that export them.
const LISTS: &[&str] = &[
    // The names that a program matches on.
    "trigger-core/src/event/kind.rs",
    // The forms of their events, which a frame needs below the sources.
    "trigger-core/src/event/kinds.rs",
    // The sources.
    "trigger-core/src/registry/kinds.rs",
    // The attributes.
    "trigger-macros/src/lib.rs",
];

/// The names of the kinds in Rust.
const NAMES: &[&str] =
    &["EVENT", "MESSAGE", "WEBHOOK", "DEAD_LETTER", "EVENT_FORM", "MESSAGE_FORM", "WEBHOOK_FORM"];

#[test]
fn kind_is_named_in_its_module_and_in_the_lists_alone() {
    let kinds = ["Event", "Message", "Webhook", "DeadLetter"];
    let variants = kinds.map(|kind| format!("TriggerKind::{kind}"));
    let files = ["trigger-core/src", "trigger-macros/src"].into_iter().flat_map(rust_files);
    let naming = files.filter(|(name, text)| {
        if name.ends_with("/tests.rs") {
            return false;
        }
        let text = without_imports(&code(without_tests(text)));
        let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|word| NAMES.contains(&word)) || variants.iter().any(|name| text.contains(name.as_str()))
    });
    let mut naming: Vec<String> = naming.map(|(name, _)| name).collect();
    naming.sort();
    let known = |name: &&String| OWN.iter().chain(LISTS).any(|known| name.starts_with(known));
    let others: Vec<&String> = naming.iter().filter(|name| !known(name)).collect();
    assert!(others.is_empty(), "these files name a kind: {others:#?}");
}

/// Returns a text without its `use` declarations, which name what another module has.
fn without_imports(text: &str) -> String {
    let mut in_import = false;
    let kept = text.lines().filter(|line| {
        let begins =
            ["use ", "pub use ", "pub(crate) use "].iter().any(|word| line.trim_start().starts_with(word));
        let skipped = in_import || begins;
        in_import = skipped && !line.contains(';');
        !skipped
    });
    kept.collect::<Vec<_>>().join("\n")
}
