//! What the compiler says of a declaration, right or wrong.

#[test]
fn declarations_compile_or_say_what_is_wrong() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
