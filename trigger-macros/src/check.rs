//! The rules between the parts of a declaration: between keys, between triggers, between captures and arguments.

use quote::ToTokens;
use syn::Type;
use syn::ext::IdentExt;
use trigger_grammar::setting::{Form, Value as Literal};
use trigger_grammar::{bounds, size};

use crate::args::Args;
use crate::attribute::Attribute;
use crate::errors::Errors;
use crate::model::{Input, Origin, Setting, Trigger};
use crate::signature::{Argument, inside_option};
use crate::value::Value;

/// Checks the rules between the keys of one list.
pub(crate) fn keys(list: &Args, settings: &[Setting], errors: &mut Errors) {
    let key = |name: &str| list.entries.iter().map(|(key, ..)| key).find(|key| *key == name);
    let number = |name: &str| {
        settings.iter().find(|setting| setting.key == name).and_then(|setting| match setting.value {
            Value::Number(number, span) => Some((number, span)),
            _ => None,
        })
    };
    if let Some(backoff) = key("backoff") {
        if key("retry").is_none() {
            errors.at(backoff, "`backoff` has no effect without `retry`: add `retry = 5`");
        } else if let Some((0, _)) = number("retry") {
            errors.at(backoff, "`backoff` has no effect with `retry = 0`: make it 1 or more");
        }
    }
    if let Attribute::Trigger(kind) = list.attribute
        && let Some(largest) = kind.settings.iter().find(|setting| Some(setting.key()) == kind.largest_body)
    {
        let name = largest.attribute_key();
        let given = (number("queue_bytes"), number(name));
        let bytes = match given.0 {
            Some((bytes, _)) => bytes,
            None if key("queue_bytes").is_none() => bounds::QUEUE_BYTES,
            None => return,
        };
        let limit = match (given.1, largest.default_value()) {
            (Some((limit, _)), _) => limit,
            (None, Some(Literal::Number(limit))) if key(name).is_none() => limit,
            _ => return,
        };
        if bytes < limit
            && let Some((_, span)) = given.0.or(given.1)
        {
            let (bytes, limit) = (size::show_size(bytes), size::show_size(limit));
            let message = format!(
                "`{name}` lets in a body of {limit}, which would never find room in a queue of {bytes}\n  \
                 raise `queue_bytes` to {limit}, or lower `{name}` to {bytes}"
            );
            errors.push(syn::Error::new(span, message));
        }
    }
}

/// Refuses a trigger with the same text as an earlier one.
pub(crate) fn triggers(triggers: &[Trigger], errors: &mut Errors) {
    let is_whole = |trigger: &Trigger| trigger.first.is_some() || !trigger.attribute.needs_first();
    for (index, trigger) in triggers.iter().enumerate().filter(|(_, trigger)| is_whole(trigger)) {
        if triggers[..index].iter().any(|earlier| earlier.identity() == trigger.identity()) {
            let shown = trigger.shown();
            let message =
                format!("`{shown}` stands here twice, and each event would arrive twice; once is enough");
            errors.push(syn::Error::new(trigger.place, message));
        }
    }
}

/// Returns how each argument is made. Refuses a capture that a trigger of the handler does not have.
pub(crate) fn captures(triggers: &[Trigger], arguments: &[Argument], errors: &mut Errors) -> Vec<Input> {
    let broken = triggers.iter().any(|trigger| trigger.may_capture() && trigger.first.is_none());
    if broken {
        // The captures of a wrong pattern are unknown, so an error about an argument could be false.
        return Vec::new();
    }
    for trigger in triggers {
        for capture in trigger.captures() {
            let taken =
                |argument: &Argument| argument.plain.as_ref().is_some_and(|name| name.unraw() == capture);
            if !arguments.iter().any(taken) {
                let (what, instead) = match trigger.kind().map(|kind| kind.first().form()) {
                    Some(Form::Path) => ("path", ""),
                    _ => ("pattern", ", or write `*`"),
                };
                let message = format!(
                    "the {what} captures `{{{capture}}}` but no argument is named `{capture}`\n  \
                     add `{capture}: String`{instead}"
                );
                errors.at(trigger.first_text(), message);
            }
        }
    }
    arguments.iter().map(|argument| settle(triggers, argument, errors)).collect()
}

fn settle(triggers: &[Trigger], argument: &Argument, errors: &mut Errors) -> Input {
    let input = |origin, ty: &Type| Input {
        name: argument.name.clone(),
        condition: argument.condition.clone(),
        origin,
        ty: ty.clone(),
    };
    let Some(name) = &argument.plain else { return input(Origin::Event, &argument.ty) };
    let gives = |trigger: &&Trigger| trigger.captures().iter().any(|capture| name.unraw() == capture);
    let Some(giver) = triggers.iter().find(gives) else { return input(Origin::Event, &argument.ty) };
    if let Some(inner) = inside_option(&argument.ty) {
        return input(Origin::CaptureOrNone, inner);
    }
    for other in triggers.iter().filter(|trigger| !gives(trigger)) {
        let known = if other.may_capture() && matches!(other.first, Some(Value::Const(_))) {
            " (the captures of a const are not known here)"
        } else {
            ""
        };
        let ty = argument.ty.to_token_stream().to_string().replace(' ', "");
        let message = format!(
            "`{name}` is a capture of `{}`, but `{}` does not give it{known}\n  make it `{name}: Option<{ty}>`",
            giver.shown(),
            other.shown(),
        );
        errors.at(name, message);
    }
    input(Origin::Capture, &argument.ty)
}
