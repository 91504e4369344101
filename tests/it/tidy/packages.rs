//! A package is published with all that crates.io and docs.rs show of it, or it is not published.

use std::fs;
use std::path::Path;

use toml::Table;

use super::root;

/// The keys of `[package]` that a published manifest has.
const KEYS: [&str; 8] =
    ["categories", "description", "include", "keywords", "license", "readme", "rust-version", "version"];

#[test]
fn every_package_is_published_with_its_metadata_and_licences_or_not_at_all() {
    let workspace = manifest(root());
    let members = workspace["workspace"]["members"].as_array().expect("the members");
    let published = names_in_xtask();
    let mut count = 0;
    for member in members {
        let folder = root().join(member.as_str().expect("a folder"));
        let manifest = manifest(&folder);
        let package = &manifest["package"];
        let name = package["name"].as_str().expect("a name");
        let is_published = package.get("publish").and_then(toml::Value::as_bool) != Some(false);
        assert_eq!(
            is_published,
            published.iter().any(|published| published == name),
            "{name} has no `publish = false` and is not in PUBLISHED of xtask/src/release.rs, or has both"
        );
        if is_published {
            assert_complete(name, &folder, package);
            count += 1;
        }
    }
    assert_eq!(count, published.len());
}

fn assert_complete(name: &str, folder: &Path, package: &toml::Value) {
    for key in KEYS {
        assert!(package.get(key).is_some(), "{name} is published without `{key}`");
    }
    let docs = package.get("metadata").and_then(|metadata| metadata.get("docs")?.get("rs"));
    let all_features = docs.and_then(|docs| docs.get("all-features")?.as_bool());
    assert_eq!(all_features, Some(true), "docs.rs documents {name} without all features");
    for file in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let text = |folder: &Path| fs::read_to_string(folder.join(file)).unwrap_or_default();
        assert!(text(folder) == text(root()), "{name} has no {file}, or another one than the root");
    }
}

fn manifest(folder: &Path) -> Table {
    let text = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    text.parse().expect("a manifest is TOML")
}

/// Returns the names of the packages that `cargo xtask package` packages.
fn names_in_xtask() -> Vec<String> {
    let text = fs::read_to_string(root().join("xtask/src/release.rs")).expect("the file");
    let (_, names) = text.split_once("const PUBLISHED").expect("the list");
    let (names, _) = names.split_once("];").expect("its end");
    names.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
