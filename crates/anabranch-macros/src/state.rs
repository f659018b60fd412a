//! The code that `#[derive(State)]` writes.

use proc_macro2::{Group, Ident, Literal, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Error, Fields, LitStr, Meta, Path, Result, parse_quote};

use crate::field::{StateField, Takes, is_list};
use crate::reducer::Reducer;

/// How many fields the set of an update has room for.
const MOST_FIELDS: usize = 128;

/// The code, or what is wrong. Where that is a reducer, there is code nevertheless: else the rest of the program would be
/// told, line by line, that it has no state.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    expand(input).unwrap_or_else(|error| {
        let wrong = error.into_compile_error();
        let rest = expand(&without_wrong_reducers(input)).unwrap_or_default();
        quote!(#wrong #rest)
    })
}

/// The same struct, of whose fields those that cannot be read have no reducer; but the writes of a list keep their form.
fn without_wrong_reducers(input: &DeriveInput) -> DeriveInput {
    let mut input = input.clone();
    if let Data::Struct(data) = &mut input.data {
        for field in data.fields.iter_mut().filter(|field| StateField::read(field).is_err()) {
            field.attrs.retain(|attribute| !attribute.path().is_ident("reduce"));
            if is_list(&field.ty) {
                field.attrs.push(parse_quote!(#[reduce(append)]));
            }
        }
    }
    input
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let krate = krate(input)?;
    let fields = fields(input)?;
    let state = &input.ident;

    let functions = fields.iter().enumerate().map(|(place, field)| function(&krate, place, field));
    let variants = fields.iter().enumerate().map(|(place, field)| variants(state, place, field));
    let descriptions = fields.iter().map(|field| {
        let name = &field.name;
        match field.reducer.as_ref().map(Reducer::name) {
            Some(reducer) => quote!(#krate::__private::field(#name, ::core::option::Option::Some(#reducer))),
            None => quote!(#krate::__private::field(#name, ::core::option::Option::None)),
        }
    });
    let applied = fields.iter().enumerate().map(|(place, field)| applied(&krate, place, field));
    let reduced = fields.iter().enumerate().filter(|(_, field)| field.reducer.is_some()).map(|(place, _)| {
        let (write, overwrite) = (write(place), overwrite(place));
        let place = Literal::usize_unsuffixed(place);
        quote! {
            #[automatically_derived]
            impl #krate::Reduced<#place> for #state {
                fn overwrite(write: Self::Write) -> Self::Write {
                    match write {
                        __AnabranchWrite::#write(value) => __AnabranchWrite::#overwrite(value),
                        other => other,
                    }
                }
            }
        }
    });
    let shown = fields.iter().enumerate().map(|(place, field)| {
        let (name, write) = (&field.name, write(place));
        let of_overwrite = field.reducer.is_some().then(|| {
            let overwrite = overwrite(place);
            quote!(__AnabranchWrite::#overwrite(_) => #krate::__private::show(f, #name, true),)
        });
        quote!(__AnabranchWrite::#write(_) => #krate::__private::show(f, #name, false), #of_overwrite)
    });
    let serde = quote!(#krate::__private::serde);
    let serde_path = serde.to_string().replace(' ', "");

    let allowed = allowed(input);
    let allowed = (!allowed.is_empty()).then(|| quote!(#[allow(#(#allowed),*)]));

    Ok(quote! {
        #allowed
        const _: () = {
            // A write of one field. In JSON an object with one key: the field, or the field and `.overwrite`, which no
            // field can be called.
            #[derive(::core::clone::Clone, #serde::Serialize, #serde::Deserialize)]
            #[serde(crate = #serde_path)]
            #[allow(dead_code, private_interfaces)]
            pub enum __AnabranchWrite {
                #(#variants)*
            }

            #[automatically_derived]
            impl ::core::fmt::Debug for __AnabranchWrite {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    match *self { #(#shown)* }
                }
            }

            // What fields are called is no matter of style of functions: `new`, or as the state itself.
            #[automatically_derived]
            #[allow(dead_code, clippy::all, clippy::pedantic)]
            impl #state {
                #(#functions)*
            }

            #[automatically_derived]
            impl #krate::State for #state {
                type Write = __AnabranchWrite;

                fn fields() -> ::std::vec::Vec<#krate::Field> {
                    ::std::vec![#(#descriptions),*]
                }

                fn apply(&mut self, write: &Self::Write) {
                    match *write { #(#applied)* }
                }
            }

            #(#reduced)*
        };
    })
}

/// Lints that are allowed at the struct or at one of its fields, and the one that the code of a deprecated struct breaks.
fn allowed(input: &DeriveInput) -> Vec<TokenStream> {
    let of_fields = match &input.data {
        Data::Struct(data) => data.fields.iter().flat_map(|field| &field.attrs).collect(),
        _ => Vec::new(),
    };
    let allowed = |attribute: &Attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("allow") || list.path.is_ident("expect") => {
            let lints = list.parse_args_with(syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated);
            lints
                .into_iter()
                .flatten()
                .filter(|lint| !matches!(lint, Meta::NameValue(_)))
                .map(|lint| quote!(#lint))
                .collect()
        }
        meta if meta.path().is_ident("deprecated") => vec![quote!(deprecated)],
        _ => Vec::new(),
    };
    input.attrs.iter().chain(of_fields).flat_map(allowed).collect()
}

/// Where the module is that the code speaks of.
fn krate(input: &DeriveInput) -> Result<Path> {
    let mut krate = None;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("state")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("expected `crate = \"…\"`"));
            }
            let path: LitStr = meta.value()?.parse()?;
            krate = Some(path.parse_with(Path::parse_mod_style)?);
            Ok(())
        })?;
    }
    Ok(krate.unwrap_or_else(|| syn::parse_quote!(::anabranch::graph)))
}

/// The fields, or everything that is wrong with them.
fn fields(input: &DeriveInput) -> Result<Vec<StateField>> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "a state is a struct with named fields: make this one of them"));
    };
    let Fields::Named(named) = &data.fields else {
        let text = "a state is a struct whose fields have names, which make its writes: `{ document: String }`";
        return Err(Error::new_spanned(&input.ident, text));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "a state has no generic parameters: derive it for a struct of concrete types",
        ));
    }
    if let Some(first) = named.named.iter().nth(MOST_FIELDS) {
        return Err(Error::new_spanned(
            first,
            format!("a state has at most {MOST_FIELDS} fields: put some of them into a struct that is one field"),
        ));
    }
    if let Some(attribute) = input.attrs.iter().find(|attribute| attribute.path().is_ident("reduce")) {
        return Err(Error::new_spanned(attribute, "`#[reduce(…)]` belongs on a field"));
    }
    let mut fields = Vec::with_capacity(named.named.len());
    let mut wrong: Option<Error> = None;
    for field in &named.named {
        match StateField::read(field) {
            Ok(field) => fields.push(field),
            Err(error) => match &mut wrong {
                Some(wrong) => wrong.combine(error),
                None => wrong = Some(error),
            },
        }
    }
    match wrong {
        Some(wrong) => Err(wrong),
        None => Ok(fields),
    }
}

