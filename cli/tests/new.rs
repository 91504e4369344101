//! `triggers new`: the files that it writes, and what it refuses.

#![allow(clippy::expect_used, reason = "a test ends where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Returns an empty folder for one test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("a folder of an earlier run");
    }
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn new(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triggers"));
    command.current_dir(folder).arg("new").args(args).output().expect("the program `triggers`")
}

/// Asserts that the program wrote nothing to stdout, and returns its error.
#[track_caller]
fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the names of all entries of a folder.
fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn program_is_written_and_the_next_commands_are_shown() {
    let folder = folder("written");
    let output = new(&folder, &["programs/nightly"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("\n    cd programs/nightly && cargo run\n"), "{text}");
    assert!(text.contains("\n    curl -i http://127.0.0.1:9090/builds -d '{\"job\": \"nightly\","), "{text}");

    let program = folder.join("programs/nightly");
    assert_eq!(entries(&program), [".dockerignore", ".gitignore", "Cargo.toml", "Dockerfile", "src"]);
    let manifest = fs::read_to_string(program.join("Cargo.toml")).expect("a manifest");
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the clone");
    assert!(manifest.contains("name = \"nightly\"\n"), "{manifest}");
    assert!(manifest.contains(&format!("triggers = {{ path = {clone:?} }}\n")), "{manifest}");
    let dockerfile = fs::read_to_string(program.join("Dockerfile")).expect("a Dockerfile");
    assert!(dockerfile.contains("/program/target/release/nightly "), "{dockerfile}");
    for text in [manifest, dockerfile] {
        assert!(!text.contains("{{"), "a placeholder is left: {text}");
    }
}

#[test]
fn empty_folder_is_filled() {
    let folder = folder("empty");
    fs::create_dir(folder.join("nightly")).expect("a folder");
    let output = new(&folder, &["nightly"]);
    assert!(output.status.success(), "{output:?}");
    assert!(folder.join("nightly/src/main.rs").exists());
}

#[test]
fn folder_with_a_file_is_refused_and_stays_as_it_is() {
    let folder = folder("full");
    fs::create_dir_all(folder.join("nightly/src")).expect("a folder");
    fs::write(folder.join("nightly/src/main.rs"), "fn main() {}").expect("a file");
    let error = error(&new(&folder, &["nightly"]));
    assert!(error.contains("nightly has files"), "{error}");
    assert!(error.contains("Give a new or an empty folder"), "{error}");
    assert_eq!(entries(&folder.join("nightly")), ["src"]);
    let text = fs::read_to_string(folder.join("nightly/src/main.rs")).expect("the file");
    assert_eq!(text, "fn main() {}");
}

#[test]
fn file_in_place_of_the_folder_is_refused() {
    let folder = folder("file");
    fs::write(folder.join("nightly"), "notes").expect("a file");
    let error = error(&new(&folder, &["nightly"]));
    assert!(error.contains("nightly cannot be the folder of a program: "), "{error}");
    assert_eq!(fs::read_to_string(folder.join("nightly")).expect("the file"), "notes");
}

#[test]
fn invalid_name_is_refused_with_the_right_form() {
    let folder = folder("names");
    for (name, fault, valid) in [
        ("my program!", "has other characters than A-Z, a-z, 0-9, `-` and `_`", "`my-program`"),
        ("bücher", "has other characters", "`b-cher`"),
        ("2fast", "does not begin with a letter", "`fast`"),
        ("-", "does not begin with a letter", "`my-program`"),
        ("..", "does not begin with a letter", "`my-program`"),
        ("async", "is a word of Rust, cargo or a dependency", "`my-async`"),
        ("triggers", "is a word of Rust, cargo or a dependency", "`my-triggers`"),
        ("test", "is a word of Rust, cargo or a dependency", "`my-test`"),
    ] {
        let error = error(&new(&folder, &["--", name]));
        assert!(error.contains("is not a valid package name: it "), "{error}");
        assert!(error.contains(fault) && error.contains(&format!("{valid} is valid")), "{name}: {error}");
    }
    assert!(entries(&folder).is_empty());
}

#[test]
fn path_without_triggers_is_refused() {
    let folder = folder("path");
    let error = error(&new(&folder, &["nightly", "--path", "."]));
    assert!(error.contains(". is not the folder of `triggers`. Give the clone with `--path"), "{error}");
    assert!(entries(&folder).is_empty());
}

#[test]
fn path_of_triggers_may_be_relative() {
    let folder = folder("relative");
    let clone = folder.join("clone");
    fs::create_dir(&clone).expect("a folder");
    fs::write(clone.join("Cargo.toml"), "[package]\nname = \"triggers\"\n").expect("a manifest");
    let output = new(&folder, &["nightly", "--path", "clone"]);
    assert!(output.status.success(), "{output:?}");
    let manifest = fs::read_to_string(folder.join("nightly/Cargo.toml")).expect("a manifest");
    let clone = clone.canonicalize().expect("the clone");
    assert!(manifest.contains(&format!("triggers = {{ path = {clone:?} }}")), "{manifest}");
}
