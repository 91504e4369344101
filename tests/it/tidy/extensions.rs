//! The extensions stand on the documented API of `trigger-core`, and a program without them does not build them.

use std::fs;
use std::process::Command;

use super::{code, root, rust_files};

/// The maximum number of crates of a program with the bus and the broker alone.
const CRATES: usize = 48;

#[test]
fn extensions_use_only_the_documented_api() {
    for (name, text) in rust_files("extensions") {
        let private = ["__private", "trigger_core::private"];
        let found = private.iter().find(|word| code(&text).contains(*word));
        assert!(found.is_none(), "{name} names {found:?}");
    }
}

#[test]
fn program_without_features_builds_no_server_and_few_crates() {
    let crates = crates(&["--no-default-features"]);
    for absent in ["hyper", "axum", "http", "mio", "socket2", "tracing-subscriber", "trigger-webhook"] {
        assert!(!crates.iter().any(|name| name == absent), "{absent} is in {crates:?}");
    }
    assert!(crates.len() <= CRATES, "{} crates: {crates:?}", crates.len());
    let with_webhook = self::crates(&["--no-default-features", "--features", "webhook"]);
    assert!(with_webhook.iter().any(|name| name == "hyper"), "{with_webhook:?}");
    assert!(!with_webhook.iter().any(|name| name == "tracing-subscriber"), "{with_webhook:?}");
}

#[test]
fn documents_say_how_many_crates_each_feature_builds() {
    for (row, features) in [
        ("| none |", &["--no-default-features"][..]),
        ("| `webhook` (default) |", &["--no-default-features", "--features", "webhook"]),
        ("| `tls` |", &["--no-default-features", "--features", "tls"]),
        ("| `main` (default) |", &["--no-default-features", "--features", "main"]),
    ] {
        let count = crates(features).len();
        for document in ["README.md", "docs/src/start.md"] {
            let text = fs::read_to_string(root().join(document)).expect("the document");
            let line = text.lines().find(|line| line.starts_with(row)).expect(row);
            assert!(line.ends_with(&format!("| {count} |")), "{document}, {count} crates: {line}");
        }
    }
}

/// Returns the names of the crates that a program builds on Linux, each version once.
fn crates(features: &[&str]) -> Vec<String> {
    let tree = ["tree", "--offline", "--package", "triggers", "--edges", "normal", "--prefix", "none"];
    let target = ["--target", "x86_64-unknown-linux-gnu"];
    let output = Command::new(env!("CARGO"))
        .args(tree)
        .args(target)
        .args(features)
        .current_dir(root())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let mut lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    lines.sort_unstable();
    lines.dedup();
    lines.into_iter().filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}
