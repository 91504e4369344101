//! The values of an attribute, checked against the grammars that the runtime uses too.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Expr, ExprClosure, Ident, Lit, LitInt, LitStr, Path, UnOp};
use trigger_grammar::bounds::Bound;
use trigger_grammar::{Fault, duration, hint, host, path, size, topic};

use crate::args::{Attribute, TriggerKind};
use crate::closure::{Closure, Purpose};
use crate::errors::Errors;

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Text,
    TextOrConst,
    /// From 1.
    Count(Bound),
    /// From 0.
    Number,
    Port,
    Host,
    Size,
    Duration,
    Range,
    Overflow,
    Closure(Purpose),
}

/// A checked value.
pub(crate) enum Value {
    Text(LitStr),
    Number(u64, Span),
    /// Milliseconds.
    Range((u64, u64), Span),
    /// A variant of `Overflow`.
    Overflow(Ident),
    /// A const of the user. Const evaluation checks it.
    Const(Path),
    Closure(Box<Closure>),
    /// The expression that makes a source.
    Source(Box<Expr>),
}

const OVERFLOWS: &[(&str, &str)] =
    &[("drop_newest", "DropNewest"), ("drop_oldest", "DropOldest"), ("wait", "Wait"), ("reject", "Reject")];

impl Takes {
    /// Returns what a key takes, in words.
    pub(crate) fn wanted(self, attribute: Attribute) -> &'static str {
        match self {
            Takes::Text => "a string in quotes",
            Takes::TextOrConst => "a string in quotes, or a const",
            Takes::Count(_) => "a whole number, at least 1, or a const",
            Takes::Number => "a whole number, 0 or more, or a const",
            Takes::Port => "a number from 1 to 65535 (or 0 to let the system pick one), or a const",
            Takes::Host => "an address or a name in quotes, such as `\"127.0.0.1\"`",
            Takes::Size => "a size in quotes, such as `\"1MiB\"`",
            Takes::Duration => "a duration in quotes, such as `\"30s\"`, or a const",
            Takes::Range => "two durations in quotes, such as `\"200ms..30s\"`, or a const",
            Takes::Overflow => match attribute {
                Attribute::Trigger(TriggerKind::Webhook) => "`\"drop_oldest\"` or `\"wait\"`",
                Attribute::Trigger(TriggerKind::DeadLetter) => "`\"drop_newest\"` or `\"drop_oldest\"`",
                _ => "`\"drop_newest\"`, `\"drop_oldest\"`, `\"wait\"` or `\"reject\"`",
            },
            Takes::Closure(Purpose::Key) => {
                "a closure that reads the body, such as `|order: &Order| order.customer`"
            }
            Takes::Closure(Purpose::Filter) => {
                "a closure that says whether to take the event, such as `|order: &Order| order.total > 100`"
            }
        }
    }

    fn takes_const(self) -> bool {
        use Takes::{Count, Duration, Number, Port, Range, TextOrConst};
        matches!(self, TextOrConst | Count(_) | Number | Port | Duration | Range)
    }
}

/// Reads the value of a key. Reports a wrong value to `errors` and returns `None`.
pub(crate) fn read(
    attribute: Attribute,
    key: &Ident,
    takes: Takes,
    value: &Expr,
    errors: &mut Errors,
) -> Option<Value> {
    let checked = match plain(value) {
        Plain::Const(path) if takes.takes_const() => Ok(Value::Const(path.clone())),
        Plain::Const(path) if matches!(takes, Takes::Closure(_)) => Err(named(attribute, key, takes, path)),
        Plain::Closure(closure) => match takes {
            Takes::Closure(purpose) => {
                Closure::read(purpose, closure).map(|closure| Value::Closure(Box::new(closure)))
            }
            _ => Err(wrong(attribute, key, takes, value)),
        },
        Plain::Text(text) => match takes {
            Takes::Text | Takes::TextOrConst => not_empty(key, text),
            Takes::Host => host::check_host(&text.value())
                .map(|()| Value::Text(text.clone()))
                .map_err(|fault| explain("bad host", &fault, text)),
            Takes::Size => bytes(text),
            Takes::Duration => time(key, text),
            Takes::Range => duration::parse_range(&text.value())
                .map(|range| Value::Range(range, text.span()))
                .map_err(|fault| explain("bad range", &fault, text)),
            Takes::Overflow => overflow(attribute, text),
            Takes::Count(_) | Takes::Number | Takes::Port => Err(unquoted(attribute, key, takes, text)),
            Takes::Closure(Purpose::Filter) => Err(no_language(key, text)),
            Takes::Closure(_) => Err(wrong(attribute, key, takes, value)),
        },
        Plain::Number(number) => match takes {
            Takes::Count(bound) => count(key, bound, number),
            Takes::Number => from_zero(key, number),
            Takes::Port => port(number),
            Takes::Duration => Err(without_quotes(attribute, key, takes, number)),
            _ => Err(wrong(attribute, key, takes, value)),
        },
        _ => Err(wrong(attribute, key, takes, value)),
    };
    checked.map_err(|error| errors.push(error)).ok()
}

