//! What the derive writes stands in a program that has names and rules of its own.
#![forbid(unsafe_code)]
#![forbid(missing_docs)]
#![deny(warnings, unreachable_pub, missing_debug_implementations, missing_copy_implementations, deprecated)]
#![deny(non_snake_case, unused_qualifications, single_use_lifetimes, rust_2018_idioms, let_underscore_drop)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::absolute_paths)]

use anabranch_graph::{State, Update};

fn applied<S: State>(update: impl Update<S>) -> S {
    let (mut state, mut writes) = (S::default(), Vec::new());
    update.into_writes(&mut writes);
    for write in &writes {
        state.apply(write);
    }
    state
}

/// A module that has no prelude, and other things by the names that stand in it.
#[no_implicit_prelude]
#[allow(dead_code, missing_debug_implementations)]
#[allow(clippy::all, clippy::pedantic, clippy::nursery, clippy::absolute_paths)]
mod shadowed {
    use ::std::clone::Clone;
    use ::std::default::Default;
    use ::std::prelude::v1::derive;

    pub(crate) struct Vec;
    pub(crate) struct Some;
    pub(crate) struct None;
    pub(crate) struct Ok;
    pub(crate) struct Err;
    pub(crate) struct Option;
    pub(crate) struct Result;
    pub(crate) struct Box;
    pub(crate) trait Into {}
    pub(crate) trait IntoIterator {}
    pub(crate) trait Iterator {}
    pub(crate) struct Write;
    pub(crate) struct Field;
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod serde {}
    pub(crate) mod reduce {}
    #[allow(unused_macros)]
    macro_rules! vec {
        () => {};
    }

    #[derive(Clone, Default, ::serde::Serialize, ::serde::Deserialize, ::anabranch_graph::State)]
    #[state(crate = "::anabranch_graph")]
    pub(crate) struct Plan {
        pub(crate) text: ::std::string::String,
        #[reduce(append)]
        pub(crate) list: ::std::vec::Vec<::std::string::String>,
        #[reduce(add)]
        pub(crate) count: u8,
        #[reduce(min)]
        pub(crate) least: ::std::option::Option<u8>,
        #[reduce(with = u8::saturating_add)]
        pub(crate) own: u8,
    }
}

#[test]
fn no_name_of_the_program_is_taken_for_another() {
    use shadowed::Plan;
    let plan: Plan = applied((Plan::text("a"), Plan::list(["b"]), Plan::count(1), Plan::least(Some(3)), Plan::own(4)));
    assert_eq!(
        (plan.text.as_str(), plan.list, plan.count, plan.least, plan.own),
        ("a", vec!["b".into()], 1, Some(3), 4)
    );
}

/// What is allowed at the struct and at its fields.
mod allowed {
    use super::{State, applied};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
    #[state(crate = "anabranch_graph")]
    #[allow(non_snake_case)]
    struct Cases {
        name: u32,
        Name: u32,
        NAME: u32,
    }

    #[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
    #[state(crate = "anabranch_graph")]
    #[expect(non_snake_case, reason = "as the protocol has it")]
    struct AtField {
        maxTokens: u32,
        #[allow(clippy::type_complexity)]
        deep: Vec<Option<Result<Vec<(u8, Option<Result<u8, String>>)>, Vec<(String, Option<Vec<(u8, u16)>>)>>>>,
    }

    #[test]
    fn names_that_differ_in_case() {
        let cases: Cases = applied((Cases::name(1), Cases::Name(2), Cases::NAME(3)));
        assert_eq!((cases.name, cases.Name, cases.NAME), (1, 2, 3));
        let at: AtField = applied((AtField::maxTokens(1), AtField::deep(Vec::new())));
        assert_eq!((at.maxTokens, at.deep.len()), (1, 0));
    }
}

/// Fields that are on their way out.
mod old {
    use super::{State, applied};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
    #[state(crate = "anabranch_graph")]
    struct Old {
        #[deprecated = "use `new`"]
        #[reduce(append)]
        old: Vec<u32>,
        new: u32,
    }

    #[test]
    fn a_field_that_is_deprecated() {
        assert_eq!(applied::<Old>(Old::new(1)).new, 1);
        #[expect(deprecated, reason = "the function is as deprecated as its field")]
        let write = Old::old([1, 2]);
        #[expect(deprecated, reason = "the field")]
        let old = applied::<Old>(write).old;
        assert_eq!(old, [1, 2]);
    }
}

/// Public, as in a library.
pub mod public {
    use serde::{Deserialize, Serialize};

    use super::State;

    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
    struct Hidden;

    /// A state.
    #[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, State)]
    #[state(crate = "anabranch_graph")]
    pub struct Public {
        /// Seen.
        pub seen: u32,
        hidden: Hidden,
        /// In this crate.
        pub(crate) inside: u32,
    }

    #[test]
    fn fields_that_are_seen_and_not() {
        let public: Public = super::applied((Public::seen(1), Public::hidden(Hidden), Public::inside(2)));
        assert_eq!((public.seen, public.hidden, public.inside), (1, Hidden, 2));
    }
}

/// Made by a macro, types and all.
mod by_macro {
    use super::{State, applied};
    use serde::{Deserialize, Serialize};

    macro_rules! state {
        ($(#[$attribute:meta])* $visibility:vis $name:ident { $($field:ident: $type:ty = $reducer:ident),* $(,)? }) => {
            $(#[$attribute])*
            #[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
            #[state(crate = "anabranch_graph")]
            $visibility struct $name {
                $(
                    /// Made.
                    #[reduce($reducer)]
                    $visibility $field: $type,
                )*
                value: String,
            }
        };
    }

    state!(Made { texts: Vec<String> = append, least: Option<u8> = min, text: String = max });

    #[test]
    fn a_state_that_a_macro_makes() {
        let update = (Made::texts(["a"]), Made::least(Some(1)), Made::least(None), Made::text("b"), Made::value("c"));
        let made: Made = applied(update);
        assert_eq!((made.texts, made.least), (vec!["a".to_string()], Some(1)));
        assert_eq!((made.text.as_str(), made.value.as_str()), ("b", "c"));
    }
}

/// The module has another name here, as with `ab = { package = "anabranch" }`.
mod elsewhere {
    use anabranch_graph as ab;
    use serde::{Deserialize, Serialize};

    use super::applied;

    mod door {
        pub(super) use anabranch_graph as graph;
    }

    #[derive(Debug, Clone, Default, Serialize, Deserialize, ab::State)]
    #[state(crate = "ab")]
    struct Renamed {
        #[reduce(min)]
        least: Option<u8>,
        #[reduce(with = u8::saturating_add)]
        sum: u8,
    }

    #[derive(Debug, Clone, Default, Serialize, Deserialize, ab::State)]
    #[state(crate = "self::door::graph")]
    struct Behind {
        #[reduce(append)]
        notes: Vec<String>,
    }

    #[test]
    fn the_module_may_have_any_path() {
        let renamed: Renamed = applied((Renamed::least(Some(1)), [Renamed::sum(200), Renamed::sum(100)]));
        assert_eq!((renamed.least, renamed.sum), (Some(1), 255));
        assert_eq!(applied::<Behind>(Behind::notes(["a"])).notes, ["a"]);
    }
}
