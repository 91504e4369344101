//! The output of a declaration: the function as written, and one static record that names it.
//!
//! Generated code names items only through `::triggers::__private`, imported as `__p`, so that no name in the user's scope
//! changes its meaning. A type has the span of its argument, and the call has that of the function, so that the compiler's
//! errors show the user's code.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Visibility};

use crate::args::TriggerKind;
use crate::fallback::Stub;
use crate::model::{Declaration, Input, Origin, Setting, Trigger};
use crate::signature::{Function, Item};
use crate::value::Value;

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
/// //      struct archive {}                   // the name, for `handlers![archive]`
/// //      const _: () = {
/// //          static RECORD: HandlerRecord = ..;  // found by the runtime at link time
/// //          impl Declared for archive { .. }    // found through the name
/// //      };
/// ```
pub(crate) fn handler(declaration: &Declaration) -> TokenStream {
    let Declaration { item, function, root, collected, .. } = declaration;
    let private = root.private(Span::call_site());
    let ident = &function.signature.ident;
    let marker = marker(function);
    let imported = collected.iter().map(imported);
    let record = record(declaration);
    let item = item.tokens();
    quote! {
        #item
        #marker
        const _: () = {
            use #private as __p;
            // An attribute that was collected is never resolved, so its import would count as unused.
            #(use #imported as _;)*

            #[__p::linkme::distributed_slice(__p::HANDLERS)]
            #[linkme(crate = __p::linkme)]
            static __HANDLER_RECORD: __p::HandlerRecord = #record;

            impl __p::Declared for #ident {
                const RECORD: &'static __p::HandlerRecord = &__HANDLER_RECORD;
            }

            // Made once, so that the struct does not count as unused.
            let _ = #ident {};
        };
    }
}

/// Returns the name of a handler and an empty record, for a declaration with mistakes.
pub(crate) fn stub(stub: &Stub) -> TokenStream {
    let Stub { function, root, collected } = stub;
    let private = root.private(Span::call_site());
    let ident = &function.signature.ident;
    let name = function.name();
    let marker = marker(function);
    let imported = collected.iter().map(imported);
    quote! {
        #marker
        const _: () = {
            use #private as __p;
            #(use #imported as _;)*

            impl __p::Declared for #ident {
                const RECORD: &'static __p::HandlerRecord = &__p::HandlerRecord {
                    site: __p::Site::new(#name, ::core::module_path!()),
                    process: __p::ProcessRecord::new(),
                    triggers: &[],
                    arguments: &[],
                    call: || ::core::unreachable!(),
                };
            }
        };
    }
}

/// Returns the path of an attribute with our own span. With the user's, rustc would not count an import inside a
/// `macro_rules!` as used.
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

/// The struct that stands for the handler where a type is wanted.
///
/// It has braces: a unit struct would take the function's own name, and make it impossible to call.
fn marker(function: &Function) -> TokenStream {
    let ident = &function.signature.ident;
    let visibility = &function.visibility;
    // Each `allow` is an error in a crate that forbids the lint, so there are no more than can fire.
    let public = quote! {
        #[doc(hidden)]
        #[allow(missing_copy_implementations, missing_debug_implementations, unreachable_pub, clippy::exhaustive_structs)]
    };
    let public = (!matches!(visibility, Visibility::Inherited)).then_some(public);
    quote! {
        #public
        #[allow(non_camel_case_types)]
        #visibility struct #ident {}
    }
}

