//! An attribute that goes last where another one beside it may be ours under another name.
//!
//! The attributes of one fn are read together, by the first that expands, which knows the others by their names. One that
//! was imported under another name (`use triggers::on_event as on`) it cannot know. So it writes itself down again below
//! all others; those that are ours then expand before it, do the same or find it by its own name, and the last one reads
//! them all.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::{Attribute, Ident};

use crate::args::{Args, Kind};
use crate::errors::Errors;
use crate::model;
use crate::signature::{Function, Item};

/// Attributes and tools of the compiler's own, which are none of ours.
const KNOWN: &[&str] = &[
    "allow",
    "automatically_derived",
    "cfg",
    "clippy",
    "cold",
    "deny",
    "deprecated",
    "diagnostic",
    "doc",
    "expect",
    "forbid",
    "inline",
    "miri",
    "must_use",
    "no_mangle",
    "rust_analyzer",
    "rustc",
    "rustdoc",
    "rustfmt",
    "target_feature",
    "track_caller",
    "warn",
];

/// The same item with the attribute at its end, unless it may expand now.
pub(crate) fn step(kind: Kind, args: &TokenStream, item: &TokenStream) -> Option<TokenStream> {
    let item: Item = syn::parse2(item.clone()).ok()?;
    if has_stepped(args) || !item.attributes.iter().any(may_be_ours) {
        return None;
    }
    // What is wrong with the lists is told when they are read for good.
    let mut unheard = Errors::default();
    let own = Args::read(kind, Span::call_site(), args.clone(), &mut unheard);
    let known = item.attributes.iter().filter_map(|attribute| {
        Some(Args::read_attribute(Kind::of(attribute.path())?, attribute, &mut Errors::default()))
    });
    let lists: Vec<Args> = std::iter::once(own).chain(known).collect();
    let private = model::root(&lists, &mut unheard).private(Span::call_site());
    let name = Ident::new(kind.name(), Span::call_site());
    let (attributes, rest) = (&item.attributes, &item.rest);
    let lost =
        syn::parse2::<Function>(rest.clone()).ok().filter(|function| !function.is_method()).map(|function| {
            let ident = function.signature.ident;
            // Where another attribute throws ours away there is no handler, and this does not compile.
            quote!(const _: () = { let _ = #ident {}; };)
        });
    Some(quote!(#(#attributes)* #[#private::#name(@ #args)] #rest #lost))
}

/// Whether the list is of an attribute that was written down again: it begins with an `@`.
fn has_stepped(args: &TokenStream) -> bool {
    matches!(args.clone().into_iter().next(), Some(TokenTree::Punct(punct)) if punct.as_char() == '@')
}

fn may_be_ours(attribute: &Attribute) -> bool {
    let first = attribute.path().segments.first();
    Kind::of(attribute.path()).is_none()
        && first.is_some_and(|first| !KNOWN.iter().any(|known| first.ident == known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn steps(args: TokenStream, item: TokenStream, expected: Option<TokenStream>) {
        let output = step(Kind::Event, &args, &item).map(|output| output.to_string());
        assert_eq!(output, expected.map(|expected| expected.to_string()));
    }

    #[test]
    fn attribute_beside_its_own_kind_and_the_compilers_expands_at_once() {
        let item = quote!(
            #[process(retry = 3)] #[doc = "x"] #[rustfmt::skip] #[triggers::on_event("b")] async fn f() {}
        );
        steps(quote!("a"), item, None);
        steps(quote!("a"), quote!(not an item), None);
    }

    #[test]
    fn attribute_beside_an_unknown_one_goes_last_once() {
        steps(
            quote!("a", queue = 1),
            quote!(
                #[on("b")]
                #[process(retry = 3)]
                pub async fn f() {}
            ),
            Some(quote! {
                #[on("b")] #[process(retry = 3)] #[::triggers::__private::on_event(@ "a", queue = 1)] pub async fn f() {}
                const _: () = { let _ = f {}; };
            }),
        );
        steps(
            quote!(@ "a"),
            quote!(
                #[unknown]
                async fn f() {}
            ),
            None,
        );
    }

    #[test]
    fn attribute_finds_its_crate_wherever_that_is_named() {
        steps(
            quote!("a"),
            quote!(
                #[other]
                #[process(crate = my::triggers)]
                async fn f(&self) {}
            ),
            Some(quote! {
                #[other] #[process(crate = my::triggers)] #[my::triggers::__private::on_event(@ "a")] async fn f(&self) {}
            }),
        );
    }
}
