//! Imports between the files of `trigger-core` and of the extensions: the order of the layers, and cycles.
//!
//! An import is a path that begins with `crate` or `super`, in a `use` or elsewhere. A path that begins with the name
//! of a child module does not count: a module always depends on its children.

use std::collections::{BTreeMap, BTreeSet};

use super::{LAYERS, code, rust_files, without_tests};

/// A path from the root of the crate, without `crate`. The path of the root is empty.
type Path = Vec<String>;

#[test]
fn imports_follow_the_order_of_the_layers() {
    let layer = |path: &Path| {
        LAYERS.iter().position(|layer| path.first().is_some_and(|top| layer.contains(&top.as_str())))
    };
    for (file, text) in files("trigger-core/src/") {
        let own = module(&file);
        let tests = [own.clone(), vec!["tests".to_owned()]].concat();
        let program = without_tests(&text);
        // In the tests at the end of a file, `super` is the module of the file.
        let imports = [imports(&own, program), imports(&tests, &text[program.len()..])].concat();
        for import in imports {
            let upward = layer(&own).zip(layer(&import)).is_some_and(|(own, theirs)| own < theirs);
            assert!(!upward, "{file} imports `{}` from a layer above its own", import.join("::"));
        }
    }
}

#[test]
fn files_of_a_crate_import_each_other_in_no_cycle() {
    for folder in ["trigger-core/src/", "extensions/webhook/src/"] {
        let cycles = cycles(folder);
        assert!(cycles.is_empty(), "these imports in {folder} form a cycle: {cycles:#?}");
    }
}

/// Returns the imports that are part of a cycle, as pairs of files.
fn cycles(folder: &str) -> BTreeSet<(String, String)> {
    let files: BTreeMap<Path, (String, String)> =
        files(folder).into_iter().map(|(file, text)| (module(&file), (file, text))).collect();
    let edges: BTreeSet<(&Path, &Path)> = files
        .iter()
        .flat_map(|(from, (_, text))| {
            let imports = imports(from, without_tests(text)).into_iter();
            imports.map(move |import| (from, import))
        })
        .filter_map(|(from, import)| {
            // The file of the longest prefix that is a module.
            let to = (0..=import.len()).rev().find_map(|length| files.get_key_value(&import[..length]))?.0;
            (to != from).then_some((from, to))
        })
        .collect();
    let name = |path: &Path| files[path].0.clone();
    let cycles = edges.iter().filter(|(from, to)| reaches(&edges, to, from));
    cycles.map(|(from, to)| (name(from), name(to))).collect()
}

/// Returns `true` if imports lead from one file to the other.
fn reaches<'a>(edges: &BTreeSet<(&'a Path, &'a Path)>, from: &'a Path, to: &Path) -> bool {
    let (mut seen, mut next) = (BTreeSet::from([from]), vec![from]);
    while let Some(file) = next.pop() {
        next.extend(
            edges.iter().filter(|edge| edge.0 == file).map(|edge| edge.1).filter(|file| seen.insert(file)),
        );
    }
    seen.contains(to)
}

/// Returns the files of a crate, by their paths in its folder, with their texts.
fn files(folder: &str) -> Vec<(String, String)> {
    let inside = |name: String| name.trim_start_matches(folder).to_owned();
    rust_files(folder).into_iter().map(|(name, text)| (inside(name), text)).collect()
}

/// Returns the module of a file.
fn module(file: &str) -> Path {
    let path = file.trim_end_matches(".rs").split('/').map(str::to_owned);
    path.filter(|name| name != "lib").collect()
}

/// Returns the imports in a text of this module, one path for each leaf of a `use`.
fn imports(module: &Path, text: &str) -> Vec<Path> {
    let text = code(text);
    let tokens = tokens(&text);
    let mut paths = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let begins = matches!(*token, "crate" | "super") && tokens.get(at + 1) == Some(&"::");
        // `pub(in crate::registry)` is a visibility, not an import.
        if begins && (at == 0 || tokens[at - 1] != "in") {
            at += leaves(&tokens[at..], &[], &mut paths);
        } else {
            at += 1;
        }
    }
    paths.into_iter().map(|path| from_root(module, &path)).collect()
}

fn from_root(module: &Path, path: &[&str]) -> Path {
    let ups = path.iter().take_while(|name| **name == "super").count();
    let (base, names) = match path {
        ["crate", names @ ..] => (&[][..], names),
        _ => (&module[..module.len().saturating_sub(ups)], &path[ups..]),
    };
    base.iter().cloned().chain(names.iter().map(|name| (*name).to_owned())).collect()
}

/// Splits a text into words, `::`, and single other characters.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = match word {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            word => word,
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

/// Reads a path with its groups from the front of the tokens and adds every path from its root to a leaf. Returns the
/// number of tokens that it read.
fn leaves<'a>(tokens: &[&'a str], root: &[&'a str], paths: &mut Vec<Vec<&'a str>>) -> usize {
    let is_word = |token: &str| token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut path = root.to_vec();
    let mut at = 0;
    while let Some(token) = tokens.get(at).filter(|token| is_word(token)) {
        path.push(token);
        at += 1;
        if tokens.get(at) != Some(&"::") {
            paths.push(path);
            return at;
        }
        at += 1;
    }
    if tokens.get(at) != Some(&"{") {
        // `*`, or the `<` of an expression.
        paths.push(path);
        return at + usize::from(tokens.get(at) == Some(&"*"));
    }
    at += 1;
    while let Some(token) = tokens.get(at).filter(|token| **token != "}") {
        at += match *token {
            "," => 1,
            "as" => 2,
            _ => leaves(&tokens[at..], &path, paths).max(1),
        };
    }
    at + 1
}

#[test]
fn parser_finds_imports_in_every_form() {
    let module = ["queue", "inbox"].map(str::to_owned).to_vec();
    for (text, expected) in [
        ("use crate::event::TriggerEvent;", &["event::TriggerEvent"][..]),
        (
            "use crate::{key::Key, event::{Moment, letter::*}};",
            &["key::Key", "event::Moment", "event::letter"],
        ),
        ("use crate::{\n    self as own,\n    bus as the_bus,\n};", &["self", "bus"]),
        (
            "use super::{Queue, port::{self, Port as Other}};",
            &["queue::Queue", "queue::port::self", "queue::port::Port"],
        ),
        ("use super::super::clock;\nuse super::super::{task, sync::Lock};", &["clock", "task", "sync::Lock"]),
        ("use super::*;", &["queue"]),
        ("fn f() { crate::closure::read::<T>(super::super::super::x) }", &["closure::read", "x"]),
        ("pub(crate) fn f() {}\npub(super) fn g() {}\npub(in crate::registry) fn h() {}", &[]),
        ("// use crate::runtime::Runtime;", &[]),
        ("use std::super_crate::X; use my_crate::Y;", &[]),
    ] {
        let found: Vec<_> = imports(&module, text).iter().map(|path| path.join("::")).collect();
        assert_eq!(found, expected, "{text}");
    }
}
