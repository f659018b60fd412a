//! Where this project differs from the suites, and why.
//!
//! Most is the first law: nothing is lost or invented silently.

/// Of two documents that both fit, the source takes the first and drops the other in silence.
const SEVERAL: &str = "two documents fit, and none is dropped in silence";
/// The source has settings that contradict each other; of those this project has one.
const SALVAGE: &str =
    "JSON in a text is taken for what it says only if it is valid; the case before this one wants that, too";
const NO_STRINGS: &str = "a setting that drops a text that is not complete; here it grows, and is told as such";
const LESS: &str = "a setting that refuses prefixes of some kinds; here every prefix gives what is there";
const WORD: &str = "a letter is no word: of `t`, `true` would be invented";

pub(crate) const TYPED: &[(&str, &str)] = &[
    ("baml-test_basics-test_multiple_top_level_1", SEVERAL),
    ("baml-test_basics-test_multiple_top_level_prefix_suffix_1", SEVERAL),
    ("baml-test_class-test_nested_class_with_prefix", SEVERAL),
    ("baml-test_basics-test_localization2", "the source fills a member that the answer lacks with null"),
    ("json_repair-schema_guided_parse-schema_salvage_repairs_malformed_double_serialized_object_string-364", SALVAGE),
    ("json_repair-schema_guided_parse-schema_salvage_repairs_malformed_double_serialized_array_string-370", SALVAGE),
    #[cfg(not(feature = "regex"))]
    (
        "json_repair-schema_guided_parse-schema_union_branch_keeps_root_defs_scope_during_repair-357",
        "patterns are looked at with the feature `regex` only",
    ),
];

pub(crate) const REPAIR: &[(&str, &str)] = &[
    ("json_repair-parse_string-parse_string-185", "`{}` among words says nothing, so it is not taken for the answer"),
    ("jiter-bigint", "an integer that `serde_json` would round is refused, unless it is built to keep it"),
];

pub(crate) const PARTIAL: &[(&str, &str)] = &[
    ("vercel-ai-fix-json-incomplete-true-1-e3b9", WORD),
    ("jiter-object-string-on", NO_STRINGS),
    ("jiter-title-on", NO_STRINGS),
    ("partial-json-2", LESS),
    ("partial-json-3", NO_STRINGS),
    ("partial-json-5", LESS),
    ("partial-json-6", LESS),
    ("partial-json-8", LESS),
    ("partial-json-11", LESS),
    ("partial-json-15", LESS),
    ("partial-json-16", LESS),
    ("partial-json-17", WORD),
    ("partial-json-19", WORD),
    ("partial-json-21", WORD),
    ("partial-json-26", "of a number at the end more digits may come"),
];
