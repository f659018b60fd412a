//! [`StateField`]: what the derive needs to know of one field.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprPath, Field, GenericArgument, Ident, PathArguments, Result, Token, Type};
use syn::{Visibility, parenthesized};

const REDUCERS: [&str; 6] = ["append", "add", "max", "min", "union", "messages"];

pub(crate) struct StateField {
    pub(crate) ident: Ident,
    /// Without `r#`.
    pub(crate) name: String,
    pub(crate) visibility: Visibility,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    /// Serde's attributes that say how the value is written and read.
    pub(crate) serde: Vec<TokenStream>,
    pub(crate) reducer: Option<Reducer>,
}

pub(crate) enum Reducer {
    Known(Ident),
    With(ExprPath),
}

/// What the function of a field takes.
pub(crate) enum Takes<'a> {
    /// Whatever is `Into` this type.
    Into(&'a Type),
    /// Whatever can be iterated, with items `Into` this type.
    Items(&'a Type),
    /// The field's type.
    Own,
}

impl StateField {
    pub(crate) fn read(field: &Field) -> Result<Self> {
        let ident = field.ident.clone().ok_or_else(|| Error::new_spanned(field, "a field needs a name"))?;
        let name = ident.unraw().to_string();
        if name == "default" {
            return Err(Error::new_spanned(
                &ident,
                "a field named `default` would hide `Default::default` of the state: name it otherwise; \
                 `#[serde(rename = \"default\")]` keeps the name in JSON",
            ));
        }
        let mut read = Self {
            ident,
            name,
            visibility: field.vis.clone(),
            ty: field.ty.clone(),
            docs: Vec::new(),
            serde: Vec::new(),
            reducer: None,
        };
        for attribute in &field.attrs {
            if attribute.path().is_ident("doc") {
                read.docs.push(attribute.clone());
            } else if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| read.serde_meta(&meta))?;
            } else if attribute.path().is_ident("reduce") {
                if read.reducer.is_some() {
                    return Err(Error::new_spanned(attribute, "a field has one reducer, and this is a second one"));
                }
                read.reducer = Some(attribute.parse_args_with(Reducer::parse)?);
            } else if attribute.path().is_ident("state") {
                return Err(Error::new_spanned(attribute, "`#[state(…)]` belongs on the struct"));
            }
        }
        Ok(read)
    }

    fn serde_meta(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let is = |name: &str| meta.path.is_ident(name);
        if is("skip") || is("skip_serializing") || is("skip_deserializing") {
            return Err(meta.error("a state is kept in the log of its run, where this field would be lost"));
        }
        if meta.input.peek(Token![=]) {
            let value: Expr = meta.value()?.parse()?;
            if is("with") || is("serialize_with") || is("deserialize_with") {
                let path = &meta.path;
                self.serde.push(quote!(#[serde(#path = #value)]));
            }
        } else if meta.input.peek(syn::token::Paren) {
            let content;
            parenthesized!(content in meta.input);
            content.parse::<TokenStream>()?;
        }
        Ok(())
    }

    pub(crate) fn takes(&self) -> Takes<'_> {
        if argument(&self.ty, "String").is_some_and(|argument| argument.is_none()) {
            return Takes::Into(&self.ty);
        }
        match (&self.reducer, argument(&self.ty, "Vec")) {
            (Some(Reducer::Known(known)), Some(Some(item))) if known == "append" || known == "messages" => {
                Takes::Items(item)
            }
            _ => Takes::Own,
        }
    }

    /// The expression that reduces `value`, a reference, into the field of `self`.
    pub(crate) fn reduced(&self, krate: &syn::Path, reducer: &Reducer) -> TokenStream {
        let ident = &self.ident;
        // What a reducer asks of the type is reported at the type.
        let span = self.ty.span().resolved_at(Span::call_site());
        match reducer {
            Reducer::Known(known) => {
                let optional = argument(&self.ty, "Option").is_some();
                let function = if known == "min" && optional { "min_option".to_string() } else { known.to_string() };
                let function = Ident::new(&function, span);
                let krate = krate.to_token_stream().into_iter().map(|mut token| {
                    token.set_span(span);
                    token
                });
                quote_spanned!(span=> #(#krate)*::reduce::#function(&mut self.#ident, value))
            }
            Reducer::With(path) => quote_spanned!(span=> {
                let current = ::core::mem::take(&mut self.#ident);
                let new = ::core::clone::Clone::clone(value);
                self.#ident = #path(current, new);
            }),
        }
    }
}

impl Reducer {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let known = REDUCERS.map(|name| format!("`{name}`")).join(", ");
        let expected = format!("expected {known} or `with = path::to::function`");
        if input.is_empty() {
            return Err(input.error(expected));
        }
        let name = input.call(Ident::parse_any)?;
        let reducer = if name == "with" {
            input.parse::<Token![=]>()?;
            Self::With(input.parse()?)
        } else if REDUCERS.iter().any(|known| name == known) {
            Self::Known(name)
        } else {
            return Err(Error::new(name.span(), format!("there is no reducer `{name}`: {expected}")));
        };
        match input.is_empty() {
            true => Ok(reducer),
            false => Err(input.error("a field has one reducer")),
        }
    }

    /// As the fingerprint of a graph has it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Known(name) => name.to_string(),
            Self::With(path) => path.to_token_stream().to_string().replace(' ', ""),
        }
    }
}

/// If the type is a path that ends in this name: its one argument, if it has one.
fn argument<'a>(ty: &'a Type, name: &str) -> Option<Option<&'a Type>> {
    let ty = match ty {
        Type::Group(group) => &*group.elem,
        other => other,
    };
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    if path.qself.is_some() || last.ident != name {
        return None;
    }
    match &last.arguments {
        PathArguments::None => Some(None),
        PathArguments::AngleBracketed(arguments) if arguments.args.len() == 1 => match &arguments.args[0] {
            GenericArgument::Type(argument) => Some(Some(argument)),
            _ => None,
        },
        _ => None,
    }
}
