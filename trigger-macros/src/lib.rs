//! The attributes of `triggers`. They read a declaration, check it, and emit one static record.
//!
//! The steps: `defer` lets one attribute find all others of the function, `args` reads their `key = value` lists by the
//! tables of `attribute`, `value` checks each value against its grammar, `closure` reads the values that are code, `signature` checks the function,
//! `model` combines all of these, `check` has the rules between the parts, and `expand` writes the output. On a mistake,
//! `fallback` returns the function together with the errors. What a handler *does* is in `trigger-core`; nothing here
//! decides it.

mod args;
mod attribute;
mod check;
mod closure;
mod condition;
mod defer;
mod errors;
mod expand;
mod fallback;
mod list;
mod main_fn;
mod model;
mod signature;
mod value;

use proc_macro::TokenStream;

use trigger_grammar::kind;

use crate::attribute::Attribute;

/// Runs an async function for each event of one type: see `triggers::on_event`.
#[proc_macro_attribute]
pub fn on_event(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Attribute::Trigger(&kind::EVENT), args, item)
}

/// Runs an async function for each message on matching topics: see `triggers::on_message`.
#[proc_macro_attribute]
pub fn on_message(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Attribute::Trigger(&kind::MESSAGE), args, item)
}

/// Runs an async function for each request to a webhook: see `triggers::on_webhook`.
#[proc_macro_attribute]
pub fn on_webhook(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Attribute::Trigger(&kind::WEBHOOK), args, item)
}

/// Runs an async function for each dead letter: see `triggers::on_dead_letter`.
#[proc_macro_attribute]
pub fn on_dead_letter(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Attribute::Trigger(&kind::DEAD_LETTER), args, item)
}

/// Runs an async function for each event of a source that the program brings: see `triggers::on_source`.
#[proc_macro_attribute]
pub fn on_source(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Attribute::Source, args, item)
}

/// Says how a handler runs: see `triggers::process`.
#[proc_macro_attribute]
pub fn process(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Attribute::Process, args, item)
}

/// Starts the runtime with every linked handler: see `triggers::main`.
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    main_fn::expand(args.into(), item.into()).into()
}

/// Lists handlers, after the path of the facade: see `triggers::handlers`.
#[proc_macro]
pub fn handlers(input: TokenStream) -> TokenStream {
    list::expand(input.into()).into()
}

/// Expands an attribute of a handler.
fn declare(attribute: Attribute, args: TokenStream, item: TokenStream) -> TokenStream {
    let (args, item) = (args.into(), item.into());
    if let Some(deferred) = defer::defer(attribute, &args, &item) {
        return deferred.into();
    }
    match model::Declaration::read(attribute, args, item) {
        Ok(declaration) => expand::handler(&declaration).into(),
        Err(broken) => fallback::handler(&broken).into(),
    }
}
