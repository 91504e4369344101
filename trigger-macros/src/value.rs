//! The values of an attribute, checked against the grammars that the runtime uses too.

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, ExprClosure, Ident, Lit, LitInt, LitStr, Path, UnOp};
use trigger_grammar::bounds::Bound;
use trigger_grammar::setting::{Form, Setting};
use trigger_grammar::{Fault, FaultKind, duration, hint, size};

use crate::attribute::{Attribute, Key};
use crate::closure::{Closure, Purpose};
use crate::errors::Errors;

mod choice;
mod code;
mod list;

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Text,
    /// From 1.
    Count(Bound),
    /// From 0.
    Number,
    /// A duration, at least 1 ms.
    Timeout,
    Range,
    Overflow,
    Closure(Purpose),
    /// A setting of a kind of trigger.
    Setting(Form),
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
    Flag(bool, Span),
    /// The values of a list, and all of it as written.
    List(Vec<Value>, Box<Expr>),
    /// What makes a value of the program, by the name of its setting.
    Code(Ident, Code),
    /// The name of a choice, the values of its keys, and all of it as written.
    Choice(&'static str, Vec<(&'static Setting, Value)>, Box<Expr>),
}

/// A value that the program makes.
pub(crate) enum Code {
    /// An expression, such as the name of a const.
    Expression(Box<Expr>),
    Closure(Box<Closure>),
}

const OVERFLOWS: &[(&str, &str)] =
    &[("drop_newest", "DropNewest"), ("drop_oldest", "DropOldest"), ("wait", "Wait"), ("reject", "Reject")];

impl Takes {
    /// Returns what a key takes, in words.
    pub(crate) fn wanted(self, attribute: Attribute) -> String {
        let text = match self {
            Takes::Text | Takes::Setting(Form::Text) => "a string in quotes",
            Takes::Count(_) => "a whole number, at least 1, or a const",
            Takes::Number => "a whole number, 0 or more, or a const",
            Takes::Timeout => "a duration in quotes, such as `\"30s\"`, or a const",
            Takes::Range => "two durations in quotes, such as `\"200ms..30s\"`, or a const",
            Takes::Overflow => return overflows(attribute),
            Takes::Closure(Purpose::Key) => {
                "a closure that reads the body, such as `|order: &Order| order.customer`"
            }
            Takes::Closure(Purpose::Id) => {
                "a closure that reads the id from the body, such as `|order: &Order| order.id`"
            }
            Takes::Closure(Purpose::Filter) => {
                "a closure that says whether to take the event, such as `|order: &Order| order.total > 100`"
            }
            Takes::Setting(Form::Number) => "a whole number, 0 or more",
            Takes::Setting(Form::Port) => {
                "a number from 1 to 65535 (or 0 to let the system pick one), or a const"
            }
            Takes::Setting(Form::Host) => "an address or a name in quotes, such as `\"127.0.0.1\"`",
            Takes::Setting(Form::Size) => "a size in quotes, such as `\"1MiB\"`",
            Takes::Setting(Form::Duration) => "a duration in quotes, such as `\"30s\"`",
            Takes::Setting(Form::Flag) => "`true` or `false`",
            Takes::Setting(Form::Rate) => "a rate in quotes, such as `\"50/s\"`",
            Takes::Setting(Form::Network) => "an address or a network in quotes, such as `\"10.0.0.0/8\"`",
            Takes::Setting(Form::OneOf(numbers)) => return list::numbers(numbers),
            Takes::Setting(Form::Words(words)) => return list::words(words),
            Takes::Setting(Form::List(_)) => "a string in quotes, or a list of them: `[\"..\", \"..\"]`",
            Takes::Setting(Form::Choice(choices)) => return choice::shown(choices),
            Takes::Setting(_) => "a string in quotes, or a const",
        };
        text.to_owned()
    }

    fn takes_const(self) -> bool {
        use Takes::{Count, Number, Range, Timeout};
        match self {
            Takes::Setting(form) => const_check(form).is_some(),
            takes => matches!(takes, Count(_) | Number | Timeout | Range),
        }
    }
}

/// Returns the fn of the runtime that checks a const of this form, or `None` if the form takes none.
pub(crate) fn const_check(form: Form) -> Option<&'static str> {
    Some(match form {
        Form::Name => "name",
        Form::Path => "path",
        Form::Pattern => "pattern",
        Form::Port => "port",
        Form::Process => "process",
        Form::Topic => "topic",
        _ => return None,
    })
}