/// Reads the first value of a trigger's list: its type, pattern, path or process. Reports a wrong one to `errors` and
/// returns `None`.
pub(crate) fn read_first(kind: TriggerKind, value: &Expr, errors: &mut Errors) -> Option<Value> {
    if kind == TriggerKind::Custom {
        return Some(Value::Source(Box::new(value.clone())));
    }
    let (what, example) = kind.first();
    let text = match plain(value) {
        Plain::Const(path) => return Some(Value::Const(path.clone())),
        Plain::Text(text) => text,
        _ => {
            errors.at(value, format!("the {what} is a string in quotes, or a const: `{example}`"));
            return None;
        }
    };
    let (head, checked) = match kind {
        TriggerKind::Event => ("bad event type", topic::check_topic(&text.value())),
        TriggerKind::Message => ("bad topic pattern", topic::check_pattern(&text.value())),
        TriggerKind::DeadLetter if text.value().is_empty() => {
            let message = "the process name is empty; leave it out to get the dead letters of every process";
            errors.at(text, message);
            return None;
        }
        TriggerKind::DeadLetter | TriggerKind::Custom => ("", Ok(())),
        TriggerKind::Webhook => ("bad webhook path", path::check_path(&text.value())),
    };
    match checked {
        Ok(()) => Some(Value::Text(text.clone())),
        Err(fault) => {
            errors.push(explain(head, &fault, text));
            None
        }
    }
}

