//! Suites that cross crates: each file beside this one is a test target.
