//! Rules of the repository that its files show.

use std::fs;
use std::path::{Path, PathBuf};

mod extensions;
mod imports;
mod kinds;
mod links;
mod map;
mod packages;
mod texts;
mod words;

/// Returns the root of the crate.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every Rust file below a folder, with its path from the root and its text.
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

/// Returns a text without its comments.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Returns a text without the tests at its end.
fn without_tests(text: &str) -> &str {
    ["#[cfg(test)]", "#[cfg(all(test"]
        .iter()
        .fold(text, |text, tests| text.split(tests).next().unwrap_or_default())
}

/// Asserts that no file of `trigger-core` contains one of the words, except files whose paths begin with one of
/// `allowed`.
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

/// The layers of `trigger-core`, the lowest first.
const LAYERS: &[&[&str]] = &[
    VALUES,
    &["dedupe", "clock", "log_limit", "panic", "secrets", "sync", "task"],
    &["observe"],
    &["queue"],
    &["process"],
    &["source"],
    &["registry"],
    &["runtime"],
    &["private", "linked"],
];

const VALUES: &[&str] = &["event", "declare", "store"];

#[test]
fn each_restricted_item_is_used_in_one_module() {
    only_in(
        &["tokio::spawn", ".spawn_blocking(", "TaskTracker", "JoinSet", "std::thread"],
        &["task.rs", "webhook/tasks.rs"],
    );
    only_in(
        &["SystemTime::now", "Instant::now", "Uuid::now_v7", "Uuid::new_v4"],
        &["clock.rs", "webhook/head_deadline.rs"],
    );
    only_in(&["hyper", "axum", "http::", "tokio::net"], &[]);
    only_in(&["linkme"], &["declare/kind.rs", "event/kinds.rs", "linked.rs", "registry.rs", "private.rs"]);
}

/// Where the sources of the standard library are installed, the compiler shows lines of them.
#[test]
fn expected_compiler_errors_show_no_source_of_std() {
    let folder = fs::read_dir(root().join("tests/ui/fail")).expect("a folder");
    for path in folder.map(|entry| entry.expect("an entry").path()) {
        let text = fs::read_to_string(&path).expect("a text file");
        assert!(!text.contains("$RUST"), "{} shows a file of std", path.display());
    }
}

#[test]
fn core_waits_on_the_clock_that_tests_can_pause() {
    for (name, text) in rust_files("trigger-core/src") {
        let of_std = code(&text).lines().any(|line| line.contains("std::time") && line.contains("Instant"));
        // This file detects whether tokio's clock is paused.
        let exempt = name == "trigger-core/src/clock.rs";
        assert!(exempt || !of_std, "{name} takes `Instant` from std, not from tokio");
    }
}

#[test]
fn queue_uses_only_locks_and_counters_that_loom_watches() {
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
fn values_use_no_tokio_and_no_io() {
    for (name, text) in rust_files("trigger-core/src") {
        let module = module_of(&name);
        if VALUES.contains(&module.as_str()) {
            for word in ["tokio", "std::io", "std::fs", "std::env", "tracing"] {
                assert!(!code(&text).contains(word), "{name} names `{word}`");
            }
        }
    }
}

/// Returns the top module of a file of `trigger-core`.
fn module_of(name: &str) -> String {
    let path = name.trim_start_matches("trigger-core/src/");
    path.split(['/', '.']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_module_is_in_a_layer_and_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map");
    for (name, _) in rust_files("trigger-core/src") {
        let module = module_of(&name);
        let known = LAYERS.concat().contains(&module.as_str()) || module == "lib";
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
fn every_file_begins_with_its_purpose_and_stays_short() {
    for folder in [
        "src",
        "trigger-core",
        "trigger-grammar",
        "trigger-macros",
        "extensions",
        "cli",
        "xtask",
        "examples",
        "tests/it",
    ] {
        for (name, text) in rust_files(folder) {
            let opens = text.starts_with("//!") || text.starts_with("#![doc");
            assert!(opens, "{name} does not open with what it is");
            let lines = without_tests(&text).lines().count();
            assert!(lines <= 400 || name.starts_with("tests/"), "{name} has {lines} lines: is it one thing?");
        }
    }
}

#[test]
fn no_test_is_ignored_and_no_test_sleeps() {
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

/// A loop that yields hangs if its condition stays false. `until` panics instead.
#[test]
fn no_test_yields_without_a_bound() {
    for (name, text) in rust_files("tests/it") {
        let text = code(&text);
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let waits = |pair: &&[&str]| pair[0].starts_with("while ") && pair[1].ends_with("yield_now().await;");
        let found = lines.windows(2).find(waits);
        assert!(found.is_none(), "{name} yields until something happens, without a bound: {found:?}");
    }
}

#[test]
fn every_wrong_declaration_has_its_expected_error() {
    let mut cases = 0;
    for entry in fs::read_dir(root().join("tests/ui/fail")).expect("the folder") {
        let path = entry.expect("an entry").path();
        let other = if path.extension().is_some_and(|extension| extension == "rs") { "stderr" } else { "rs" };
        assert!(path.with_extension(other).exists(), "{} has no .{other}", path.display());
        cases += 1;
    }
    assert!(cases > 20);
}

#[test]
fn every_valid_declaration_is_built() {
    let manifest = fs::read_to_string(root().join("tests/ui/Cargo.toml")).expect("a manifest");
    for (name, _) in rust_files("tests/ui/pass") {
        let path = name.trim_start_matches("tests/ui/");
        assert!(manifest.contains(&format!("path = \"{path}\"")), "tests/ui/Cargo.toml has no test {path}");
    }
}