/// An expression, as far as an attribute macro can read it.
enum Plain<'a> {
    Text(&'a LitStr),
    Number(&'a LitInt),
    Const(&'a Path),
    Closure(&'a ExprClosure),
    Other,
}

fn plain(value: &Expr) -> Plain<'_> {
    match value {
        // A value that came through a `macro_rules!` is in a group without delimiters.
        Expr::Group(group) => plain(&group.expr),
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Plain::Text(text),
            Lit::Int(number) => Plain::Number(number),
            _ => Plain::Other,
        },
        Expr::Path(path) if path.qself.is_none() => Plain::Const(&path.path),
        Expr::Closure(closure) => Plain::Closure(closure),
        _ => Plain::Other,
    }
}

fn not_empty(key: &Ident, text: &LitStr) -> syn::Result<Value> {
    if text.value().is_empty() {
        return Err(syn::Error::new_spanned(text, format!("`{key}` is empty; leave it out, or name it")));
    }
    Ok(Value::Text(text.clone()))
}

fn count(key: &Ident, bound: Bound, number: &LitInt) -> syn::Result<Value> {
    match number.base10_parse::<u64>() {
        Ok(0) => Err(syn::Error::new_spanned(number, format!("`{key}` must be at least 1"))),
        Ok(count) if bound.holds(count) => Ok(Value::Number(count, number.span())),
        _ => Err(syn::Error::new_spanned(number, format!("`{key}` is too large: use 1 to {}", bound.max))),
    }
}

fn from_zero(key: &Ident, number: &LitInt) -> syn::Result<Value> {
    match number.base10_parse::<u32>() {
        Ok(count) => Ok(Value::Number(count.into(), number.span())),
        Err(_) => {
            Err(syn::Error::new_spanned(number, format!("`{key}` is too large: use 0 to {}", u32::MAX)))
        }
    }
}

fn time(key: &Ident, text: &LitStr) -> syn::Result<Value> {
    match duration::parse_duration(&text.value()) {
        Ok(0) => {
            let message = format!("`{key}` must be at least `1ms`; leave it out for no limit");
            Err(syn::Error::new_spanned(text, message))
        }
        Ok(milliseconds) => Ok(Value::Number(milliseconds, text.span())),
        Err(fault) => Err(explain("bad duration", &fault, text)),
    }
}

fn port(number: &LitInt) -> syn::Result<Value> {
    match number.base10_parse::<u16>() {
        Ok(port) => Ok(Value::Number(port.into(), number.span())),
        Err(_) => {
            let digits = number.base10_digits();
            let message =
                format!("port {digits} is out of range: use 1 to 65535, or 0 to let the system pick one");
            Err(syn::Error::new_spanned(number, message))
        }
    }
}

fn bytes(text: &LitStr) -> syn::Result<Value> {
    match size::parse_size(&text.value()) {
        Ok(0) => Err(syn::Error::new_spanned(text, "the limit must be at least `1B`")),
        Ok(bytes) => Ok(Value::Number(bytes, text.span())),
        Err(fault) => Err(explain("bad size", &fault, text)),
    }
}

fn overflow(attribute: Attribute, text: &LitStr) -> syn::Result<Value> {
    let word = text.value();
    let webhook = attribute == Attribute::Trigger(TriggerKind::Webhook);
    let dead_letter = attribute == Attribute::Trigger(TriggerKind::DeadLetter);
    let message = match OVERFLOWS.iter().find(|(name, _)| *name == word) {
        Some(("reject", _)) if webhook => {
            "a webhook whose queue is full answers 503 already; leave `overflow` out".to_owned()
        }
        Some(("drop_newest", _)) if webhook => {
            "a webhook would answer 202 for an event that it drops; leave `overflow` out, and a full queue \
             answers 503"
                .to_owned()
        }
        Some((name @ ("wait" | "reject"), _)) if dead_letter => {
            let could = if *name == "wait" { "wait" } else { "be told" };
            let wanted = Takes::Overflow.wanted(attribute);
            format!("a dead letter has no publisher that could {could}\n  `overflow` takes {wanted} here")
        }
        Some((_, variant)) => return Ok(Value::Overflow(Ident::new(variant, text.span()))),
        None => {
            let near = hint::did_you_mean(&word, OVERFLOWS.iter().map(|(name, _)| *name));
            let meant = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let wanted = Takes::Overflow.wanted(attribute);
            format!("unknown overflow `{word}`{meant}\n  `overflow` takes {wanted}")
        }
    };
    Err(syn::Error::new_spanned(text, message))
}

/// A number in quotes.
fn unquoted(attribute: Attribute, key: &Ident, takes: Takes, text: &LitStr) -> syn::Error {
    let wanted = takes.wanted(attribute);
    let number = text.value();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let form = if is_number { format!("\n  write `{key} = {number}`") } else { String::new() };
    syn::Error::new_spanned(text, format!("`{key}` takes {wanted}{form}"))
}

/// A duration without quotes, with or without a unit.
fn without_quotes(attribute: Attribute, key: &Ident, takes: Takes, number: &LitInt) -> syn::Error {
    let wanted = takes.wanted(attribute);
    let written = number.to_string();
    let is_right = duration::parse_duration(&written).is_ok();
    let form = if is_right { format!("\n  write `{key} = \"{written}\"`") } else { String::new() };
    syn::Error::new_spanned(number, format!("`{key}` takes {wanted}{form}"))
}

/// The path of a fn where a closure is expected.
fn named(attribute: Attribute, key: &Ident, takes: Takes, path: &Path) -> syn::Error {
    let wanted = takes.wanted(attribute);
    let name = path.to_token_stream().to_string().replace(' ', "");
    let message =
        format!("`{key}` takes {wanted}\n  a fn can be called in one: `|order: &Order| {name}(order)`");
    syn::Error::new_spanned(path, message)
}

/// A string where code is expected.
fn no_language(key: &Ident, text: &LitStr) -> syn::Error {
    let example = Purpose::Filter.example();
    let message = format!("`{key}` is Rust, not a text, so that the compiler checks it: `{key} = {example}`");
    syn::Error::new_spanned(text, message)
}

fn wrong(attribute: Attribute, key: &Ident, takes: Takes, value: &Expr) -> syn::Error {
    let negative = matches!(value, Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)));
    let message = match takes {
        Takes::Count(_) if negative => format!("`{key}` must be at least 1"),
        Takes::Number if negative => format!("`{key}` must be at least 0"),
        _ => format!("`{key}` takes {}", takes.wanted(attribute)),
    };
    syn::Error::new_spanned(value, message)
}

/// Returns the error for a fault that a grammar found, with a caret under it.
fn explain(head: &str, fault: &Fault, text: &LitStr) -> syn::Error {
    syn::Error::new_spanned(text, format!("{head}: {}", fault.point_at(&text.value())))
}
