//! What the guide shows of the program of its first page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const START: &str = include_str!("../../../docs/src/start.md");

/// Runs the program with these arguments and variables.
fn ask(arguments: &[&str], variables: &[(String, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_my-program"));
    command.args(arguments).envs(variables.iter().cloned());
    command.output().expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("text")
}

#[test]
fn first_page_shows_this_program_and_its_description() {
    let (program, _) = include_str!("../src/main.rs").split_once("\n#[test]").expect("a program and a test");
    assert!(START.contains(&format!("```rust,no_run,standalone_crate\n{program}```")), "the program");
    let description = ask(&["--describe"], &[]);
    // Paths are from the root of the workspace.
    let description = text(&description.stdout).replace("tests/program/src/", "src/");
    let shown = format!("```console\n$ cargo run -- --describe\n{description}```");
    assert!(START.contains(&shown), "the page does not show:\n{shown}");
}

/// A variable with a wrong name would keep the program of the files from its start.
#[test]
fn variables_of_the_deployment_files_are_settings_of_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deploy");
    let files: Vec<PathBuf> =
        fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    let mut count = 0;
    for file in files {
        let variables = variables(&fs::read_to_string(&file).expect("a text file"));
        let said = ask(&["--check"], &variables);
        assert_eq!(said.status.code(), Some(0), "{}: {}", file.display(), text(&said.stderr));
        count += variables.len();
    }
    assert!(count >= 6, "only {count} variables were found");
}

/// Returns the settings of a unit or a Dockerfile (`NAME=VALUE`), and of a manifest (`name: NAME`, then `value: "VALUE"`).
fn variables(text: &str) -> Vec<(String, String)> {
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some(at) = line.find("TRIGGERS__") else { continue };
        let (name, value) = match line[at..].split_once('=') {
            Some(pair) => pair,
            None => (&line[at..], lines.next().and_then(|next| next.split('"').nth(1)).expect("a value")),
        };
        found.push((name.to_owned(), value.to_owned()));
    }
    found
}
