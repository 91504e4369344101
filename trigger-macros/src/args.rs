//! The arguments of one attribute: an optional first value, then `key = value` pairs.
//!
//! A list is read to its end whatever it holds, so that every mistake in it is reported. What a value may be is
//! the matter of `value`; this file knows which keys exist and where they belong.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, Ident, Meta, Path, Token};
use trigger_grammar::hint;

use crate::closure::Purpose;
use crate::errors::Errors;
use crate::value::Takes;

/// Which of the attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    Message,
    Webhook,
    DeadLetter,
    Process,
}

/// A key: its name, what it takes, and the attributes it belongs to.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    homes: &'static [Kind],
}

const EVERY_TRIGGER: &[Kind] = &[Kind::Event, Kind::Message, Kind::Webhook, Kind::DeadLetter];

const KEYS: &[Key] = &[
    Key { name: "source", takes: Takes::TextOrConst, homes: &[Kind::Event] },
    Key { name: "port", takes: Takes::Port, homes: &[Kind::Webhook] },
    Key { name: "host", takes: Takes::Host, homes: &[Kind::Webhook] },
    Key { name: "body_limit", takes: Takes::Size, homes: &[Kind::Webhook] },
    Key { name: "id", takes: Takes::Text, homes: EVERY_TRIGGER },
    Key { name: "queue", takes: Takes::Count, homes: EVERY_TRIGGER },
    Key { name: "queue_bytes", takes: Takes::Size, homes: EVERY_TRIGGER },
    Key { name: "overflow", takes: Takes::Overflow, homes: EVERY_TRIGGER },
    Key { name: "filter", takes: Takes::Closure(Purpose::Filter), homes: EVERY_TRIGGER },
    Key { name: "name", takes: Takes::Text, homes: &[Kind::Process] },
    Key { name: "concurrency", takes: Takes::Count, homes: &[Kind::Process] },
    Key { name: "timeout", takes: Takes::Duration, homes: &[Kind::Process] },
    Key { name: "retry", takes: Takes::Number, homes: &[Kind::Process] },
    Key { name: "backoff", takes: Takes::Range, homes: &[Kind::Process] },
    Key { name: "key", takes: Takes::Closure(Purpose::Key), homes: &[Kind::Process] },
];

/// Names that the builders, the configuration and other programs use for the same thing.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("capacity", "queue"),
    ("trigger_id", "id"),
    ("source_filter", "source"),
    ("event_source", "source"),
    ("webhook_port", "port"),
    ("webhook_host", "host"),
    ("max_concurrency", "concurrency"),
    ("workers", "concurrency"),
    ("deadline", "timeout"),
    ("time_limit", "timeout"),
    ("retries", "retry"),
    ("max_retries", "retry"),
    ("attempts", "retry"),
    ("max_attempts", "retry"),
    ("retry_delay", "backoff"),
    ("ordered_by", "key"),
    ("partition_key", "key"),
    ("condition", "filter"),
    ("predicate", "filter"),
    ("when", "filter"),
];

impl Kind {
    /// The attribute that a path names, going by its last segment, so that `triggers::on_event` counts.
    pub(crate) fn of(path: &Path) -> Option<Kind> {
        let last = &path.segments.last()?.ident;
        [Kind::Event, Kind::Message, Kind::Webhook, Kind::DeadLetter, Kind::Process]
            .into_iter()
            .find(|kind| last == kind.name())
    }

