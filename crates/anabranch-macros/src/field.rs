//! [`StateField`]: what the derive needs to know of one field.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, Field, GenericArgument, Ident, PathArguments, Result, Token, Type};
use syn::{Visibility, parenthesized};

use crate::reducer::Reducer;

/// Lists that can be made of what is iterated.
const LISTS: [&str; 3] = ["Vec", "VecDeque", "LinkedList"];
/// A literal among them says nothing of its type, so the list has to.
const NUMBERS: [&str; 14] =
    ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64"];

pub(crate) struct StateField {
    pub(crate) ident: Ident,
    /// Without `r#`.
    pub(crate) name: String,
    pub(crate) visibility: Visibility,
    pub(crate) ty: Type,
    /// What holds for the function as it does for the field: docs, and whether it is deprecated.
    pub(crate) shared: Vec<Attribute>,
    /// Serde's attributes that say how the value is written and read.
    pub(crate) serde: Vec<TokenStream>,
    pub(crate) reducer: Option<Reducer>,
}

/// What the function of a field takes.
pub(crate) enum Takes<'a> {
    /// Whatever is `Into` this type.
    Into(&'a Type),
    /// Whatever can be iterated, with items `Into` this type.
    Items(&'a Type),
    /// Whatever can be iterated, with items of this type.
    Numbers(&'a Type),
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
            shared: Vec::new(),
            serde: Vec::new(),
            reducer: None,
        };
        for attribute in &field.attrs {
            if attribute.path().is_ident("doc") || attribute.path().is_ident("deprecated") {
                read.shared.push(attribute.clone());
            } else if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| read.serde_meta(&meta))?;
            } else if attribute.path().is_ident("reduce") {
                if read.reducer.is_some() {
                    return Err(Error::new_spanned(attribute, "a field has one reducer, and this is a second one"));
                }
                read.reducer = Some(attribute.parse_args()?);
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
        if is_text(&self.ty) {
            return Takes::Into(&self.ty);
        }
        let reducer = match &self.reducer {
            Some(Reducer::Known(known)) if known == "append" => "append",
            Some(Reducer::Known(known)) if known == "messages" => "messages",
            _ => return Takes::Own,
        };
        let lists = if reducer == "append" { &LISTS[..] } else { &LISTS[..1] };
        match lists.iter().find_map(|list| argument(&self.ty, list).flatten()) {
            Some(item) if NUMBERS.iter().any(|number| matches!(argument(item, number), Some(None))) => {
                Takes::Numbers(item)
            }
            Some(item) => Takes::Items(item),
            None => Takes::Own,
        }
    }

    /// The expression that reduces `value`, a reference, into the field of `self`.
    pub(crate) fn reduced(&self, krate: &syn::Path, reducer: &Reducer) -> TokenStream {
        let (ident, ty) = (&self.ident, &self.ty);
        // What a reducer asks of the type is reported at the type.
        let span = self.ty.span().resolved_at(Span::call_site());
        let krate = krate.to_token_stream().into_iter().map(|mut token| {
            token.set_span(span);
            token
        });
        match reducer {
            // Whether it is an `Option`, only the compiler knows: it may have another name.
            Reducer::Known(known) if known == "min" => {
                quote_spanned!(span=> #(#krate)*::__private::Least::<#ty>::new().reduce(&mut self.#ident, value))
            }
            Reducer::Known(known) => {
                let function = Ident::new(&known.to_string(), span);
                quote_spanned!(span=> #(#krate)*::reduce::#function(&mut self.#ident, value))
            }
            Reducer::With(path) => {
                quote_spanned!(span=> #(#krate)*::__private::with::<#ty>(#path, &mut self.#ident, value))
            }
        }
    }
}

/// Text, by any type that it can be made into.
fn is_text(ty: &Type) -> bool {
    let is_str = |ty: Option<&Type>| ty.is_some_and(|ty| matches!(argument(ty, "str"), Some(None)));
    matches!(argument(ty, "String"), Some(None))
        || ["Box", "Arc", "Cow"].iter().any(|name| is_str(argument(ty, name).flatten()))
}

/// Whether a write of it with `append` is of its elements.
pub(crate) fn is_list(ty: &Type) -> bool {
    LISTS.iter().any(|list| argument(ty, list).is_some())
}

/// If the type is a path that ends in this name: its one argument that is a type, if it has one.
fn argument<'a>(ty: &'a Type, name: &str) -> Option<Option<&'a Type>> {
    let ty = match ty {
        Type::Group(group) => return argument(&group.elem, name),
        Type::Paren(paren) => return argument(&paren.elem, name),
        other => other,
    };
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    if path.qself.is_some() || last.ident != name {
        return None;
    }
    match &last.arguments {
        PathArguments::None => Some(None),
        PathArguments::AngleBracketed(arguments) => {
            let mut others = arguments.args.iter().filter(|argument| !matches!(argument, GenericArgument::Lifetime(_)));
            match (others.next(), others.next()) {
                (Some(GenericArgument::Type(argument)), None) => Some(Some(argument)),
                _ => None,
            }
        }
        PathArguments::Parenthesized(_) => None,
    }
}
