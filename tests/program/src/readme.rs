//! The program of the README and its test, verbatim. rustfmt does not format an included file.

include!("main.rs");
