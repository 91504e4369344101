//! A program that is built with `panic = "abort"`: it says at start that a panic ends it, and everything else works.

#![cfg(target_os = "linux")]

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::LazyLock;

const WARNING: &str = "a panic in a handler ends the program";

const SIGABRT: i32 = 6;

/// The program `roles`, built with the profile `abort`. cargo builds all its crates for it.
static ABORTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let roles = Path::new(env!("CARGO_BIN_EXE_roles"));
    let target = roles.ancestors().nth(2).expect("the target folder");
    eprintln!("building the program with `panic = \"abort\"` ..");
    let arguments =
        ["build", "--profile", "abort", "--package", "my-program", "--bin", "roles", "--target-dir"];
    let built = Command::new(env!("CARGO")).args(arguments).arg(target).status();
    assert!(built.expect("cargo runs").success(), "the program does not build");
    target.join("abort/roles")
});

/// Runs a program. Returns its status, its stdout, and how many times it warns.
fn run(program: &Path, arguments: &[&str]) -> (ExitStatus, String, usize) {
    let output = Command::new(program).args(arguments).output().expect("the program runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status, stdout.into_owned(), stderr.matches(WARNING).count())
}

#[test]
fn a_start_says_once_that_a_panic_ends_the_program() {
    let (status, stdout, warnings) = run(&ABORTS, &["run", "starts", "0"]);
    assert!(status.success(), "{status}");
    assert!(stdout.contains("started"), "{stdout}");
    assert_eq!(warnings, 1);
}

#[test]
fn a_panic_of_a_handler_ends_the_program_after_the_warning() {
    let (status, stdout, warnings) = run(&ABORTS, &["run", "panics", "0"]);
    assert_eq!(status.signal(), Some(SIGABRT), "{status}");
    assert!(!stdout.contains("handled"), "{stdout}");
    assert_eq!(warnings, 1);
}

#[test]
fn a_check_starts_nothing_and_warns_of_nothing() {
    let (status, _, warnings) = run(&ABORTS, &["--check", "starts", "0"]);
    assert!(status.success(), "{status}");
    assert_eq!(warnings, 0);
}

#[test]
fn a_program_that_unwinds_does_not_warn_and_its_panic_costs_one_attempt() {
    let (status, stdout, warnings) = run(Path::new(env!("CARGO_BIN_EXE_roles")), &["run", "panics", "0"]);
    assert!(status.success(), "{status}");
    assert!(stdout.contains("handled 2") && stdout.contains("1 completed, 1 dead-lettered"), "{stdout}");
    assert_eq!(warnings, 0);
}