    /// The name of the attribute.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Event => "on_event",
            Kind::Message => "on_message",
            Kind::Webhook => "on_webhook",
            Kind::DeadLetter => "on_dead_letter",
            Kind::Process => "process",
        }
    }

    /// The variant of `TriggerKind`. A process is none.
    pub(crate) fn variant(self, span: Span) -> Ident {
        let name = match self {
            Kind::Event => "Event",
            Kind::Message => "Message",
            Kind::Webhook | Kind::Process => "Webhook",
            Kind::DeadLetter => "DeadLetter",
        };
        Ident::new(name, span)
    }

    /// The attribute as it is written.
    pub(crate) fn shown(self) -> String {
        format!("`#[{}]`", self.name())
    }

    /// What stands first in its list, and an example of it.
    pub(crate) fn first(self) -> Option<(&'static str, &'static str)> {
        match self {
            Kind::Event => Some(("event type", "order.paid")),
            Kind::Message => Some(("topic pattern", "reports.*")),
            Kind::Webhook => Some(("path", "/events")),
            Kind::DeadLetter => Some(("process name", "orders")),
            Kind::Process => None,
        }
    }

    /// Whether its list may begin without that.
    pub(crate) fn may_lack_first(self) -> bool {
        matches!(self, Kind::DeadLetter | Kind::Process)
    }

    /// Names that are given to what stands first, which has no key.
    fn names_of_the_first(self) -> &'static [&'static str] {
        match self {
            Kind::Event | Kind::Message | Kind::Webhook => {
                &["event_type", "topic", "pattern", "path", "webhook_path", "type"]
            }
            Kind::DeadLetter => &["process", "process_name", "of", "from"],
            Kind::Process => &[],
        }
    }

    fn keys(self) -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(move |key| key.homes.contains(&self))
    }
}

/// The arguments of one attribute, as written.
pub(crate) struct Args {
    pub(crate) kind: Kind,
    /// Where the attribute stands, for mistakes that are about all of it.
    pub(crate) place: Span,
    /// The value without a key.
    pub(crate) first: Option<Expr>,
    /// The keys that belong here, each once, with their values.
    pub(crate) entries: Vec<(Ident, &'static Key, Expr)>,
    /// The value of `crate`.
    pub(crate) root: Option<Path>,
    /// Whether it stood further above: see `aside`.
    pub(crate) stepped: bool,
}

impl Args {
    /// Reads the arguments of the attribute that expands now.
    pub(crate) fn read(kind: Kind, place: Span, tokens: TokenStream, errors: &mut Errors) -> Args {
        let mut args = Args { kind, place, first: None, entries: Vec::new(), root: None, stepped: false };
        let read = |input: ParseStream<'_>| {
            args.stepped = input.parse::<Option<Token![@]>>()?.is_some();
            args.read_list(input, errors);
            Ok(())
        };
        // The reader takes every token, so that there is no error left to come from here.
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    /// Reads an attribute that stands on the function beside the one that expands.
    pub(crate) fn read_attribute(kind: Kind, attribute: &Attribute, errors: &mut Errors) -> Args {
        let place = attribute.path().segments.last().map_or_else(Span::call_site, |last| last.ident.span());
        let tokens = match &attribute.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(pair) => {
                let name = kind.name();
                errors.at(pair, format!("the arguments stand in parentheses: `#[{name}(..)]`"));
                return Args {
                    kind,
                    place,
                    first: Some(pair.value.clone()),
                    entries: Vec::new(),
                    root: None,
                    stepped: false,
                };
            }
        };
        Args::read(kind, place, tokens, errors)
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
        match self.kind.first() {
            Some(_) if position == 1 => self.first = Some(value),
            Some((what, _)) if self.first.is_none() => {
                errors.at(&value, format!("the {what} comes first, before the keys"));
                self.first = Some(value);
            }
            _ => {
                let keys = self.keys_here();
                errors.at(&value, format!("expected `key = value`\n  {keys}"));
            }
        }
        Ok(())
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
        let known = self.kind.keys().find(|known| known.name == name);
        if input.is_empty() || input.peek(Token![,]) {
            let takes = known.map_or("a value", |known| known.takes.wanted(self.kind));
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
            errors.at(&key, self.unknown(&name));
            if self.first.is_none() && self.kind.names_of_the_first().contains(&name.as_str()) {
                // It is clear what was meant, so that it is not missed as well.
                self.first = Some(value);
            }
        }
        seen.push(name);
        Ok(())
    }

    fn set_root(&mut self, value: Expr, errors: &mut Errors) {
        match value {
            Expr::Path(path) if path.qself.is_none() => self.root = Some(path.path),
            // Through a `macro_rules!`.
            Expr::Group(group) => self.set_root(*group.expr, errors),
            other => errors.at(other, "`crate` takes the path of this crate, such as `crate = my_triggers`"),
        }
    }

