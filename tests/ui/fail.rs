//! The errors of the compiler for invalid declarations.

use std::io::Write;

#[test]
fn invalid_declaration_has_the_expected_error() {
    // libtest captures what `eprintln!` writes, and shows it only if the test fails.
    let _ = writeln!(
        std::io::stderr(),
        "tests/ui/fail: checks `triggers` and its dependencies in target/tests/trybuild, because the errors of the \
         compiler are compared as cargo reports them for a crate of a user; then checks each case. The first run takes \
         about a minute"
    );
    let cases = trybuild::TestCases::new();
    cases.compile_fail("fail/*.rs");
}
