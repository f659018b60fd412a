//! The code that `#[derive(State)]` writes.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, LitStr, Path, Result};

use crate::field::{Reducer, StateField, Takes};

/// How many fields the set of an update has room for.
const MOST_FIELDS: usize = 128;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let krate = krate(input)?;
    let fields = fields(input)?;
    let state = &input.ident;

    let functions = fields.iter().enumerate().map(|(place, field)| function(&krate, place, field));
    let variants = fields.iter().enumerate().map(|(place, field)| variants(place, field));
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

    Ok(quote! {
        const _: () = {
            // A write of one field. In JSON an object with one key: the field, or the field and `.overwrite`, which no
            // field can be called.
            #[derive(::core::clone::Clone, #serde::Serialize, #serde::Deserialize)]
            #[serde(crate = #serde_path)]
            #[allow(dead_code, missing_docs, private_interfaces, unreachable_pub)]
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
            #[allow(dead_code, clippy::style, clippy::pedantic)]
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

fn variants(place: usize, field: &StateField) -> TokenStream {
    let (ty, serde, name) = (&field.ty, &field.serde, &field.name);
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

/// The function of the field's name.
fn function(krate: &Path, place: usize, field: &StateField) -> TokenStream {
    let StateField { ident, name, visibility, ty, docs, .. } = field;
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
        Takes::Own => (quote!(), quote!(#ty), quote!(value)),
    };
    let separator = (!docs.is_empty()).then(|| quote!(#[doc = ""]));
    quote! {
        #[doc = #doc]
        #separator
        #(#docs)*
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
