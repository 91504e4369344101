//! The rules of the house that can be read off its files.

use std::fs;
use std::path::{Path, PathBuf};

mod imports;

/// The crate's root, where `cargo test` runs.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its path from the root and its text.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    assert!(!found.is_empty(), "no file in {folder}");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("below the root").display().to_string();
        (name, fs::read_to_string(&path).expect("a text file"))
    };
    found.into_iter().map(read).collect()
}

/// A file without its comments.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// A file without the tests at its end.
fn without_tests(text: &str) -> &str {
    ["#[cfg(test)]", "#[cfg(all(test"]
        .iter()
        .fold(text, |text, tests| text.split(tests).next().unwrap_or_default())
}

/// No file of `trigger-core` names one of the words, but those whose path begins as one of `allowed`.
fn only_in(words: &[&str], allowed: &[&str]) {
    for (name, text) in rust_files("trigger-core/src") {
        if allowed.iter().any(|allowed| name.starts_with(&format!("trigger-core/src/{allowed}"))) {
            continue;
        }
        for word in words {
            assert!(
                !code(without_tests(&text)).contains(word),
                "{name} names `{word}`, which belongs in {allowed:?}"
            );
        }
    }
}

const VALUES: &[&str] =
    &["event", "topic", "policy", "outcome", "error", "names", "closure", "key", "filter", "config"];
const ACTIVATION: &[&str] = &[
    "queue",
    "handler",
    "process",
    "dead_letter",
    "deadlock",
    "description",
    "status",
    "clock",
    "panic",
    "sync",
    "task",
];
const SOURCES: &[&str] = &["routes", "publish", "bus", "broker", "source", "trigger", "webhook"];
const RUNNING: &[&str] = &["registry", "runtime", "private"];

#[test]
fn each_monopoly_has_one_holder() {
    only_in(&["tokio::spawn", ".spawn_blocking(", "TaskTracker", "JoinSet", "std::thread"], &["task.rs"]);
    only_in(&["SystemTime::now", "Instant::now", "Uuid::now_v7", "Uuid::new_v4"], &["clock.rs"]);
    only_in(&["hyper::", "hyper_util::", "axum::"], &["webhook.rs", "webhook/"]);
    only_in(&["linkme"], &["registry.rs", "private.rs"]);
}

/// Where the sources of the standard library are installed, the compiler shows lines of them.
#[test]
fn expected_errors_are_the_same_with_and_without_the_sources_of_std() {
    let folder = fs::read_dir(root().join("tests/ui/fail")).expect("a folder");
    for path in folder.map(|entry| entry.expect("an entry").path()) {
        let text = fs::read_to_string(&path).expect("a text file");
        assert!(!text.contains("$RUST"), "{} shows a file of std", path.display());
    }
}

#[test]
fn waiting_is_on_the_clock_that_tests_can_pause() {
    for (name, text) in rust_files("trigger-core/src") {
        let of_std = code(&text).lines().any(|line| line.contains("std::time") && line.contains("Instant"));
        // It finds out whether tokio's clock is paused.
        let exempt = name == "trigger-core/src/clock.rs";
        assert!(exempt || !of_std, "{name} takes `Instant` from std, not from tokio");
    }
}

#[test]
fn the_queue_waits_and_counts_only_with_what_loom_watches() {
    let files = rust_files("trigger-core/src");
    for (name, text) in files.into_iter().filter(|(name, _)| module_of(name) == "queue") {
        let text = without_tests(&text);
        for line in code(text).replace("tokio::pin!", "").lines() {
            let unseen = ["tokio::", "std::thread", "atomic", "RwLock", "Condvar", "OnceLock"];
            let unseen = unseen.iter().find(|word| line.contains(*word));
            let lock = line.contains("std::") && line.contains("Mutex");
            assert!(unseen.is_none() && !lock, "{name} does not take it from `sync` or `clock`: {line}");
        }
    }
}

#[test]
fn values_know_no_tokio_and_no_io() {
    for (name, text) in rust_files("trigger-core/src") {
        let module = module_of(&name);
        if VALUES.contains(&module.as_str()) {
            for word in ["tokio", "std::io", "std::fs", "std::env", "tracing"] {
                assert!(!code(&text).contains(word), "{name} names `{word}`");
            }
        }
    }
}

/// The top module a file of `trigger-core` belongs to.
fn module_of(name: &str) -> String {
    let path = name.trim_start_matches("trigger-core/src/");
    path.split(['/', '.']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_module_is_in_a_layer_and_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map");
    for (name, _) in rust_files("trigger-core/src") {
        let module = module_of(&name);
        let known =
            [VALUES, ACTIVATION, SOURCES, RUNNING].concat().contains(&module.as_str()) || module == "lib";
        assert!(known, "{name} is in no layer");
        assert!(
            module == "lib" || map.contains(&format!("`{module}`")),
            "{module} is not in ARCHITECTURE.md"
        );
    }
}

#[test]
fn macros_and_core_do_not_depend_on_each_other() {
    let manifest = |of: &str| fs::read_to_string(root().join(of).join("Cargo.toml")).expect("a manifest");
    assert!(!manifest("trigger-macros").contains("trigger-core"));
    assert!(!manifest("trigger-core").contains("trigger-macros"));
    assert!(!manifest("trigger-grammar").contains("[dependencies]"));
}

#[test]
fn every_file_says_what_it_is_and_stays_readable() {
    for folder in
        ["src", "trigger-core", "trigger-grammar", "trigger-macros", "xtask", "examples", "tests/it"]
    {
        for (name, text) in rust_files(folder) {
            let opens = text.starts_with("//!") || text.starts_with("#![doc");
            assert!(opens, "{name} does not open with what it is");
            let lines = without_tests(&text).lines().count();
            assert!(lines <= 400 || name.starts_with("tests/"), "{name} has {lines} lines: is it one thing?");
        }
    }
}

#[test]
fn nothing_is_ignored_and_nothing_sleeps() {
    for (name, text) in rust_files("tests") {
        let ignored = ["#[ignore", "thread::sleep"];
        let found = ignored.iter().find(|word| code(&text).contains(*word));
        assert!(found.is_none() || name.ends_with("tidy.rs"), "{name}: {found:?}");
        // A test that waits on tokio's clock must have it paused.
        let paused = text.contains("start_paused = true") || text.contains("start_paused(true)");
        let sleeps = code(&text).contains("time::sleep(") && !paused;
        assert!(!sleeps, "{name} waits on a clock that is not paused");
    }
}

/// Such a loop hangs where the condition never comes true. `until` fails instead.
#[test]
fn no_test_yields_for_ever() {
    for (name, text) in rust_files("tests/it") {
        let text = code(&text);
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let waits = |pair: &&[&str]| pair[0].starts_with("while ") && pair[1].ends_with("yield_now().await;");
        let found = lines.windows(2).find(waits);
        assert!(found.is_none(), "{name} yields until something happens, without a bound: {found:?}");
    }
}

#[test]
fn every_wrong_declaration_has_its_expected_text() {
    let mut cases = 0;
    for entry in fs::read_dir(root().join("tests/ui/fail")).expect("the folder") {
        let path = entry.expect("an entry").path();
        let other = if path.extension().is_some_and(|extension| extension == "rs") { "stderr" } else { "rs" };
        assert!(path.with_extension(other).exists(), "{} has no .{other}", path.display());
        cases += 1;
    }
    assert!(cases > 20);
}