/// Returns the overflow policies that the attribute takes, in words.
fn overflows(attribute: Attribute) -> String {
    let names = OVERFLOWS.iter().map(|(name, _)| *name).filter(|name| refusal(attribute, name).is_none());
    let names: Vec<String> = names.map(|name| format!("`\"{name}\"`")).collect();
    match names.split_last() {
        Some((last, rest @ [_, ..])) => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Returns why the kind of the attribute refuses an overflow policy.
fn refusal(attribute: Attribute, policy: &str) -> Option<&'static str> {
    let Attribute::Trigger(kind) = attribute else { return None };
    kind.refuses.iter().find(|(name, _)| *name == policy).map(|(_, reason)| *reason)
}

/// Reads the value of a key. Reports a wrong value to `errors` and returns `None`.
pub(crate) fn read(
    attribute: Attribute,
    key: &Ident,
    known: &Key,
    value: &Expr,
    errors: &mut Errors,
) -> Option<Value> {
    let takes = known.takes;
    match (takes, known.setting) {
        (Takes::Setting(Form::Choice(choices)), setting) => {
            return choice::read(attribute, key, setting, choices, value, errors);
        }
        (Takes::Setting(form), Some(setting)) if let Some(of) = form.element() => {
            return list::read(attribute, key, (setting, of), value, errors);
        }
        _ => {}
    }
    let checked = match plain(value) {
        Plain::Const(path) if takes.takes_const() => Ok(Value::Const(path.clone())),
        Plain::Flag(flag) if takes == Takes::Setting(Form::Flag) => Ok(Value::Flag(flag, value.span())),
        Plain::Const(path) if matches!(takes, Takes::Closure(_)) => Err(named(attribute, key, takes, path)),
        Plain::Closure(closure) => match takes {
            Takes::Closure(purpose) => {
                Closure::read(purpose, closure).map(|closure| Value::Closure(Box::new(closure)))
            }
            _ => Err(wrong(attribute, key, takes, value)),
        },
        Plain::Text(text) => match takes {
            Takes::Text => not_empty(key, text),
            Takes::Timeout => time(key, text),
            Takes::Range => duration::parse_range(&text.value())
                .map(|range| Value::Range(range, text.span()))
                .map_err(|fault| explain("bad range", &fault, text)),
            Takes::Overflow => overflow(attribute, text),
            Takes::Count(_) | Takes::Number | Takes::Setting(Form::Number | Form::Port) => {
                Err(unquoted(attribute, key, takes, text))
            }
            Takes::Closure(Purpose::Filter) => Err(no_language(key, text)),
            Takes::Closure(_) | Takes::Setting(Form::Flag | Form::OneOf(_)) => {
                Err(wrong(attribute, key, takes, value))
            }
            Takes::Setting(Form::Size) => bytes(text),
            Takes::Setting(Form::Duration) => duration::parse_duration(&text.value())
                .map(|milliseconds| Value::Number(milliseconds, text.span()))
                .map_err(|fault| explain("bad duration", &fault, text)),
            Takes::Setting(_) => match known.setting {
                Some(setting) => text_of(setting.form(), setting, &format!("`{key}`"), text),
                None => Err(wrong(attribute, key, takes, value)),
            },
        },
        Plain::Number(number) => match takes {
            Takes::Count(bound) => count(key, bound, number),
            Takes::Number => from_zero(key, number),
            Takes::Setting(Form::Number) => from_zero(key, number),
            Takes::Setting(Form::Port) => port(number),
            Takes::Setting(Form::OneOf(numbers)) => match number.base10_parse::<u64>() {
                Ok(given) if numbers.contains(&given) => Ok(Value::Number(given, number.span())),
                _ => Err(wrong(attribute, key, takes, value)),
            },
            Takes::Timeout | Takes::Setting(Form::Duration) => {
                Err(without_quotes(attribute, key, takes, number))
            }
            _ => Err(wrong(attribute, key, takes, value)),
        },
        _ => Err(wrong(attribute, key, takes, value)),
    };
    checked.and_then(|checked| in_range(key, known, checked)).map_err(|error| errors.push(error)).ok()
}

/// Checks a number against the bounds of its setting.
fn in_range(key: &Ident, known: &Key, value: Value) -> syn::Result<Value> {
    if let (Value::Number(number, span), Some(setting)) = (&value, known.setting)
        && let Some(rule) = setting.out_of_range(*number)
    {
        return Err(syn::Error::new(*span, format!("`{key}` is out of range: {rule}")));
    }
    Ok(value)
}

/// Reads the first value of a trigger's list: its type, pattern, path or process, or the expression of `#[on_source]`.
/// Reports a wrong one to `errors` and returns `None`.
pub(crate) fn read_first(attribute: Attribute, value: &Expr, errors: &mut Errors) -> Option<Value> {
    let Attribute::Trigger(kind) = attribute else { return Some(Value::Source(Box::new(value.clone()))) };
    let setting = kind.first();
    match plain(value) {
        Plain::Const(path) => Some(Value::Const(path.clone())),
        Plain::Text(text) => {
            let what = format!("the {}", setting.about());
            text_of(setting.form(), setting, &what, text).map_err(|error| errors.push(error)).ok()
        }
        _ => {
            let (what, example) = (setting.about(), setting.example());
            errors.at(value, format!("the {what} is a string in quotes, or a const: `{example}`"));
            None
        }
    }
}

/// Checks a text against the grammar of its setting. `what` names the value in an error.
fn text_of(form: Form, setting: &Setting, what: &str, text: &LitStr) -> syn::Result<Value> {
    let Err(fault) = form.check(&text.value()) else { return Ok(Value::Text(text.clone())) };
    Err(match (fault.kind, setting.absent()) {
        (FaultKind::Empty, Some(absent)) => syn::Error::new_spanned(
            text,
            format!("{what} is empty; give a name, or leave it out to take {absent}"),
        ),
        _ => explain(&format!("bad {}", setting.about()), &fault, text),
    })
}

/// An expression, as far as an attribute macro can read it.
enum Plain<'a> {
    Text(&'a LitStr),
    Number(&'a LitInt),
    Flag(bool),
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
            Lit::Bool(flag) => Plain::Flag(flag.value),
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
    let message = match OVERFLOWS.iter().find(|(name, _)| *name == word) {
        Some((name, _)) if let Some(reason) = refusal(attribute, name) => reason.to_owned(),
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
