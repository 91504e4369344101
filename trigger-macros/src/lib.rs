//! The attributes of `triggers`. They read a declaration, check it, and write it down as one static record.
//!
//! The way through: `aside` lets the attributes of one function come together, `args` reads their `key = value` lists,
//! `value` checks each value against its grammar, `closure` reads the values that are code, `signature` checks the
//! function, `model` puts all of it together, `check` has the rules between the parts, and `expand` writes the output.
//! A mistake goes through `fallback` instead, which gives the function back together with the errors. What a handler
//! *does* is in `trigger-core`; nothing here decides it.

mod args;
mod aside;
mod check;
mod closure;
mod errors;
mod expand;
mod fallback;
mod main_fn;
mod model;
mod signature;
mod value;

use proc_macro::TokenStream;

use crate::args::Kind;

/// Runs an async function for each event of one type: see `triggers::on_event`.
#[proc_macro_attribute]
pub fn on_event(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Kind::Event, args, item)
}

/// Runs an async function for each message on matching topics: see `triggers::on_message`.
#[proc_macro_attribute]
pub fn on_message(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Kind::Message, args, item)
}

/// Runs an async function for each request to a webhook: see `triggers::on_webhook`.
#[proc_macro_attribute]
pub fn on_webhook(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Kind::Webhook, args, item)
}

/// Runs an async function for each event that was given up on: see `triggers::on_dead_letter`.
#[proc_macro_attribute]
pub fn on_dead_letter(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Kind::DeadLetter, args, item)
}

/// Says how a handler runs: see `triggers::process`.
#[proc_macro_attribute]
pub fn process(args: TokenStream, item: TokenStream) -> TokenStream {
    declare(Kind::Process, args, item)
}

/// Starts the runtime with every linked handler: see `triggers::main`.
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    main_fn::expand(args.into(), item.into()).into()
}

/// The one way of the attributes that make a handler: see `triggers::on_event`.
fn declare(kind: Kind, args: TokenStream, item: TokenStream) -> TokenStream {
    let (args, item) = (args.into(), item.into());
    if let Some(later) = aside::step(kind, &args, &item) {
        return later.into();
    }
    match model::Declaration::read(kind, args, item) {
        Ok(declaration) => expand::handler(&declaration).into(),
        Err(broken) => fallback::handler(&broken).into(),
    }
}
