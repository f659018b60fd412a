//! What the derive refuses, and in which words; what it makes is tested in `anabranch-graph`.

use proc_macro2::TokenStream;
use syn::{Error, parse_quote};

use crate::reducer::Reducer;
use crate::state::{derive, expand};

/// The messages, one a line.
fn refused(input: TokenStream) -> String {
    let error = match expand(&syn::parse2(input).unwrap()) {
        Ok(code) => panic!("accepted: {code}"),
        Err(error) => error,
    };
    error.into_iter().map(|error: Error| error.to_string()).collect::<Vec<_>>().join("\n")
}

macro_rules! refuses {
    ($($name:ident: { $($input:tt)* } $message:expr;)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(refused(quote::quote!($($input)*)), $message);
        })*
    };
}

refuses! {
    an_enum: { enum Analysis { Open } } "a state is a struct with named fields: make this one of them";
    a_tuple: { struct Analysis(String); }
        "a state is a struct whose fields have names, which make its writes: `{ document: String }`";
    a_unit: { struct Analysis; }
        "a state is a struct whose fields have names, which make its writes: `{ document: String }`";
    generics: { struct Analysis<T> { value: T } }
        "a state has no generic parameters: derive it for a struct of concrete types";
    lifetimes: { struct Analysis<'a> { value: &'a str } }
        "a state has no generic parameters: derive it for a struct of concrete types";
    an_unknown_reducer: { struct Analysis { #[reduce(apend)] notes: Vec<String> } }
        "there is no reducer `apend`: expected `append`, `add`, `max`, `min`, `union`, `messages` or \
         `with = path::to::function`";
    no_reducer: { struct Analysis { #[reduce()] notes: Vec<String> } }
        "unexpected end of input, expected `append`, `add`, `max`, `min`, `union`, `messages` or \
         `with = path::to::function`";
    two_reducers: { struct Analysis { #[reduce(append, add)] notes: Vec<String> } } "a field has one reducer";
    a_reducer_in_quotes: { struct Analysis { #[reduce("append")] notes: Vec<String> } }
        "expected `append`, `add`, `max`, `min`, `union`, `messages` or `with = path::to::function`, without quotes";
    a_path_in_quotes: { struct Analysis { #[reduce(with = "own::longest")] notes: String } }
        "expected a path to a function `fn(T, T) -> T`, without quotes";
    a_closure: { struct Analysis { #[reduce(with = |a, b| a + b)] notes: u32 } }
        "expected a path to a function `fn(T, T) -> T`, without quotes";
    nothing_said: { struct Analysis { #[reduce] notes: Vec<String> } }
        "expected attribute arguments in parentheses: #[reduce(...)]";
    said_otherwise: { struct Analysis { #[reduce = "append"] notes: Vec<String> } }
        "expected parentheses: #[reduce(...)]";
    more_than_a_reducer: { struct Analysis { #[reduce(append(3))] notes: Vec<String> } } "a field has one reducer";
    const_generics: { struct Analysis<const N: usize> { value: u32 } }
        "a state has no generic parameters: derive it for a struct of concrete types";
    a_union: { union Analysis { a: u32, b: u32 } } "a state is a struct with named fields: make this one of them";
    two_attributes: { struct Analysis { #[reduce(append)] #[reduce(add)] notes: Vec<String> } }
        "a field has one reducer, and this is a second one";
    a_reducer_of_the_struct: { #[reduce(append)] struct Analysis { notes: Vec<String> } }
        "`#[reduce(…)]` belongs on a field";
    an_option_of_a_field: { struct Analysis { #[state(crate = "x")] notes: Vec<String> } }
        "`#[state(…)]` belongs on the struct";
    an_unknown_option: { #[state(krate = "x")] struct Analysis { notes: Vec<String> } } "expected `crate = \"…\"`";
    a_field_that_the_log_would_lose: { struct Analysis { #[serde(default, skip)] notes: Vec<String> } }
        "a state is kept in the log of its run, where this field would be lost";
    a_field_that_hides_default: { struct Analysis { default: String } }
        "a field named `default` would hide `Default::default` of the state: name it otherwise; \
         `#[serde(rename = \"default\")]` keeps the name in JSON";
    all_that_is_wrong: { struct Analysis { default: String, #[reduce(sum)] count: u32 } }
        "a field named `default` would hide `Default::default` of the state: name it otherwise; \
         `#[serde(rename = \"default\")]` keeps the name in JSON\n\
         there is no reducer `sum`: expected `append`, `add`, `max`, `min`, `union`, `messages` or \
         `with = path::to::function`";
}

#[test]
fn a_reducer_by_its_name() {
    let name = |reducer: TokenStream| syn::parse2::<Reducer>(reducer).unwrap().name();
    assert_eq!(name(quote::quote!(append,)), "append");
    assert_eq!(name(quote::quote!(with = own::longest)), "own::longest");
    assert_eq!(name(quote::quote!(with = Merge::<u32, [u8; 2]>::merge)), "Merge::<u32,[u8;2]>::merge");
    assert_eq!(name(quote::quote!(with = <u32 as Merge<&'static str>>::merge)), "<u32 as Merge<&'static str>>::merge");
    assert_eq!(name(quote::quote!(with = r#type::max)), "r#type::max");
}

/// What a function of such a field takes.
fn takes(ty: syn::Type, reduce: TokenStream) -> String {
    let code = expand(&parse_quote!(struct A { #[reduce(#reduce)] b: #ty })).unwrap().to_string().replace(' ', "");
    let from = code.find("fnb").unwrap() + 3;
    code[from..from + code[from..].find("->").unwrap()].to_string()
}

#[test]
fn what_a_function_takes() {
    let text = |ty| {
        let text = takes(ty, quote::quote!(max));
        text.starts_with("<IntoText:::core::convert::Into<") && text.ends_with("(value:IntoText)")
    };
    for is_text in [
        parse_quote!(String),
        parse_quote!(::std::string::String),
        parse_quote!((String)),
        parse_quote!(Arc<str>),
        parse_quote!(Cow<'static, str>),
        parse_quote!(Box<str>),
    ] {
        assert!(text(is_text));
    }
    for is_none in
        [parse_quote!(String<u8>), parse_quote!(Option<String>), parse_quote!(Box<String>), parse_quote!(str)]
    {
        assert!(!text(is_none));
    }
    let of = |ty, reduce| takes(ty, reduce);
    let items = "<IntoItems:::core::iter::IntoIterator<Item";
    assert_eq!(
        of(parse_quote!(Vec<T>), quote::quote!(append)),
        format!("{items}:::core::convert::Into<T>>>(value:IntoItems)")
    );
    assert_eq!(
        of(parse_quote!(std::collections::VecDeque<u8>), quote::quote!(append)),
        format!("{items}=u8>>(value:IntoItems)")
    );
    assert_eq!(of(parse_quote!(VecDeque<T>), quote::quote!(messages)), "(value:VecDeque<T>)");
    assert_eq!(of(parse_quote!(Vec<T, A>), quote::quote!(append)), "(value:Vec<T,A>)");
    assert_eq!(of(parse_quote!(Vec<T>), quote::quote!(max)), "(value:Vec<T>)");
}

#[test]
fn as_many_fields_as_there_is_room_for() {
    let with = |count: usize| -> syn::DeriveInput {
        let fields = (0..count).map(|place| quote::format_ident!("field{place}"));
        parse_quote!(struct Large { #(#fields: u32),* })
    };
    assert!(expand(&with(128)).is_ok());
    let error = expand(&with(129)).unwrap_err().to_string();
    assert_eq!(error, "a state has at most 128 fields: put some of them into a struct that is one field");
}

#[test]
fn the_module_it_speaks_of() {
    let code = |input| expand(&input).unwrap().to_string().replace(' ', "");
    assert!(
        code(parse_quote!(
            struct A {
                b: u32,
            }
        ))
        .contains("impl::anabranch::graph::StateforA")
    );
    let own = code(parse_quote!(
        #[state(crate = "own::graph")]
        struct A {
            b: u32,
        }
    ));
    assert!(own.contains("implown::graph::StateforA") && !own.contains("anabranch::"), "{own}");
}

#[test]
fn a_wrong_reducer_leaves_a_state() {
    let code = |input| derive(&input).to_string().replace(' ', "");
    let left = code(parse_quote!(
        struct A {
            #[reduce(apend)]
            notes: Vec<String>,
            #[reduce(sum)]
            tokens: u64,
        }
    ));
    assert_eq!(left.matches("compile_error").count(), 2, "{left}");
    assert!(left.contains("impl::anabranch::graph::StateforA"), "{left}");
    // The writes of a list are of its elements, as they will be.
    assert!(left.contains("fnnotes<IntoItems") && left.contains("fntokens(value:u64)"), "{left}");

    let skipped = code(parse_quote!(
        struct A {
            #[serde(skip)]
            #[reduce(apend)]
            notes: Vec<String>,
        }
    ));
    assert!(skipped.contains("compile_error") && !skipped.contains("StateforA"), "{skipped}");
}
