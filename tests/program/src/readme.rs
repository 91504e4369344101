//! The program of the README and its test, to the letter: where rustfmt does not look.

include!("main.rs");
