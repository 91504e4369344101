//! The arguments of one attribute: an optional first value, then `key = value` pairs.
//!
//! A list is read to its end, so that every mistake in it is reported. `attribute` knows which keys exist, and `value`
//! what each key takes.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Ident, Lit, LitBool, Meta, Path, Token};
use trigger_grammar::setting::Form;

use crate::attribute::{Attribute, Key};
use crate::errors::Errors;
use crate::value::Takes;

/// The arguments of one attribute, as written.
pub(crate) struct Args {
    pub(crate) attribute: Attribute,
    /// The span of the attribute, for errors about the whole of it.
    pub(crate) place: Span,
    /// The value without a key.
    pub(crate) first: Option<Expr>,
    /// The known keys with their values, each key once.
    pub(crate) entries: Vec<(Ident, Key, Expr)>,
    /// The value of `crate`.
    pub(crate) root: Option<Path>,
    /// `true` if the attribute stood further above and was deferred: see `defer`.
    pub(crate) deferred: bool,
}

impl Args {
    fn new(attribute: Attribute, place: Span) -> Args {
        Args { attribute, place, first: None, entries: Vec::new(), root: None, deferred: false }
    }

    /// Reads the arguments of the attribute that expands now.
    pub(crate) fn read(attribute: Attribute, place: Span, tokens: TokenStream, errors: &mut Errors) -> Args {
        let mut args = Args::new(attribute, place);
        let read = |input: ParseStream<'_>| {
            args.deferred = input.parse::<Option<Token![@]>>()?.is_some();
            args.read_list(input, errors);
            Ok(())
        };
        // `read_list` consumes every token, so `parse2` has no error of its own to report.
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    /// Reads an attribute that stands on the same fn as the one that expands.
    pub(crate) fn read_attribute(
        attribute: Attribute,
        written: &syn::Attribute,
        errors: &mut Errors,
    ) -> Args {
        let place = written.path().segments.last().map_or_else(Span::call_site, |last| last.ident.span());
        let tokens = match &written.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(pair) => {
                let name = attribute.name();
                errors.at(pair, format!("the arguments stand in parentheses: `#[{name}(..)]`"));
                return Args { first: Some(pair.value.clone()), ..Args::new(attribute, place) };
            }
        };
        Args::read(attribute, place, tokens, errors)
    }

    fn read_list(&mut self, input: ParseStream<'_>, errors: &mut Errors) {
        let mut seen: Vec<String> = Vec::new();
        let mut position = 0;
        each_in_list(input, errors, |input, errors| {
            let keyed = input.peek(Ident::peek_any) && input.peek2(Token![=]);
            position += 1;
            if keyed {
                self.read_pair(input, &mut seen, errors)
            } else {
                self.read_value(input, position, errors)
            }
        });
    }

    /// Reads a value without a key.
    fn read_value(
        &mut self,
        input: ParseStream<'_>,
        position: usize,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let value: Expr = input.parse()?;
        if position > 1
            && let Some((key, known)) = self.flag(&value)
        {
            let value =
                Expr::Lit(ExprLit { attrs: Vec::new(), lit: Lit::Bool(LitBool::new(true, key.span())) });
            self.entries.push((key, known, value));
            return Ok(());
        }
        match self.attribute.first() {
            Some(_) if position == 1 => self.first = Some(value),
            Some((what, _)) if self.first.is_none() => {
                errors.at(&value, format!("the {what} comes first, before the keys"));
                self.first = Some(value);
            }
            _ => {
                let keys = self.attribute.keys_shown();
                errors.at(&value, format!("expected `key = value`\n  {keys}"));
            }
        }
        Ok(())
    }

    /// Returns the key of a flag that stands alone, which means `true`.
    fn flag(&self, value: &Expr) -> Option<(Ident, Key)> {
        let Expr::Path(path) = value else { return None };
        let key = path.path.get_ident()?;
        let mut flags = self.attribute.keys().filter(|known| known.takes == Takes::Setting(Form::Flag));
        let is_new = !self.entries.iter().any(|(given, ..)| given == key);
        flags.find(|known| key == known.name && is_new).map(|known| (key.clone(), known))
    }

    /// Reads `key = value`.
    fn read_pair(
        &mut self,
        input: ParseStream<'_>,
        seen: &mut Vec<String>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let key = Ident::parse_any(input)?;
        input.parse::<Token![=]>()?;
        let name = key.to_string();
        let known = self.attribute.keys().find(|known| known.name == name);
        if input.is_empty() || input.peek(Token![,]) {
            let takes =
                known.map_or_else(|| "a value".to_owned(), |known| known.takes.wanted(self.attribute));
            errors.at(&key, format!("`{name}` takes {takes}"));
            return Ok(());
        }
        let value: Expr = input.parse()?;
        if seen.contains(&name) {
            errors.at(&key, format!("`{name}` stands here twice"));
        } else if name == "crate" {
            self.set_root(value, errors);
        } else if let Some(known) = known {
            self.entries.push((key, known, value));
        } else {
            errors.at(&key, self.attribute.unknown_key(&name));
            if self.first.is_none() && self.attribute.is_name_of_first(&name) {
                // Its meaning is clear, so do not report the first value as missing too.
                self.first = Some(value);
            }
        }
        seen.push(name);
        Ok(())
    }

    fn set_root(&mut self, value: Expr, errors: &mut Errors) {
        match value {
            Expr::Path(path) if path.qself.is_none() => self.root = Some(path.path),
            // A value that came through a `macro_rules!`.
            Expr::Group(group) => self.set_root(*group.expr, errors),
            other => errors.at(other, "`crate` takes the path of this crate, such as `crate = my_triggers`"),
        }
    }
}

