//! A list of texts, such as `allow = ["10.0.0.0/8", "192.0.2.7"]`.

use syn::{Expr, Ident};
use trigger_grammar::setting::{Form, Setting};

use super::{Plain, Takes, Value, plain, text_of};
use crate::attribute::Attribute;
use crate::errors::Errors;

/// Returns some numbers, in words.
pub(super) fn numbers(numbers: &[u64]) -> String {
    either(numbers.iter().map(|number| format!("`{number}`")).collect())
}

/// Returns the words of a list, in words.
pub(super) fn words(words: &[&str]) -> String {
    let words = either(words.iter().map(|word| format!("`\"{word}\"`")).collect());
    format!("a list of {words}")
}

fn either(names: Vec<String>) -> String {
    match names.split_last() {
        Some((last, rest @ [_, ..])) => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Reads a list, or one text. Reports every mistake in it to `errors`.
pub(super) fn read(
    attribute: Attribute,
    key: &Ident,
    (setting, of): (&'static Setting, Form),
    value: &Expr,
    errors: &mut Errors,
) -> Option<Value> {
    let takes = Takes::Setting(setting.form());
    let entries: Vec<&Expr> = match value {
        Expr::Group(group) => return read(attribute, key, (setting, of), &group.expr, errors),
        Expr::Array(array) => array.elems.iter().collect(),
        one => vec![one],
    };
    if entries.is_empty() {
        errors.at(value, format!("`{key}` is empty; leave it out"));
        return None;
    }
    let mut values = Vec::new();
    for entry in entries {
        let Plain::Text(text) = plain(entry) else {
            errors.at(entry, format!("`{key}` takes {}", takes.wanted(attribute)));
            continue;
        };
        match of {
            Form::Words(known) if !known.contains(&&*text.value()) => {
                errors.at(entry, format!("`{key}` takes {}", takes.wanted(attribute)));
            }
            _ => match text_of(of, setting, &format!("`{key}`"), text) {
                Ok(value) => values.push(value),
                Err(error) => errors.push(error),
            },
        }
    }
    Some(Value::List(values, Box::new(value.clone())))
}
