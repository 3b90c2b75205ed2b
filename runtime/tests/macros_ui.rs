//! Pins the texts of macro errors: `tests/ui/*.rs` do not compile, and say why.

#[test]
fn errors_say_what_to_do() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