/// Reads a list to its end. An entry that cannot be read is an error and is skipped.
pub(crate) fn each_in_list(
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut read: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    while !input.is_empty() {
        if let Err(error) = read(input, errors) {
            errors.push(error);
            skip_to_comma(input);
        }
        if !input.is_empty() && input.parse::<Token![,]>().is_err() {
            errors.push(input.error("expected `,` here"));
            skip_to_comma(input);
            let _comma: syn::Result<Token![,]> = input.parse();
        }
    }
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _skipped: syn::Result<proc_macro2::TokenTree> = input.parse();
    }
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};

    use trigger_grammar::kind;

    use super::*;

    const EVENT: Attribute = Attribute::Trigger(&kind::EVENT);
    const MESSAGE: Attribute = Attribute::Trigger(&kind::MESSAGE);
    const WEBHOOK: Attribute = Attribute::Trigger(&kind::WEBHOOK);
    const DEAD_LETTER: Attribute = Attribute::Trigger(&kind::DEAD_LETTER);
    const PROCESS: Attribute = Attribute::Process;

    fn read(attribute: Attribute, tokens: TokenStream) -> (Args, Vec<String>) {
        let mut errors = Errors::default();
        let args = Args::read(attribute, Span::call_site(), tokens, &mut errors);
        let messages = errors.take().into_iter().flatten().map(|error| error.to_string()).collect();
        (args, messages)
    }

    #[track_caller]
    fn says(attribute: Attribute, tokens: TokenStream, starts: &[&str]) {
        let (_, messages) = read(attribute, tokens);
        assert_eq!(messages.len(), starts.len(), "{messages:#?}");
        for (message, start) in messages.iter().zip(starts) {
            assert!(message.starts_with(start), "{message}");
        }
    }

    #[test]
    fn a_list_is_read_in_order() {
        let (args, messages) =
            read(EVENT, quote!("a.b", source = SOURCES, id = "x", queue = 10, crate = my::triggers,));
        assert_eq!(messages, [""; 0]);
        assert!(args.first.is_some());
        let keys: Vec<&str> = args.entries.iter().map(|(_, key, _)| key.name).collect();
        assert_eq!(keys, ["source", "id", "queue"]);
        assert_eq!(
            args.root.map(|root| root.to_token_stream().to_string()).as_deref(),
            Some("my :: triggers")
        );
    }

    #[test]
    fn an_unknown_key_gets_the_closest_and_the_list() {
        let (_, messages) = read(WEBHOOK, quote!("/x", prot = 9090));
        let [message] = &messages[..] else { panic!("{messages:?}") };
        let begin = "unknown key `prot`; did you mean `port`?\n  the keys here are: port, host, ";
        assert!(message.starts_with(begin), "{message}");
        assert!(message.ends_with(", id, queue, queue_bytes, overflow, filter, crate"), "{message}");
    }

    #[test]
    fn a_key_of_another_attribute_is_sent_home() {
        says(EVENT, quote!("a", concurrency = 8), &["`concurrency` belongs to `#[process]`"]);
        says(MESSAGE, quote!("a", port = 1), &["`port` belongs to `#[on_webhook]`"]);
        says(
            PROCESS,
            quote!(queue = 1),
            &[
                "`queue` belongs to `#[on_event]`, `#[on_message]`, `#[on_webhook]`, `#[on_dead_letter]` and `#[on_source]`",
            ],
        );
        says(
            EVENT,
            quote!("a", concurency = 8),
            &["unknown key `concurency`; did you mean `concurrency`, which belongs to `#[process]`?"],
        );
    }

    #[test]
    fn names_from_the_builders_and_the_configuration_are_understood() {
        says(EVENT, quote!("a", capacity = 8), &["unknown key `capacity`; did you mean `queue`?"]);
        says(PROCESS, quote!(max_retries = 8), &["unknown key `max_retries`; did you mean `retry`?"]);
        says(WEBHOOK, quote!(path = "/x"), &["the path comes first, without a key"]);
        says(DEAD_LETTER, quote!(process = "x"), &["the process name comes first, without a key"]);
        says(EVENT, quote!("a", process = "x"), &["unknown key `process`"]);
    }

    #[test]
    fn every_mistake_of_a_list_is_found() {
        says(
            EVENT,
            quote!(source = "s", "a.b", queue = 1, queue = 2, id =, sorce = "x" "y", "z"),
            &[
                "the event type comes first",
                "`queue` stands here twice",
                "`id` takes a string in quotes",
                "unknown key `sorce`; did you mean `source`?",
                "expected `,` here",
                "expected `key = value`",
            ],
        );
    }
}
