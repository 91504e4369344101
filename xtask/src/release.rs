//! What a release needs: packages that hold what they should, and dependencies with known licences and sources.

use std::process::Command;

use crate::{Outcome, cargo};

/// The published packages. `tests/it/tidy/packages.rs` compares them with the manifests.
const PUBLISHED: [&str; 5] =
    ["trigger-core", "trigger-grammar", "trigger-macros", "trigger-webhook", "triggers"];

/// The files that every package must have.
const REQUIRED: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// The other files outside `src` that a package may have. Cargo writes all but the last.
const ALLOWED: [&str; 5] =
    [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig", "build.rs"];

/// Packages what is in the folder, committed or not, because a developer runs the step before the commit.
pub(crate) fn package() -> Outcome {
    packaged(&["--allow-dirty", "--no-verify"])
}

/// Packages what is committed, and builds each package by itself, as `cargo publish` does.
pub(crate) fn verify_packages() -> Outcome {
    packaged(&[])
}

/// Checks the dependencies by `deny.toml`. Without `--workspace`, cargo-deny checks only those of `triggers`.
pub(crate) fn deny() -> Outcome {
    let version = Command::new(env!("CARGO")).args(["deny", "--version"]).output();
    if !version.is_ok_and(|output| output.status.success()) {
        return Err("cargo-deny is not installed; run `cargo install cargo-deny --locked`".to_owned());
    }
    cargo(&["deny", "--workspace", "check", "bans", "licenses", "sources"])
}

fn packaged(options: &[&str]) -> Outcome {
    let faults: Vec<String> = PUBLISHED
        .iter()
        .map(|package| Ok(faults(package, &list(package)?)))
        .collect::<Result<Vec<_>, String>>()?
        .concat();
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    let packages = PUBLISHED.iter().flat_map(|package| ["--package", package]);
    cargo(&["package"].into_iter().chain(packages).chain(options.iter().copied()).collect::<Vec<_>>())
}

/// Returns the paths of the files of a package, one on each line.
fn list(package: &str) -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--package", package])
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

/// Returns what is wrong with the list of the files of a package.
fn faults(package: &str, files: &str) -> Vec<String> {
    // Windows separates the parts of a path by a backslash.
    let is_source = |file: &str| file.starts_with("src/") || file.starts_with("src\\");
    let missing = REQUIRED.iter().filter(|required| !files.lines().any(|file| file == **required));
    let unwanted =
        files.lines().filter(|file| !is_source(file) && !REQUIRED.contains(file) && !ALLOWED.contains(file));
    let missing = missing.map(|file| format!("the package {package} has no {file}"));
    let unwanted = unwanted.map(|file| format!("the package {package} must not have {file}"));
    missing.chain(unwanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_of_sources_with_licences_and_a_readme_has_no_fault() {
        let files = "Cargo.toml\nLICENSE-APACHE\nLICENSE-MIT\nREADME.md\nbuild.rs\nsrc/lib.rs\nsrc/a/b.rs\n";
        assert_eq!(faults("p", files), [""; 0]);
    }

    #[test]
    fn package_without_a_licence_or_with_a_test_is_refused() {
        let files = "Cargo.toml\nLICENSE-APACHE\nREADME.md\nsrc/lib.rs\ntests/it/main.rs\n";
        let expected = ["the package p has no LICENSE-MIT", "the package p must not have tests/it/main.rs"];
        assert_eq!(faults("p", files), expected);
    }
}
