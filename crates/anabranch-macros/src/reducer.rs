//! [`Reducer`]: what `#[reduce(…)]` says.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, ExprPath, Ident, Lit, Result, Token};

const REDUCERS: [&str; 6] = ["append", "add", "max", "min", "union", "messages"];

pub(crate) enum Reducer {
    Known(Ident),
    With(ExprPath),
}

impl Parse for Reducer {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let known = REDUCERS.map(|name| format!("`{name}`")).join(", ");
        let expected = format!("expected {known} or `with = path::to::function`");
        if input.is_empty() {
            return Err(input.error(expected));
        }
        if let Ok(literal) = input.fork().parse::<Lit>() {
            return Err(Error::new(literal.span(), format!("{expected}, without quotes")));
        }
        let name = input.call(Ident::parse_any)?;
        let reducer = if name == "with" {
            input.parse::<Token![=]>()?;
            let path = input.parse().map_err(|error| {
                Error::new(error.span(), "expected a path to a function `fn(T, T) -> T`, without quotes")
            })?;
            Self::With(path)
        } else if REDUCERS.iter().any(|known| name == known) {
            Self::Known(name)
        } else {
            return Err(Error::new(name.span(), format!("there is no reducer `{name}`: {expected}")));
        };
        input.parse::<Option<Token![,]>>()?;
        match input.is_empty() {
            true => Ok(reducer),
            false => Err(input.error("a field has one reducer")),
        }
    }
}

impl Reducer {
    /// As the fingerprint of a graph has it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Known(name) => name.to_string(),
            Self::With(path) => {
                let mut text = String::new();
                write(path.to_token_stream(), &mut text);
                text
            }
        }
    }
}

/// With spaces only where two words would be one without.
fn write(tokens: TokenStream, text: &mut String) {
    let is_of_word = |char: char| char.is_alphanumeric() || char == '_';
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            let delimiters = match group.delimiter() {
                Delimiter::Parenthesis => ["(", ")"],
                Delimiter::Brace => ["{", "}"],
                Delimiter::Bracket => ["[", "]"],
                Delimiter::None => ["", ""],
            };
            text.push_str(delimiters[0]);
            write(group.stream(), text);
            text.push_str(delimiters[1]);
            continue;
        }
        let token = token.to_string();
        if text.ends_with(is_of_word) && token.starts_with(is_of_word) {
            text.push(' ');
        }
        text.push_str(&token);
    }
}
