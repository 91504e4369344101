//! Defers the expansion of an attribute while another attribute on the same fn may be ours under another name.
//!
//! The first attribute that expands reads all others of the fn, and recognizes them by their names. It cannot recognize
//! one that was imported under another name (`use triggers::on_event as on`). So it emits itself again below all others.
//! Those of ours then expand before it: they defer themselves too, or find it by its own name. The last one reads them all.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::Ident;

use crate::args::Args;
use crate::attribute::Attribute;
use crate::errors::Errors;
use crate::list::record_name;
use crate::model;
use crate::signature::{Function, Item};

/// Built-in attributes and tools. They are never ours.
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

/// Returns the item with the attribute as its last one, or `None` if the attribute can expand now.
pub(crate) fn defer(attribute: Attribute, args: &TokenStream, item: &TokenStream) -> Option<TokenStream> {
    let item: Item = syn::parse2(item.clone()).ok()?;
    if is_deferred(args) || !item.attributes.iter().any(may_be_ours) {
        return None;
    }
    // The errors in the lists are reported when the last attribute reads them.
    let mut ignored = Errors::default();
    let own = Args::read(attribute, Span::call_site(), args.clone(), &mut ignored);
    let known = item.attributes.iter().filter_map(|written| {
        Some(Args::read_attribute(Attribute::of(written.path())?, written, &mut Errors::default()))
    });
    let lists: Vec<Args> = std::iter::once(own).chain(known).collect();
    let private = model::root(&lists, &mut ignored).private(Span::call_site());
    let name = Ident::new(attribute.name(), Span::call_site());
    let (attributes, rest) = (&item.attributes, &item.rest);
    let lost =
        syn::parse2::<Function>(rest.clone()).ok().filter(|function| !function.is_method()).map(|function| {
            let ident = function.signature.ident;
            let record = record_name(&ident, ident.span());
            // Does not compile if another attribute drops ours, so that there is no handler.
            quote!(const _: () = { let _ = &#record; };)
        });
    Some(quote!(#(#attributes)* #[#private::#name(@ #args)] #rest #lost))
}

/// Returns `true` if the list is of an attribute that was deferred: it begins with an `@`.
fn is_deferred(args: &TokenStream) -> bool {
    matches!(args.clone().into_iter().next(), Some(TokenTree::Punct(punct)) if punct.as_char() == '@')
}

fn may_be_ours(attribute: &syn::Attribute) -> bool {
    let first = attribute.path().segments.first();
    Attribute::of(attribute.path()).is_none()
        && first.is_some_and(|first| !KNOWN.iter().any(|known| first.ident == known))
}

#[cfg(test)]
mod tests {
    use trigger_grammar::kind;

    use super::*;

    #[track_caller]
    fn defers(args: TokenStream, item: TokenStream, expected: Option<TokenStream>) {
        let output = defer(Attribute::Trigger(&kind::EVENT), &args, &item).map(|output| output.to_string());
        assert_eq!(output, expected.map(|expected| expected.to_string()));
    }

    #[test]
    fn attribute_beside_its_own_kind_and_the_compilers_expands_at_once() {
        let item = quote!(
            #[process(retry = 3)] #[doc = "x"] #[rustfmt::skip] #[triggers::on_event("b")] async fn f() {}
        );
        defers(quote!("a"), item, None);
        defers(quote!("a"), quote!(not an item), None);
    }

    #[test]
    fn attribute_beside_an_unknown_one_goes_last_once() {
        defers(
            quote!("a", queue = 1),
            quote!(
                #[on("b")]
                #[process(retry = 3)]
                pub async fn f() {}
            ),
            Some(quote! {
                #[on("b")] #[process(retry = 3)] #[::triggers::__private::on_event(@ "a", queue = 1)] pub async fn f() {}
                const _: () = { let _ = &__on_f; };
            }),
        );
        defers(
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
        defers(
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
