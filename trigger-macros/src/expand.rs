//! The output of a declaration: the function as it was written, and one static record that names it.
//!
//! Everything is behind `::triggers::__private`, so that nothing the user has in scope can change it. A type is
//! written with the span of the argument it came from, and the call with that of the function, so that the
//! compiler's own errors show the user's code.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Visibility};

use crate::args::Kind;
use crate::fallback::Stub;
use crate::model::{Declaration, Input, Origin, Setting, Trigger};
use crate::signature::{Function, Item};
use crate::value::Value;

/// The path of the crate `triggers`.
#[derive(Default)]
pub(crate) struct Root(Option<Path>);

impl Root {
    /// The crate under the path that `crate = ..` gives.
    pub(crate) fn new(path: Path) -> Root {
        Root(Some(path))
    }

    /// The door for generated code, written as if it stood at `span`.
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

/// The same tokens at another place; what they name stays as it is, which matters for a `$crate`.
fn moved(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}

/// The output of a declaration without mistakes.
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
    let record = record(declaration);
    let item = item.tokens();
    quote! {
        #item
        #marker
        const _: () = {
            // An attribute that was collected is never resolved, so its import would count as unused.
            #(use #collected as _;)*

            #[#private::linkme::distributed_slice(#private::HANDLERS)]
            #[linkme(crate = #private::linkme)]
            static __HANDLER_RECORD: #private::HandlerRecord = #record;

            impl #private::Declared for #ident {
                const RECORD: &'static #private::HandlerRecord = &__HANDLER_RECORD;
            }

            // Made once, so that the struct does not count as unused.
            let _ = #ident {};
        };
    }
}

/// A name like that of a handler, for a declaration with mistakes.
pub(crate) fn stub(stub: &Stub) -> TokenStream {
    let Stub { function, root, collected } = stub;
    let private = root.private(Span::call_site());
    let ident = &function.signature.ident;
    let name = function.name();
    let marker = marker(function);
    quote! {
        #marker
        const _: () = {
            #(use #collected as _;)*

            impl #private::Declared for #ident {
                const RECORD: &'static #private::HandlerRecord = &#private::HandlerRecord {
                    name: #name,
                    module: ::core::module_path!(),
                    file: ::core::file!(),
                    line: ::core::line!(),
                    process: #private::ProcessRecord::new(),
                    triggers: &[],
                    arguments: &[],
                    call: |_| ::core::unreachable!(),
                };
            }
        };
    }
}

/// The struct that stands for the handler where a type is wanted.
///
/// It has braces: a unit struct would take the function's own name, and make it impossible to call.
fn marker(function: &Function) -> TokenStream {
    let ident = &function.signature.ident;
    let visibility = &function.visibility;
    // Each `allow` is an error in a crate that forbids the lint, so there are no more than can fire.
    let public = match visibility {
        Visibility::Inherited => TokenStream::new(),
        _ => quote! {
            , missing_copy_implementations, missing_debug_implementations, unreachable_pub, clippy::exhaustive_structs
        },
    };
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types #public)]
        #visibility struct #ident {}
    }
}

