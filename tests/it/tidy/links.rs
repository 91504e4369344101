//! The links of the documents lead somewhere, and the guide has what it says it has.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::root;

/// The pages of the guide.
const GUIDE: &str = "docs/src";

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut count = 0;
    let mut broken = Vec::new();
    for document in documents() {
        let text = read(&document);
        for target in targets(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            count += 1;
            if !exists(&document, target) {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere: {broken:#?}");
    assert!(count > 50, "only {count} links were found");
}

#[test]
fn every_page_is_in_the_summary_and_its_programs_are_tests() {
    let summary = read(Path::new("docs/src/SUMMARY.md"));
    let listed: Vec<_> = targets(&summary).collect();
    let tests = read(Path::new("tests/docs/src/lib.rs"));
    for page in pages() {
        assert!(listed.contains(&&*page), "{page} is not in SUMMARY.md");
        assert!(tests.contains(&format!("{GUIDE}/{page}\")")), "{page} is not in tests/docs/src/lib.rs");
    }
    assert_eq!(listed.len(), pages().len(), "SUMMARY.md lists a page twice, or one that does not exist");
}

#[test]
fn deployment_page_shows_each_file_of_its_folder() {
    let page = read(Path::new("docs/src/deployment.md"));
    let mut count = 0;
    for entry in fs::read_dir(root().join("docs/deploy")).expect("the folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text file");
        assert!(page.contains(&format!("\n{text}```")), "the page does not show {}", path.display());
        count += 1;
    }
    assert!(count >= 4, "only {count} files");
}

/// Returns the documents with links, by their paths from the root.
fn documents() -> Vec<PathBuf> {
    let of_root = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(PathBuf::from);
    let of_guide = pages().into_iter().chain(["SUMMARY.md".to_owned()]);
    of_root.into_iter().chain(of_guide.map(|page| Path::new(GUIDE).join(page))).collect()
}

/// Returns the names of the pages of the guide.
fn pages() -> Vec<String> {
    let entries = fs::read_dir(root().join(GUIDE)).expect("the guide");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    let mut pages: Vec<_> = names.filter(|name| name.ends_with(".md") && name != "SUMMARY.md").collect();
    pages.sort();
    pages
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns `true` if the target of a link in this document exists: the file, and the heading after a `#`.
fn exists(document: &Path, target: &str) -> bool {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => document.to_owned(),
        file => document.parent().unwrap_or(Path::new("")).join(file),
    };
    root().join(&path).exists()
        && (heading.is_empty() || headings(&read(&path)).iter().any(|id| id == heading))
}

/// Returns the lines of a document outside of its code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Returns the targets of the links of a document. Code blocks have none.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| {
        let mut found = Vec::new();
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let (target, behind) = after.split_once(')').expect("the end of a link");
            found.push(target);
            rest = behind;
        }
        found
    })
}

/// Returns the ids that mdbook and GitHub give to the headings of a document.
fn headings(text: &str) -> Vec<String> {
    let mut seen = HashMap::<String, usize>::new();
    prose(text)
        .filter_map(|line| line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' '))
        .map(|title| {
            let lower = title.trim().to_lowercase();
            let kept = lower.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            let id: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
            let earlier = seen.entry(id.clone()).or_default();
            *earlier += 1;
            if *earlier > 1 { format!("{id}-{}", *earlier - 1) } else { id }
        })
        .collect()
}

#[test]
fn links_and_headings_are_those_outside_of_code() {
    let text = "# `Why` so? Yes\n\n[a](b.md#c) and [d](e)\n```text\n[no](no)\n# no\n```\n## Why so yes\n";
    assert_eq!(targets(text).collect::<Vec<_>>(), ["b.md#c", "e"]);
    assert_eq!(headings(text), ["why-so-yes", "why-so-yes-1"]);
}
