use super::super::hint::{closest, did_you_mean, listed, listed_or, tame};

#[test]
fn ordinary_names_are_listed_as_one_says_them() {
    assert_eq!(listed::<&str>(&[]), "");
    assert_eq!(listed(&["a"]), "`a`");
    assert_eq!(listed(&["a", "b"]), "`a` and `b`");
    assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` and `c`");
    assert_eq!(listed(&["größe", "key_terms", "v1.2-rc"]), "`größe`, `key_terms` and `v1.2-rc`");
    assert_eq!(listed_or::<&str>(&[], "none"), "none");
    assert_eq!(listed_or(&["a"], "none"), "`a`");
}

#[test]
fn of_many_names_some_are_shown_and_the_rest_is_counted() {
    let names = |count: usize| (0..count).map(|index| format!("k{index}")).collect::<Vec<_>>();
    assert!(listed(&names(20)).ends_with("`k18` and `k19`"));
    assert!(listed(&names(21)).ends_with("`k18`, `k19` and 1 more"));
    let all = listed(&names(100_000));
    assert!(all.ends_with("`k19` and 99,980 more"), "{all}");
    assert!(all.len() < 300);
    assert!(listed(&names(1_000_020)).ends_with("1,000,000 more"));
}

#[test]
fn what_is_no_short_plain_name_is_counted() {
    let long = "x".repeat(65);
    for odd in ["", "two words", "a`b", "a\nb", "a\u{202e}b", "a\u{200b}b", "a/b", "\u{1b}[31m", "😀", long.as_str()]
    {
        assert_eq!(listed(&[odd]), "1 name not shown", "{odd:?}");
        assert_eq!(listed(&[odd, odd]), "2 names not shown", "{odd:?}");
        assert_eq!(listed(&[odd, "a", odd]), "`a` and 2 more", "{odd:?}");
        assert_eq!(closest(odd, &[odd]), None, "{odd:?}");
        assert_eq!(closest("aab", &[odd]), None, "{odd:?}");
        assert_eq!(did_you_mean(&[odd], &["two_words", "a_b"]), None, "{odd:?}");
    }
    // 64 characters of any width.
    assert_eq!(listed(&["漢".repeat(64)]), format!("`{}`", "漢".repeat(64)));
    assert_eq!(listed(&["漢".repeat(65)]), "1 name not shown");
}

#[test]
fn the_nearest_name_is_meant_if_it_is_near() {
    let there = ["summary", "questions", "key_terms"];
    assert_eq!(closest("keyterms", &there), Some("key_terms"));
    assert_eq!(closest("Summary", &there), Some("summary"));
    assert_eq!(closest("weather", &there), None);
    assert_eq!(closest("key terms", &there), Some("key_terms"));
    assert_eq!(closest("ab", &["ac", "ab"]), Some("ab"));
    assert_eq!(closest("ab", &["ac"]), None);
    assert_eq!(closest("abd", &["abcd", "abe"]), Some("abcd"), "the first of those that are equally near");
}

#[test]
fn a_suggestion_looks_at_so_many_names_and_no_more() {
    let mut there: Vec<String> = (0..1_000).map(|index| format!("other_name_{index}")).collect();
    there.push("history".into());
    assert_eq!(closest("histroy", &there), None);
    there.swap(999, 1_000);
    assert_eq!(closest("histroy", &there), Some("history"));

    // However long and many they are.
    assert_eq!(closest(&"x".repeat(64), &["x".repeat(63)]), Some("x".repeat(63).as_str()));
    assert_eq!(closest(&"x".repeat(65), &["x".repeat(64)]), None);
    let megabytes = vec!["y".repeat(1 << 20); 100];
    assert_eq!(closest(&"x".repeat(1 << 20), &megabytes), None);
    let missing: Vec<String> = (0..100_000).map(|index| format!("missing_number_{index}")).collect();
    let hint = did_you_mean(&missing, &missing[1..]).unwrap();
    assert_eq!(hint.matches(" for ").count(), 20);
}

#[test]
fn what_was_meant_is_said_of_each() {
    assert_eq!(
        did_you_mean(&["tpoic", "weather", "term"], &["topic", "terms"]).as_deref(),
        Some("did you mean `topic` for `tpoic`, `terms` for `term`?")
    );
    assert_eq!(did_you_mean(&["weather"], &["topic"]), None);
}

#[test]
fn the_distance_is_that_of_levenshtein() {
    fn plainly(a: &[char], b: &[char]) -> usize {
        let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
        for i in 1..=a.len() {
            let mut row = vec![i];
            for j in 1..=b.len() {
                let above: &Vec<usize> = &rows[i - 1];
                row.push((above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + usize::from(a[i - 1] != b[j - 1])));
            }
            rows.push(row);
        }
        rows[a.len()][b.len()]
    }
    proptest::proptest!(|(a in "[abc]{1,9}", b in "[abc]{1,9}")| {
        let [x, y] = [&a, &b].map(|name| name.chars().collect::<Vec<_>>());
        let length = x.len().max(y.len());
        let near = plainly(&x, &y) <= if length < 3 { 0 } else { length.div_ceil(3) };
        proptest::prop_assert_eq!(closest(&a, &[b.as_str()]).is_some(), near);
    });
}

#[test]
fn the_name_of_a_step_stays_on_its_line() {
    assert_eq!(tame("ChatModel openai:gpt-4o"), "ChatModel openai:gpt-4o");
    assert_eq!(tame("a\r\nb\u{202e}c\u{2028}d"), "a  b c d");
    assert_eq!(tame(&"x".repeat(200)), "x".repeat(200));
    assert_eq!(tame(&"é".repeat(201)), format!("{}…", "é".repeat(200)));
}
