//! The output of the compiler for valid and invalid declarations.

#[test]
fn declaration_compiles_or_has_the_expected_error() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
