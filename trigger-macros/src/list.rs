//! `handlers![..]`: the records of the handlers that it names.
//!
//! A handler `ship` has its record in a hidden static beside it, `__on_ship`. The macro rewrites the last name of each path
//! to that of the static.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Path};

use crate::args::each_in_list;
use crate::condition::Condition;
use crate::errors::Errors;

/// Returns the name of the static that has the record of a handler, with `span`.
///
/// The prefix is short because rustc compares whole names when it suggests one. In place of a missing `__handler_plain` it
/// would suggest any handler whose name has five letters.
pub(crate) fn record_name(handler: &Ident, span: Span) -> Ident {
    format_ident!("__on_{}", handler.unraw(), span = span)
}

/// One handler of a list.
struct Entry {
    condition: Condition,
    /// The path of the static. Its last name has the span of the handler's name.
    record: Path,
}

/// Returns the array of records. `input` is the path of the facade as one token, `$crate`, and then the list.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut input = input.into_iter();
    let root: Option<TokenTree> = input.next();
    let mut errors = Errors::default();
    let mut entries = Vec::new();
    let read = |list: ParseStream<'_>| {
        each_in_list(list, &mut errors, |list, errors| {
            entries.push(Entry::read(list, errors)?);
            Ok(())
        });
        Ok(())
    };
    // `each_in_list` consumes every token, so `parse2` has no error of its own to report.
    if let Err(error) = read.parse2(input.collect()) {
        errors.push(error);
    }
    let errors = errors.take().map(|error| error.to_compile_error());
    let check = errors.is_none().then(
        || quote!(const _: () = #root::__private::Claims::<{ #root::__private::count(&LISTED) }>::check(&LISTED);),
    );
    let conditions: Vec<&Condition> = entries.iter().map(|entry| &entry.condition).collect();
    let records = entries.iter().map(|entry| &entry.record);
    quote! {{
        #errors
        const LISTED: [&#root::HandlerRecord; <[()]>::len(&[#(#conditions ()),*])] =
            [#(#conditions &#records),*];
        #check
        LISTED
    }}
}

impl Entry {
    fn read(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Entry> {
        let attributes = input.call(Attribute::parse_outer)?;
        let is_condition =
            |attribute: &&Attribute| ["cfg", "cfg_attr"].iter().any(|cfg| attribute.path().is_ident(cfg));
        for attribute in attributes.iter().filter(|attribute| !is_condition(attribute)) {
            errors.at(attribute, "a handler in a list takes no attribute but `cfg`");
        }
        let wanted = |error: syn::Error| {
            syn::Error::new(
                error.span(),
                "`handlers!` lists handlers by path: `handlers![ship, billing::bill]`",
            )
        };
        let mut record = input.call(Path::parse_mod_style).map_err(wanted)?;
        if let Some(last) = record.segments.last_mut() {
            last.ident = record_name(&last.ident, last.ident.span());
        }
        Ok(Entry { condition: Condition::of(&attributes), record })
    }
}
