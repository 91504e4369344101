//! A program that names no crate with handlers, though it depends on one. A separate binary, as `linked.rs`.

#![allow(clippy::expect_used, reason = "a test ends where it fails")]

use triggers::{ClaimedKeys, Runtime, Setting, SourceKind, Text, TriggerConfig, source_kind};

source_kind! {
    static TICKER: SourceKind = SourceKind::new("ticker", "a tick");
}

source_kind! {
    static OTHER_TICKER: SourceKind = SourceKind::new("ticker", "a tick of another crate");
}

source_kind! {
    static METRONOME: SourceKind = SourceKind::new("metronome", "a beat").settings(
        &[Setting::number("beats", "how many beats a minute has"), Setting::size("queue_bytes", "a key of every trigger")],
        |settings| Err(settings.text("tempo").map(str::to_owned).expect_err("no such key")),
    );
}

source_kind! {
    static FOLDER: SourceKind = SourceKind::new("folder", "a file")
        .settings(&[Setting::text("folder", "path of the folder")], |settings| {
            Err(settings.text("path").map(str::to_owned).expect_err("no such key"))
        })
        .claims(ClaimedKeys::of_runtime(&["foldr"]));
}

#[test]
fn claim_of_a_key_that_is_no_setting_is_a_problem_of_the_start() {
    let error = Runtime::builder().check().expect_err("a key that no trigger has").to_string();
    assert!(error.contains("`folder` names the key `foldr` in its claims"), "{error}");
}

#[test]
fn setting_with_the_key_of_every_trigger_is_a_problem_of_the_start() {
    let error = Runtime::builder().check().expect_err("an ambiguous key").to_string();
    assert!(error.contains("`metronome` has a setting `queue_bytes`"), "{error}");
}

#[test]
fn two_linked_kinds_of_one_name_are_a_problem_of_the_start() {
    assert_eq!(TICKER.kind(), OTHER_TICKER.kind());
    let config = triggers::ProcessConfig::new().trigger(TriggerConfig::event("a"));
    let builder = Runtime::builder().process("p", config, |_: Text| async {});
    let error = builder.check().expect_err("two kinds of one name").to_string();
    assert!(error.contains("two kinds of sources have the name `ticker`"), "{error}");
}

#[tokio::test]
async fn empty_registry_is_a_start_error_that_says_what_to_do() {
    let error = Runtime::builder().linked().start().await.expect_err("no handler");
    assert_eq!(triggers::check(), Err(error.clone()), "the check of a test returns the same error");
    let said = error.to_string();
    for part in ["no handler is linked", "#[triggers::main(crates(", "use billing as _;", "handlers![..]"] {
        assert!(said.contains(part), "{part} in: {said}");
    }
}