fn record(declaration: &Declaration) -> TokenStream {
    let Declaration { function, root, triggers, process, inputs, .. } = declaration;
    let private = root.private(Span::call_site());
    let name = function.name();
    let process = configured("ProcessRecord", quote!(#private::ProcessRecord::new()), process, root);
    let kinds: Vec<Kind> = triggers.iter().map(|trigger| trigger.kind).collect();
    let arguments = inputs.iter().map(|input| argument(input, &kinds, root));
    let triggers = triggers.iter().map(|trigger| self::trigger(trigger, root));
    let call = call(function, inputs, root);
    quote! {
        #private::HandlerRecord {
            name: #name,
            module: ::core::module_path!(),
            file: ::core::file!(),
            line: ::core::line!(),
            process: #process,
            triggers: &[#(#triggers),*],
            arguments: &[#(#arguments),*],
            call: #call,
        }
    }
}

/// `argument::<Text>("report", &[TriggerKind::Message])`
fn argument(Input { name, origin, ty }: &Input, kinds: &[Kind], root: &Root) -> TokenStream {
    let private = root.private(ty.span());
    let kinds = kinds.iter().map(|kind| kind.variant(ty.span()));
    match origin {
        Origin::Event => {
            quote_spanned!(ty.span()=> #private::argument::<#ty>(#name, &[#(#private::TriggerKind::#kinds),*]))
        }
        Origin::Capture | Origin::CaptureOrNone => {
            quote_spanned!(ty.span()=> #private::Argument::capture::<#ty>(#name))
        }
    }
}

/// `TriggerRecord::source(TriggerRecord::event("pipeline.error"), "ci")`
fn trigger(trigger: &Trigger, root: &Root) -> TokenStream {
    let first = trigger.first.as_ref().map(Value::to_tokens).unwrap_or_default();
    let span = first.span();
    let constructor = match trigger.kind {
        Kind::Event => Ident::new("event", span),
        Kind::DeadLetter if trigger.first.is_none() => Ident::new("dead_letter", span),
        Kind::DeadLetter => Ident::new("dead_letter_of", span),
        Kind::Message => Ident::new("message", span),
        Kind::Webhook | Kind::Process => Ident::new("webhook", span),
    };
    // A const is checked inside this call, and the error is shown where the call seems to be.
    let private = root.private(span);
    let start = quote_spanned!(span=> #private::TriggerRecord::#constructor(#first));
    configured("TriggerRecord", start, &trigger.settings, root)
}

/// The record after each setting: `ProcessRecord::retry(ProcessRecord::new(), 5)`.
///
/// In this form each call is where its value is, which that of a method is not: it begins where the record does.
fn configured(record: &str, start: TokenStream, settings: &[Setting], root: &Root) -> TokenStream {
    settings.iter().fold(start, |before, Setting { key, value }| {
        let value = match value {
            Value::Overflow(variant) => {
                let root = root.at(variant.span());
                quote_spanned!(variant.span()=> #root::Overflow::#variant)
            }
            Value::Closure(closure) => closure.tokens(root),
            other => other.to_tokens(),
        };
        let span = value.span();
        let private = root.private(span);
        let record = Ident::new(record, span);
        let key = Ident::new(&key.to_string(), span);
        quote_spanned!(span=> #private::#record::#key(#before, #value))
    })
}

/// The closure that makes the arguments of one call, and calls.
fn call(function: &Function, inputs: &[Input], root: &Root) -> TokenStream {
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
        let private = root.private(span);
        quote_spanned!(span=> #private::#make::<#ty>(#cx, #name))
    });
    let parameter = if inputs.is_empty() { quote!(_) } else { quote!(#cx) };
    let private = root.private(ident.span());
    let run = quote_spanned!(ident.span()=> #private::run(#ident(#(#made),*)));
    quote! {
        |#parameter| {
            #(let #made = #values?;)*
            ::core::result::Result::Ok(#run)
        }
    }
}

impl Value {
    /// The value as it was written.
    pub(crate) fn to_tokens(&self) -> TokenStream {
        match self {
            Value::Text(text) => text.to_token_stream(),
            Value::Number(number, span) => {
                let mut literal = proc_macro2::Literal::u64_unsuffixed(*number);
                literal.set_span(*span);
                literal.to_token_stream()
            }
            Value::Overflow(variant) => variant.to_token_stream(),
            Value::Const(path) => path.to_token_stream(),
            Value::Closure(closure) => closure.written(),
        }
    }
}

impl Item {
    /// The item as it was written.
    pub(crate) fn tokens(&self) -> TokenStream {
        let Item { attributes, rest } = self;
        quote!(#(#attributes)* #rest)
    }
}