fn write(place: usize) -> syn::Ident {
    format_ident!("Write{place}")
}

fn overwrite(place: usize) -> syn::Ident {
    format_ident!("Overwrite{place}")
}

fn variants(state: &Ident, place: usize, field: &StateField) -> TokenStream {
    let (serde, name) = (&field.serde, &field.name);
    // In an enum of its own `Self` would be that.
    let ty = without_self(field.ty.to_token_stream(), state);
    let variant = |ident: syn::Ident, name: &str| {
        quote! {
            #[serde(rename = #name)]
            #ident(#(#serde)* #ty),
        }
    };
    let mut tokens = variant(write(place), name);
    if field.reducer.is_some() {
        variant(overwrite(place), &format!("{name}.overwrite")).to_tokens(&mut tokens);
    }
    tokens
}

fn without_self(tokens: TokenStream, state: &Ident) -> TokenStream {
    let replaced = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(ident) if ident == "Self" => {
            let mut state = state.clone();
            state.set_span(ident.span());
            TokenTree::Ident(state)
        }
        TokenTree::Group(group) => {
            let mut replaced = Group::new(group.delimiter(), without_self(group.stream(), state));
            replaced.set_span(group.span());
            TokenTree::Group(replaced)
        }
        token => token,
    });
    replaced.collect()
}

/// The function of the field's name.
fn function(krate: &Path, place: usize, field: &StateField) -> TokenStream {
    let StateField { ident, name, visibility, ty, shared, .. } = field;
    let variant = write(place);
    let place = Literal::usize_unsuffixed(place);
    let doc = match field.reducer.as_ref().map(Reducer::name) {
        Some(reducer) => format!("A write of the field `{name}`, whose writes add up by `{reducer}`."),
        None => format!("A write of the field `{name}`."),
    };
    // Parameters with names, so that they can be said where nothing else says what is written: `draft::<String>`.
    let (parameter, takes, value) = match field.takes() {
        Takes::Into(text) => (
            quote!(<IntoText: ::core::convert::Into<#text>>),
            quote!(IntoText),
            quote!(::core::convert::Into::<#text>::into(value)),
        ),
        Takes::Items(item) => (
            quote!(<IntoItems: ::core::iter::IntoIterator<Item: ::core::convert::Into<#item>>>),
            quote!(IntoItems),
            quote! {
                ::core::iter::Iterator::collect(::core::iter::Iterator::map(
                    ::core::iter::IntoIterator::into_iter(value),
                    ::core::convert::Into::<#item>::into,
                ))
            },
        ),
        Takes::Numbers(item) => (
            quote!(<IntoItems: ::core::iter::IntoIterator<Item = #item>>),
            quote!(IntoItems),
            quote!(::core::iter::Iterator::collect(::core::iter::IntoIterator::into_iter(value))),
        ),
        Takes::Own => (quote!(), quote!(#ty), quote!(value)),
    };
    let separator = (!shared.is_empty()).then(|| quote!(#[doc = ""]));
    quote! {
        #[doc = #doc]
        #separator
        #(#shared)*
        #visibility fn #ident #parameter(value: #takes) -> #krate::Write<Self, #place> {
            #krate::__private::write(__AnabranchWrite::#variant(#value))
        }
    }
}

/// The arms that apply the field's writes.
fn applied(krate: &Path, place: usize, field: &StateField) -> TokenStream {
    let (ident, write) = (&field.ident, write(place));
    let set = quote!(::core::clone::Clone::clone_from(&mut self.#ident, value));
    match &field.reducer {
        None => quote!(__AnabranchWrite::#write(ref value) => #set,),
        Some(reducer) => {
            let overwrite = overwrite(place);
            let reduced = field.reduced(krate, reducer);
            quote! {
                __AnabranchWrite::#write(ref value) => #reduced,
                __AnabranchWrite::#overwrite(ref value) => #set,
            }
        }
    }
}
