//! The `cfg` attributes that the compiler reads after a macro: on an argument of a fn, on an entry of a list.
//!
//! The compiler removes what an outer `cfg` excludes before it expands an attribute macro, but not the arguments of the
//! fn. So the condition of an argument goes wherever the output names that argument.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

/// When the compiler keeps the thing that these attributes stand on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition {
    /// The predicates, all of which have to hold.
    predicates: Vec<TokenStream>,
}

impl Condition {
    /// Returns the condition that `attributes` state. Ignores attributes other than `cfg` and `cfg_attr`.
    pub(crate) fn of(attributes: &[Attribute]) -> Condition {
        Condition {
            predicates: attributes.iter().filter_map(|attribute| predicate(&attribute.meta)).collect(),
        }
    }

    /// Returns `true` if the compiler always keeps the thing.
    pub(crate) fn is_always(&self) -> bool {
        self.predicates.is_empty()
    }

    /// Returns the attribute for what is kept in the opposite case.
    pub(crate) fn otherwise(&self) -> TokenStream {
        let predicates = &self.predicates;
        quote!(#[cfg(not(all(#(#predicates),*)))])
    }
}

/// One `cfg` attribute for each predicate.
impl ToTokens for Condition {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for predicate in &self.predicates {
            tokens.extend(quote!(#[cfg(#predicate)]));
        }
    }
}

/// Returns the predicate of one attribute: `x` of `cfg(x)`, `any(not(x), y)` of `cfg_attr(x, cfg(y))`.
fn predicate(meta: &Meta) -> Option<TokenStream> {
    let Meta::List(list) = meta else { return None };
    if list.path.is_ident("cfg") {
        return Some(list.tokens.clone());
    }
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let parts = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens.clone()).ok()?;
    let mut parts = parts.iter();
    let applies = parts.next()?;
    let inner: Vec<TokenStream> = parts.filter_map(predicate).collect();
    if inner.is_empty() { None } else { Some(quote!(any(not(#applies), all(#(#inner),*)))) }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[track_caller]
    fn comes_to(attributes: &[Attribute], expected: TokenStream) {
        assert_eq!(Condition::of(attributes).to_token_stream().to_string(), expected.to_string());
    }

    #[test]
    fn conditions_leave_out_what_is_no_cfg() {
        comes_to(
            &parse_attributes(quote!(#[cfg(unix)] #[allow(unused)] #[cfg(feature = "eu")])),
            quote!(#[cfg(unix)] #[cfg(feature = "eu")]),
        );
        comes_to(&[parse_quote!(#[cfg_attr(unix, allow(unused))])], quote!());
        comes_to(&[parse_quote!(#[cfg])], quote!());
        assert!(Condition::of(&[parse_quote!(#[cfg_attr(unix, doc = "x")])]).is_always());
    }

    #[test]
    fn conditional_cfg_is_a_condition_too() {
        comes_to(
            &[parse_quote!(#[cfg_attr(unix, allow(unused), cfg(a), cfg_attr(b, cfg(c)))])],
            quote!(#[cfg(any(not(unix), all(a, any(not(b), all(c)))))]),
        );
    }

    fn parse_attributes(tokens: TokenStream) -> Vec<Attribute> {
        Attribute::parse_outer.parse2(tokens).expect("attributes")
    }
}