fn record(declaration: &Declaration) -> TokenStream {
    let Declaration { function, triggers, process, inputs, .. } = declaration;
    let name = function.name();
    let process = configured("ProcessRecord", quote!(__p::ProcessRecord::new()), process);
    let kinds: Vec<TriggerKind> = triggers.iter().map(|trigger| trigger.kind).collect();
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

/// `argument::<Text>("report", &[TriggerKind::Message])`
fn argument(Input { name, origin, ty }: &Input, kinds: &[TriggerKind]) -> TokenStream {
    let private = private_path(ty.span());
    let kinds = kinds.iter().map(|kind| kind.variant(ty.span()));
    match origin {
        Origin::Event => {
            quote_spanned!(ty.span()=> #private::argument::<#ty>(#name, &[#(#private::TriggerKind::#kinds),*]))
        }
        Origin::Capture => quote_spanned!(ty.span()=> #private::Argument::capture::<#ty>(#name)),
        Origin::CaptureOrNone => {
            quote_spanned!(ty.span()=> #private::Argument::capture::<::core::option::Option<#ty>>(#name))
        }
    }
}

/// `TriggerRecord::source(TriggerRecord::event("pipeline.error"), "ci")`
fn trigger(trigger: &Trigger) -> TokenStream {
    let first = trigger.first.as_ref().map(Value::to_tokens).unwrap_or_default();
    let span = first.span();
    let constructor = match trigger.kind {
        TriggerKind::Event => Ident::new("event", span),
        TriggerKind::DeadLetter if trigger.first.is_none() => Ident::new("dead_letter", span),
        TriggerKind::DeadLetter => Ident::new("dead_letter_of", span),
        TriggerKind::Message => Ident::new("message", span),
        TriggerKind::Webhook => Ident::new("webhook", span),
    };
    let first = given(&constructor, first, trigger.first.as_ref());
    let private = private_path(span);
    let start = quote_spanned!(span=> #private::TriggerRecord::#constructor(#first));
    configured("TriggerRecord", start, &trigger.settings)
}

/// Returns the record after each setting: `ProcessRecord::retry(ProcessRecord::new(), 5)`.
///
/// Each call in this form has the span of its value. A method call would begin at the span of the record.
fn configured(record: &str, start: TokenStream, settings: &[Setting]) -> TokenStream {
    settings.iter().fold(start, |before, Setting { key, value }| {
        let value = match value {
            Value::Overflow(variant) => {
                let private = private_path(variant.span());
                quote_spanned!(variant.span()=> #private::Overflow::#variant)
            }
            Value::Closure(closure) => closure.tokens(),
            other => given(key, other.to_tokens(), Some(other)),
        };
        let span = value.span();
        let private = private_path(span);
        let record = Ident::new(record, span);
        let key = Ident::new(&key.to_string(), span);
        quote_spanned!(span=> #private::#record::#key(#before, #value))
    })
}

/// Wraps a const in a call that checks it in const evaluation. The call has the span of the const, so errors show it there.
fn given(key: &Ident, tokens: TokenStream, value: Option<&Value>) -> TokenStream {
    let checked =
        ["event", "message", "webhook", "dead_letter_of", "queue", "concurrency", "timeout", "backoff"];
    if !matches!(value, Some(Value::Const(_))) || !checked.iter().any(|checked| key == checked) {
        return tokens;
    }
    let span = tokens.span();
    let (private, key) = (private_path(span), Ident::new(&key.to_string(), span));
    quote_spanned!(span=> #private::given::#key(#tokens))
}

/// Returns the shim: a fn that makes a worker's `Call` from a closure, which makes the arguments of one call and calls.
fn call(function: &Function, inputs: &[Input]) -> TokenStream {
    let ident = &function.signature.ident;
    let cx = Ident::new("cx", Span::mixed_site());
    let made: Vec<Ident> =
        (0..inputs.len()).map(|index| format_ident!("a{index}", span = Span::mixed_site())).collect();
    let values = inputs.iter().map(|Input { name, origin, ty }| {
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
    let run = quote_spanned!(ident.span()=> #private::run(#ident(#(#made),*)));
    // An error about the return type is shown at this span.
    let here = Span::mixed_site().located_at(ident.span());
    if inputs.is_empty() {
        return quote_spanned!(here=> || __p::new_call(|_| #run));
    }
    quote_spanned! {here=>
        || __p::new_call(|#cx| {
            #(let #made = #values?;)*
            #run
        })
    }
}

impl Value {
    /// Returns the value as written.
    pub(crate) fn to_tokens(&self) -> TokenStream {
        match self {
            Value::Text(text) => text.to_token_stream(),
            Value::Number(number, span) => literal(*number, *span).to_token_stream(),
            Value::Range((first, longest), span) => {
                let (first, longest) = (literal(*first, *span), literal(*longest, *span));
                quote_spanned!(*span=> (#first, #longest))
            }
            Value::Overflow(variant) => variant.to_token_stream(),
            Value::Const(path) => path.to_token_stream(),
            Value::Closure(closure) => closure.written(),
        }
    }
}

fn literal(number: u64, span: Span) -> Literal {
    let mut literal = Literal::u64_unsuffixed(number);
    literal.set_span(span);
    literal
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
    use super::*;
    use crate::args::Attribute;

    /// The output for a handler, without the function.
    const ARCHIVE: &str = r#"
#[allow(non_camel_case_types)]
struct archive {}
const _: () = {
    use ::triggers::__private as __p;
    #[__p::linkme::distributed_slice(__p::HANDLERS)]
    #[linkme(crate = __p::linkme)]
    static __HANDLER_RECORD: __p::HandlerRecord = __p::HandlerRecord {
        site: __p::Site::new("archive", ::core::module_path!()),
        process: __p::ProcessRecord::new(),
        triggers: &[__p::TriggerRecord::message("reports.{region}.daily")],
        arguments: &[
            __p::Argument::capture::<String>("region"),
            __p::argument::<Json<Report>>("report", &[__p::TriggerKind::Message]),
        ],
        call: || __p::new_call(|cx| {
            let a0 = __p::capture::<String>(cx, "region")?;
            let a1 = __p::arg::<Json<Report>>(cx, "report")?;
            __p::run(archive(a0, a1))
        }),
    };
    impl __p::Declared for archive {
        const RECORD: &'static __p::HandlerRecord = &__HANDLER_RECORD;
    }
    let _ = archive {};
};
"#;

    #[test]
    fn handler_is_one_static_record_and_one_shim_of_25_lines() {
        let function = quote! {
            async fn archive(region: String, Json(report): Json<Report>) -> Result<()> {
                store(region, report).await
            }
        };
        let message = Attribute::Trigger(TriggerKind::Message);
        let declared = Declaration::read(message, quote!("reports.{region}.daily"), function.clone());
        let output = handler(&declared.ok().expect("a declaration")).to_string();
        let added = output.strip_prefix(&function.to_string()).expect("the function as it was written");
        let file = syn::parse_str(added).expect("a file");
        let shown = prettyplease::unparse(&file);
        assert_eq!(shown, ARCHIVE.trim_start());
        assert_eq!(shown.lines().count(), 25);
    }
}
