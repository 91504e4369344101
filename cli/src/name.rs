//! The names that cargo accepts for the package of a program.

/// Names that a package of a program cannot have: the keywords of Rust, what cargo reserves in its target folder, the crates
/// of the standard library, and the dependencies of the program.
const TAKEN: &[&str] = &[
    "Self",
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "tokio",
    "tracing",
    "trait",
    "triggers",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Checks the name of a package.
///
/// # Errors
///
/// The fault of the name, and the nearest name without it.
pub(crate) fn check(name: &str) -> Result<(), String> {
    let fault = if TAKEN.contains(&name) {
        "is a word of Rust, cargo or a dependency"
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        "does not begin with a letter of A-Z or a-z"
    } else if !name.chars().all(is_allowed) {
        "has other characters than A-Z, a-z, 0-9, `-` and `_`"
    } else {
        return Ok(());
    };
    Err(format!("{name:?} is not a valid package name: it {fault}. `{}` is valid", nearest(name)))
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Returns a valid name that keeps the valid characters of `name`.
fn nearest(name: &str) -> String {
    let words: Vec<_> = name.split(|c| !is_allowed(c)).filter(|word| !word.is_empty()).collect();
    let name = words.join("-");
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    match name {
        "" => "my-program".to_owned(),
        name if TAKEN.contains(&name) => format!("my-{}", name.to_lowercase()),
        name => name.to_owned(),
    }
}
