//! `#[triggers::main]`: a plain `main` around the user's async one.
//!
//! It also names the crates of `crates(..)`: the linker leaves out a crate that no other names, and its handlers with it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{FnArg, Path, Token, parenthesized, token};
use trigger_grammar::hint;

use crate::args::each_in_list;
use crate::condition::Condition;
use crate::errors::Errors;
use crate::expand::Root;
use crate::signature::{Function, Item};

const KEYS: [&str; 3] = ["crates", "crate", "cli"];
const KEYS_HERE: &str = "the keys here are: crates(billing, reports), crate = path, cli = false";

/// The arguments of the attribute.
struct Args {
    crates: Vec<Ident>,
    root: Root,
    /// `true` if the program answers `--describe`, `--check` and `--config`.
    cli: bool,
}

/// Returns the output of `#[triggers::main]`.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = match syn::parse2::<Item>(item.clone()) {
        Ok(item) => item,
        Err(error) => {
            let error = error.to_compile_error();
            return quote!(#item #error);
        }
    };
    let mut errors = Errors::default();
    let args = read_args(args, &mut errors);
    let Ok(function) = syn::parse2::<Function>(item.rest.clone()) else {
        let error = syn::Error::new(item.place(), "`#[triggers::main]` belongs on `async fn main`");
        let (item, error) = (item.tokens(), error.to_compile_error());
        return quote!(#item #error);
    };
    check(&function, &mut errors);
    match errors.take() {
        None => around(&args, &item, &function),
        Some(error) => fallback(&item, &function, &error),
    }
}