    /// What to say about a key that does not exist here.
    fn unknown(&self, name: &str) -> String {
        let keys = self.keys_here();
        if let Some(key) = KEYS.iter().find(|key| key.name == name) {
            return format!("`{name}` belongs to {}\n  {keys}", homes(key));
        }
        if let Some((what, example)) = self.kind.first()
            && self.kind.names_of_the_first().contains(&name)
        {
            let attribute = self.kind.name();
            return format!(
                "the {what} comes first, without a key: `#[{attribute}(\"{example}\")]`\n  {keys}"
            );
        }
        let same = OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, key)| *key);
        let near = same
            .or_else(|| hint::did_you_mean(name, self.kind.keys().map(|key| key.name)))
            .or_else(|| hint::did_you_mean(name, KEYS.iter().map(|key| key.name)));
        let Some(key) = KEYS.iter().find(|key| Some(key.name) == near) else {
            return format!("unknown key `{name}`\n  {keys}");
        };
        let elsewhere = if key.homes.contains(&self.kind) {
            String::new()
        } else {
            format!(", which belongs to {}", homes(key))
        };
        format!("unknown key `{name}`; did you mean `{}`{elsewhere}?\n  {keys}", key.name)
    }

    fn keys_here(&self) -> String {
        let names: Vec<&str> = self.kind.keys().map(|key| key.name).chain(["crate"]).collect();
        format!("the keys here are: {}", names.join(", "))
    }
}

fn homes(key: &Key) -> String {
    let names: Vec<String> = key.homes.iter().map(|kind| kind.shown()).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Reads a list to its end, whatever it holds: what cannot be read is an error, and is left out.
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

    use super::*;

    fn read(kind: Kind, tokens: TokenStream) -> (Args, Vec<String>) {
        let mut errors = Errors::default();
        let args = Args::read(kind, Span::call_site(), tokens, &mut errors);
        let messages = errors.take().into_iter().flatten().map(|error| error.to_string()).collect();
        (args, messages)
    }

    #[track_caller]
    fn says(kind: Kind, tokens: TokenStream, starts: &[&str]) {
        let (_, messages) = read(kind, tokens);
        assert_eq!(messages.len(), starts.len(), "{messages:#?}");
        for (message, start) in messages.iter().zip(starts) {
            assert!(message.starts_with(start), "{message}");
        }
    }

    #[test]
    fn a_list_is_read_in_order() {
        let (args, messages) =
            read(Kind::Event, quote!("a.b", source = SOURCES, id = "x", queue = 10, crate = my::triggers,));
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
        let (_, messages) = read(Kind::Webhook, quote!("/x", prot = 9090));
        assert_eq!(
            messages,
            ["unknown key `prot`; did you mean `port`?\n  \
              the keys here are: port, host, body_limit, id, queue, queue_bytes, overflow, filter, crate"]
        );
    }

    #[test]
    fn a_key_of_another_attribute_is_sent_home() {
        says(Kind::Event, quote!("a", concurrency = 8), &["`concurrency` belongs to `#[process]`"]);
        says(Kind::Message, quote!("a", port = 1), &["`port` belongs to `#[on_webhook]`"]);
        says(
            Kind::Process,
            quote!(queue = 1),
            &["`queue` belongs to `#[on_event]`, `#[on_message]`, `#[on_webhook]` and `#[on_dead_letter]`"],
        );
        says(
            Kind::Event,
            quote!("a", concurency = 8),
            &["unknown key `concurency`; did you mean `concurrency`, which belongs to `#[process]`?"],
        );
    }

    #[test]
    fn names_from_the_builders_and_the_configuration_are_understood() {
        says(Kind::Event, quote!("a", capacity = 8), &["unknown key `capacity`; did you mean `queue`?"]);
        says(Kind::Process, quote!(max_retries = 8), &["unknown key `max_retries`; did you mean `retry`?"]);
        says(Kind::Webhook, quote!(path = "/x"), &["the path comes first, without a key"]);
        says(Kind::DeadLetter, quote!(process = "x"), &["the process name comes first, without a key"]);
        says(Kind::Event, quote!("a", process = "x"), &["unknown key `process`"]);
    }

    #[test]
    fn every_mistake_of_a_list_is_found() {
        says(
            Kind::Event,
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
