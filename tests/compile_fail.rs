//! The messages users read when two steps do not fit.

#[test]
fn messages() {
    trybuild::TestCases::new().compile_fail("compile_fail/*.rs");
}
