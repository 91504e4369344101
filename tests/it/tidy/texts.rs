//! Every text that a user may read, in one file: errors, log lines, answers and descriptions. A person reads a new text there
//! before it lands.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{root, rust_files};

const FILE: &str = "tests/texts.txt";

/// The folders whose texts users read.
const FOLDERS: &[&str] =
    &["trigger-grammar/src", "trigger-macros/src", "trigger-core/src", "extensions/webhook/src", "src"];

/// Adds the texts of string literals with more than one word. It leaves out tests, and attributes, which have the
/// documentation, except those with messages for the user.
fn collect(tokens: TokenStream, texts: &mut BTreeSet<String>) {
    let mut is_attribute = false;
    let mut is_test = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) if is_attribute => {
                let attribute = group.stream().to_string().replace(' ', "");
                is_test |= ["cfg(test", "cfg(all(test", "cfg(any(test"]
                    .iter()
                    .any(|test| attribute.starts_with(test));
                if ["diagnostic", "error("].iter().any(|shown| attribute.starts_with(shown)) {
                    collect(group.stream(), texts);
                }
                is_attribute = false;
            }
            // The body of a test, or its whole module.
            TokenTree::Group(group) if is_test => is_test = group.delimiter() != Delimiter::Brace,
            TokenTree::Group(group) => collect(group.stream(), texts),
            TokenTree::Punct(punct) => {
                is_attribute = punct.as_char() == '#' || (is_attribute && punct.as_char() == '!');
                is_test &= punct.as_char() != ';';
            }
            TokenTree::Literal(literal) => {
                let tokens = TokenStream::from(TokenTree::Literal(literal));
                let text = syn::parse2::<syn::LitStr>(tokens).map(|literal| literal.value());
                texts.extend(text.ok().filter(|text| text.trim().contains(' ')));
            }
            TokenTree::Ident(_) => {}
        }
    }
}

/// Returns the texts by file.
fn collected() -> String {
    let mut shown =
        "# Every text that a user may read. `TEXTS=overwrite cargo test --test it texts` writes it.\n"
            .to_owned();
    let files = FOLDERS.iter().flat_map(|folder| rust_files(folder));
    for (name, text) in files.filter(|(name, _)| !name.ends_with("/tests.rs")) {
        let tokens = text.parse::<TokenStream>().expect("the tokens of a file");
        let mut texts = BTreeSet::new();
        collect(tokens, &mut texts);
        if !texts.is_empty() {
            let _ = write!(shown, "\n{name}\n");
        }
        for text in texts {
            let _ = writeln!(
                shown,
                "  {}",
                text.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")
            );
        }
    }
    shown
}

#[test]
fn every_text_was_read_by_a_person() {
    let (path, now) = (root().join(FILE), collected());
    if std::env::var("TEXTS").is_ok_and(|asked| asked == "overwrite") {
        return fs::write(path, now).expect("the file is written");
    }
    let accepted = fs::read_to_string(path).unwrap_or_default();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let new: Vec<_> = lines(&now).difference(&lines(&accepted)).cloned().collect();
    assert!(
        now == accepted,
        "these texts are new: {new:#?}\nRead them as their user does, and all others of `git diff {FILE}` after \
         `TEXTS=overwrite cargo test --test it texts`"
    );
}
