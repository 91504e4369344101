//! The output of a declaration: the function as written, and one static record that names it.
//!
//! Generated code names items only through `::triggers::__private`, imported as `__p`, so that no name in the user's scope
//! changes its meaning. A type has the span of its argument, and the call has that of the function, so that the compiler's
//! errors show the user's code.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Path};
use trigger_grammar::kind::Kind;

use crate::condition::Condition;
use crate::fallback::Stub;
use crate::list::record_name;
use crate::model::{Declaration, Input, Origin, Setting, Trigger};
use crate::signature::{Function, Item};
use crate::value::Value;
use entry::entry;

mod entry;

/// The path of the crate `triggers`.
#[derive(Default)]
pub(crate) struct Root(Option<Path>);

impl Root {
    /// Returns the crate at the path that `crate = ..` gives.
    pub(crate) fn new(path: Path) -> Root {
        Root(Some(path))
    }

    /// Returns the path of the module for generated code, with `span`.
    pub(crate) fn private(&self, span: Span) -> TokenStream {
        let root = self.at(span);
        quote_spanned!(span=> #root::__private)
    }

    fn at(&self, span: Span) -> TokenStream {
        match &self.0 {
            None => quote_spanned!(span=> ::triggers),
            Some(path) => moved(path.to_token_stream(), span),
        }
    }
}

/// Returns the name of that module inside a declaration, with `span`.
pub(crate) fn private_path(span: Span) -> Ident {
    Ident::new("__p", span)
}

/// Returns the tokens with the location of `span`. They resolve as before, which matters for a `$crate`.
fn moved(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}

/// Returns the output of a declaration without mistakes.
///
/// ```text
/// // in:  #[on_message("reports.{region}", queue = 10)] async fn archive(region: String, report: Text) {}
/// // out: async fn archive(region: String, report: Text) {}
/// //      static __on_archive: HandlerRecord = ..;  // found at link time, or by `handlers![archive]`
/// ```
///
/// The static is the only item beside the fn, and no user writes a name that begins with `__on_`. So the fn may share
/// its own name with a module or a crate.
pub(crate) fn handler(declaration: &Declaration) -> TokenStream {
    let Declaration { item, function, root, collected, .. } = declaration;
    let private = root.private(Span::call_site());
    let allowed = item.attributes.iter().filter_map(allowed);
    let slot = quote! {
        #(#allowed)*
        #[#private::linkme::distributed_slice(#private::HANDLERS)]
        #[linkme(crate = #private::linkme)]
    };
    let hidden = hidden(function, root, collected, &slot, &record(declaration));
    let item = item.tokens();
    quote!(#item #hidden)
}

/// Returns the static of a declaration with mistakes, which is in no slice.
pub(crate) fn stub(stub: &Stub) -> TokenStream {
    let Stub { function, root, collected } = stub;
    let name = function.name();
    let record = quote! {
        __p::HandlerRecord {
            site: __p::Site::new(#name, ::core::module_path!()),
            process: __p::ProcessRecord::new(),
            triggers: &[],
            arguments: &[],
            call: || ::core::unreachable!(),
        }
    };
    hidden(function, root, collected, &TokenStream::new(), &record)
}

/// Returns the static that `handlers![..]` finds by the name of the handler.
///
/// Its name resolves as our own code, so rustc reports no lint about the name or about the visibility.
fn hidden(
    function: &Function,
    root: &Root,
    collected: &[Path],
    attributes: &TokenStream,
    record: &TokenStream,
) -> TokenStream {
    let private = root.private(Span::call_site());
    let visibility = &function.visibility;
    let name = record_name(&function.signature.ident, Span::call_site());
    let imported = collected.iter().map(imported);
    quote! {
        #[doc(hidden)]
        #attributes
        #visibility static #name: #private::HandlerRecord = {
            use #private as __p;
            // rustc never resolves a collected attribute, so the user's import of it would count as unused.
            #(use #imported as _;)*
            #record
        };
    }
}

/// Returns the attribute under which the record may use what the fn uses: the argument types, and the fn itself.
fn allowed(attribute: &Attribute) -> Option<TokenStream> {
    let path = attribute.path();
    if path.is_ident("deprecated") {
        return Some(quote!(#[allow(deprecated)]));
    }
    let lints = &attribute.meta.require_list().ok()?.tokens;
    // The fn itself fulfills an `expect`.
    (path.is_ident("allow") || path.is_ident("expect")).then(|| quote!(#[allow(#lints)]))
}

/// Returns the path of an attribute with our own span: with the user's, rustc would report our import of it as unused.
fn imported(path: &Path) -> TokenStream {
    let ours = |mut token: TokenTree| {
        // The span of a `$crate` says which crate it is.
        if token.to_string() != "$crate" {
            token.set_span(Span::call_site());
        }
        token
    };
    path.to_token_stream().into_iter().map(ours).collect()
}

fn record(declaration: &Declaration) -> TokenStream {
    let Declaration { function, triggers, process, inputs, .. } = declaration;
    let name = function.name();
    let process = configured("ProcessRecord", quote!(__p::ProcessRecord::new()), process);
    // The kind of the source of `#[on_source]` is known at the start, which checks it.
    let kinds: Vec<&Kind> = triggers.iter().filter_map(Trigger::kind).collect();
    let arguments = inputs.iter().map(|input| argument(input, &kinds));
    let triggers = triggers.iter().map(trigger);
    let call = call(function, inputs);
    quote! {
        __p::HandlerRecord {
            site: __p::Site::new(#name, ::core::module_path!()),
            process: #process,
            triggers: &[#(#triggers),*],
            arguments: &[#(#arguments),*],
            call: #call,
        }
    }
}

/// `argument::<Text>("report", &[&kinds::MESSAGE])`
fn argument(Input { name, condition, origin, ty }: &Input, kinds: &[&Kind]) -> TokenStream {
    let private = private_path(ty.span());
    let kinds = kinds.iter().map(|kind| constant(kind, ty.span()));
    let argument = match origin {
        Origin::Event => {
            quote_spanned!(ty.span()=> #private::argument::<#ty>(#name, &[#(&#private::kinds::#kinds),*]))
        }
        Origin::Capture => quote_spanned!(ty.span()=> #private::Argument::capture::<#ty>(#name)),
        Origin::CaptureOrNone => {
            quote_spanned!(ty.span()=> #private::Argument::capture::<::core::option::Option<#ty>>(#name))
        }
    };
    quote!(#condition #argument)
}

/// Returns the name of the constant that the runtime has for a kind, such as `EVENT`.
fn constant(kind: &Kind, span: Span) -> Ident {
    Ident::new(&kind.name.to_uppercase(), span)
}

/// `TriggerRecord::new(&kinds::EVENT, &[("event_type", Value::Text("pipeline.error"))])`
fn trigger(trigger: &Trigger) -> TokenStream {
    let span = trigger.first_text().span();
    let private = private_path(span);
    let (of_kind, common): (Vec<_>, Vec<_>) =
        trigger.settings.iter().partition(|setting| setting.of_kind.is_some());
    let start = match (trigger.kind(), &trigger.first) {
        (Some(kind), first) => {
            let first = first.iter().map(|value| entry(kind.first(), value));
            let others = of_kind.iter().filter_map(|setting| Some(entry(setting.of_kind?, &setting.value)));
            let (constant, entries) = (constant(kind, span), first.chain(others));
            quote_spanned!(span=> #private::TriggerRecord::new(&#private::kinds::#constant, &[#(#entries),*]))
        }
        (None, first) => {
            let source = first.as_ref().map(Value::to_tokens).unwrap_or_default();
            let make = quote_spanned!(span=> || #private::source(#source, ::core::stringify!(#source)));
            quote_spanned!(span=> #private::TriggerRecord::source_of(#make))
        }
    };
    configured("TriggerRecord", start, common)
}

/// Returns the record after each setting: `ProcessRecord::retry(ProcessRecord::new(), 5)`.
///
/// Each call in this form has the span of its value. A method call would begin at the span of the record.
fn configured<'a>(
    record: &str,
    start: TokenStream,
    settings: impl IntoIterator<Item = &'a Setting>,
) -> TokenStream {
    settings.into_iter().fold(start, |before, Setting { key, value, .. }| {
        let tokens = value.to_tokens();
        let span = tokens.span();
        let (private, record) = (private_path(span), Ident::new(record, span));
        let name = Ident::new(&key.to_string(), span);
        let checked = ["queue", "concurrency", "timeout", "backoff"];
        let value = match value {
            Value::Overflow(_) => quote_spanned!(span=> #private::Overflow::#tokens),
            Value::Closure(closure) => closure.tokens(),
            Value::Const(_) if checked.iter().any(|checked| key == checked) => {
                quote_spanned!(span=> #private::const_checks::#name(#tokens))
            }
            _ => tokens,
        };
        quote_spanned!(span=> #private::#record::#name(#before, #value))
    })
}

/// Returns the shim: a fn that makes a worker's `Call` from a closure, which makes the arguments of one call and calls.
fn call(function: &Function, inputs: &[Input]) -> TokenStream {
    let ident = &function.signature.ident;
    let cx = Ident::new("cx", Span::mixed_site());
    let made: Vec<Ident> =
        (0..inputs.len()).map(|index| format_ident!("a{index}", span = Span::mixed_site())).collect();
    let conditions: Vec<&Condition> = inputs.iter().map(|input| &input.condition).collect();
    let values = inputs.iter().map(|Input { name, origin, ty, .. }| {
        let span = ty.span();
        let make = match origin {
            Origin::Event => Ident::new("arg", span),
            Origin::Capture => Ident::new("capture", span),
            Origin::CaptureOrNone => Ident::new("capture_opt", span),
        };
        let private = private_path(span);
        quote_spanned!(span=> #private::#make::<#ty>(#cx, #name))
    });
    let private = private_path(ident.span());
    let run = quote_spanned!(ident.span()=> #private::run(#ident(#(#conditions #made),*)));
    // An error about the return type is shown at this span.
    let here = Span::mixed_site().located_at(ident.span());
    if inputs.is_empty() {
        return quote_spanned!(here=> || __p::new_slot(|_| #run));
    }
    quote_spanned! {here=>
        || __p::new_slot(|#cx| {
            #(#conditions let #made = #values?;)*
            #run
        })
    }
}

impl Item {
    /// Returns the item as written.
    pub(crate) fn tokens(&self) -> TokenStream {
        let Item { attributes, rest } = self;
        quote!(#(#attributes)* #rest)
    }
}

#[cfg(test)]
mod tests {
    use trigger_grammar::kind;

    use super::*;
    use crate::attribute;

    /// The output for a handler, without the function.
    const ARCHIVE: &str = r#"
#[doc(hidden)]
#[::triggers::__private::linkme::distributed_slice(::triggers::__private::HANDLERS)]
#[linkme(crate = ::triggers::__private::linkme)]
static __on_archive: ::triggers::__private::HandlerRecord = {
    use ::triggers::__private as __p;
    __p::HandlerRecord {
        site: __p::Site::new("archive", ::core::module_path!()),
        process: __p::ProcessRecord::new(),
        triggers: &[
            __p::TriggerRecord::new(
                &__p::kinds::MESSAGE,
                &[("topic", __p::Value::Text("reports.{region}.daily"))],
            ),
        ],
        arguments: &[
            __p::Argument::capture::<String>("region"),
            __p::argument::<Json<Report>>("report", &[&__p::kinds::MESSAGE]),
        ],
        call: || __p::new_slot(|cx| {
            let a0 = __p::capture::<String>(cx, "region")?;
            let a1 = __p::arg::<Json<Report>>(cx, "report")?;
            __p::run(archive(a0, a1))
        }),
    }
};
"#;

    #[test]
    fn handler_is_one_static_record_and_one_shim_of_25_lines() {
        let function = quote! {
            async fn archive(region: String, Json(report): Json<Report>) -> Result<()> {
                store(region, report).await
            }
        };
        let message = attribute::Attribute::Trigger(&kind::MESSAGE);
        let declared = Declaration::read(message, quote!("reports.{region}.daily"), function.clone());
        let output = handler(&declared.ok().expect("a declaration")).to_string();
        let added = output.strip_prefix(&function.to_string()).expect("the function as it was written");
        let file = syn::parse_str(added).expect("a file");
        let shown = prettyplease::unparse(&file);
        assert_eq!(shown, ARCHIVE.trim_start());
        assert_eq!(shown.lines().count(), 25);
    }
}