/// Returns `main` around the user's function.
///
/// ```text
/// // in:  #[triggers::main(crates(billing))] async fn main(runtime: Builder) -> Result<()> { .. }
/// // out: use ::billing as _;
/// //      fn main() -> ExitCode {
/// //          async fn main(runtime: Builder) -> Result<()> { .. }
/// //          ::triggers::__private::main(true, |builder| async move { .. main(builder).await .. })
/// //      }
/// ```
fn around(args: &Args, item: &Item, function: &Function) -> TokenStream {
    let Args { crates, root, cli } = args;
    let name = &function.signature.ident;
    let private = root.private(name.span());
    let builder = Ident::new("builder", Span::mixed_site());
    let argument = function.signature.inputs.first();
    let condition = argument.map(|argument| match argument {
        FnArg::Typed(argument) => Condition::of(&argument.attrs),
        FnArg::Receiver(_) => Condition::default(),
    });
    let with_builder =
        || quote_spanned!(name.span()=> #private::MainOutput::into_result(#name(#builder).await));
    let without = || {
        let main = quote_spanned!(name.span()=> #private::MainOutput::into_result(#name().await)?);
        quote!(#main; #builder.run().await)
    };
    let run = match condition {
        None => without(),
        Some(condition) if condition.is_always() => with_builder(),
        Some(condition) => {
            let (otherwise, with_builder, without) = (condition.otherwise(), with_builder(), without());
            quote!(#condition { #with_builder } #otherwise { #without })
        }
    };
    let uses = crates.iter().map(|name| quote_spanned!(name.span()=> use ::#name as _;));
    let item = item.tokens();
    quote! {
        #(#uses)*
        fn main() -> ::std::process::ExitCode {
            #item
            #private::main(#cli, |#builder| async move { #run })
        }
    }
}

/// Returns a program whose `main` does nothing: a missing or an async `main` would be a second error.
fn fallback(item: &Item, function: &Function, error: &syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    let tokens = item.tokens();
    if function.is_method() || function.signature.ident != "main" {
        return quote!(#tokens #error);
    }
    quote! {
        fn main() {
            #[allow(dead_code)]
            #tokens
        }
        #error
    }
}

fn check(function: &Function, errors: &mut Errors) {
    let signature = &function.signature;
    if signature.ident != "main" {
        errors.at(&signature.ident, "`#[triggers::main]` belongs on the `async fn` named `main`");
    }
    if signature.asyncness.is_none() {
        errors.at(signature.fn_token, "`#[triggers::main]` needs an `async fn`: write `async fn main`");
    }
    if !signature.generics.params.is_empty() {
        errors.at(&signature.generics.params, "`main` cannot be generic");
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.at(clause, "`main` cannot have a `where` clause");
    }
    if let Some(receiver) = signature.receiver() {
        errors.at(receiver, "`main` has no `self`");
    }
    if let Some(second) = signature.inputs.iter().nth(1) {
        errors.at(
            second,
            "`main` takes one argument at most, `runtime: Builder`; put the rest into `State<T>`",
        );
    }
}

fn read_args(tokens: TokenStream, errors: &mut Errors) -> Args {
    let mut args = Args { crates: Vec::new(), root: Root::default(), cli: true };
    let read = |input: ParseStream<'_>| {
        each_in_list(input, errors, |input, _| read_arg(input, &mut args));
        Ok(())
    };
    // `each_in_list` consumes every token, so `parse2` has no error of its own to report.
    if let Err(error) = read.parse2(tokens) {
        errors.push(error);
    }
    args
}

fn read_arg(input: ParseStream<'_>, args: &mut Args) -> syn::Result<()> {
    let key = Ident::parse_any(input).map_err(|error| syn::Error::new(error.span(), KEYS_HERE))?;
    let name = key.to_string();
    match name.as_str() {
        "crate" => {
            let path = input.parse::<Token![=]>().and_then(|_| input.call(Path::parse_mod_style));
            args.root = path.map(Root::new).map_err(|error| {
                syn::Error::new(
                    error.span(),
                    "`crate` takes the path of this crate, such as `crate = my_triggers`",
                )
            })?;
        }
        "crates" => {
            let form = "`crates` takes the names of crates as identifiers: `crates(billing, my_reports)`";
            if !input.peek(token::Paren) {
                return Err(syn::Error::new_spanned(key, form));
            }
            let list;
            parenthesized!(list in input);
            let names = Punctuated::<Ident, Token![,]>::parse_terminated(&list)
                .map_err(|error| syn::Error::new(error.span(), form))?;
            args.crates.extend(names);
        }
        "cli" => {
            let value = input.parse::<Token![=]>().and_then(|_| input.parse::<syn::LitBool>());
            let form = "`cli` takes `true` or `false`: `cli = false` leaves every argument to the program";
            args.cli = value.map_err(|error| syn::Error::new(error.span(), form))?.value;
        }
        _ => {
            let meant = hint::did_you_mean(&name, KEYS).map(|near| format!("; did you mean `{near}`?"));
            let message = format!("unknown key `{name}`{}\n  {KEYS_HERE}", meant.unwrap_or_default());
            return Err(syn::Error::new_spanned(key, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(args: &str, item: &str) -> usize {
        let tokens = |text: &str| text.parse::<TokenStream>().expect("tokens");
        expand(tokens(args), tokens(item)).to_string().matches("compile_error").count()
    }

    #[test]
    fn mains_that_are_taken() {
        assert_eq!(mistakes("", "async fn main() {}"), 0);
        let main = "async fn main(runtime: Builder) -> Result<()> { runtime.run().await }";
        assert_eq!(mistakes("crates(billing, reports,), crate = my::triggers, cli = false", main), 0);
    }

    #[test]
    fn every_mistake_is_found() {
        for args in ["cli", "cli = 1", "cli = no", "cli(false)", "clo = false"] {
            assert_eq!(mistakes(args, "async fn main() {}"), 1, "{args}");
        }
        assert_eq!(mistakes("crats(x), crate = 1, crates = y", "fn main<T>(a: A, b: B) {}"), 6);
        assert_eq!(mistakes("", "struct Main;"), 1);
        assert_eq!(mistakes("", "async fn start() {}"), 1);
    }
}
