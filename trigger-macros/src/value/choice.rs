//! A value with keys of its own, such as `verify = hmac(env = "SECRET")`.

use syn::spanned::Spanned;
use syn::{Expr, Ident};
use trigger_grammar::hint;
use trigger_grammar::setting::{Choice, Setting};

use super::{Takes, Value, code};
use crate::attribute::{Attribute, Key};
use crate::errors::Errors;

/// Returns the names of choices, in words.
pub(super) fn shown(choices: &[Choice]) -> String {
    let names: Vec<String> = choices.iter().map(|choice| format!("`{}(..)`", choice.name)).collect();
    names.join(", ")
}

/// Reads `name(key = value, ..)`, or the name alone. Reports every mistake in it to `errors`.
pub(super) fn read(
    attribute: Attribute,
    key: &Ident,
    setting: Option<&Setting>,
    choices: &'static [Choice],
    value: &Expr,
    errors: &mut Errors,
) -> Option<Value> {
    if let Some(read) = setting.and_then(|setting| code::read(key, setting, value, errors)) {
        return read;
    }
    let (path, arguments) = match value {
        Expr::Group(group) => return read(attribute, key, setting, choices, &group.expr, errors),
        Expr::Path(name) => (name.path.get_ident(), None),
        Expr::Call(call) => match &*call.func {
            Expr::Path(name) => (name.path.get_ident(), Some(&call.args)),
            _ => (None, None),
        },
        _ => (None, None),
    };
    let or_code = setting.and_then(Setting::code).map(|what| format!(", or {what}")).unwrap_or_default();
    let Some(name) = path else {
        errors.at(value, format!("`{key}` takes {}{or_code}", shown(choices)));
        return None;
    };
    let Some(choice) = choices.iter().find(|choice| name == choice.name) else {
        let near = hint::did_you_mean(&name.to_string(), choices.iter().map(|choice| choice.name));
        let meant = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        errors.at(name, format!("unknown `{name}`{meant}\n  `{key}` takes {}{or_code}", shown(choices)));
        return None;
    };
    let mut values = Vec::new();
    let mut has_first = false;
    for (at, argument) in arguments.into_iter().flatten().enumerate() {
        if at == 0 && choice.is_positional && assigned(argument).is_none() {
            has_first = true;
            values.extend(first(attribute, choice, argument, errors));
        } else {
            values.extend(pair(attribute, choice, argument, &values, errors));
        }
    }
    let is_given =
        |own: &str| arguments.into_iter().flatten().filter_map(assigned).any(|(key, _)| key == own);
    // A key that is never there has its own error, which says what to write.
    let has_never = choice.never.iter().any(|(never, _)| is_given(never));
    let has_literal = arguments.into_iter().flatten().any(|argument| assigned(argument).is_none());
    if let Some(fault) = choice.group_fault(is_given)
        && !has_never
        && (!has_literal || choice.never.is_empty())
    {
        errors.at(name, format!("{fault}\n  {}", example(choice)));
    }
    let required = |setting: &&Setting| setting.absent().is_none() && setting.default_value().is_none();
    for setting in choice.settings.iter().skip(has_first.into()).filter(required) {
        let (own, about, example) = (setting.attribute_key(), setting.about(), setting.example());
        // A wrong value has its own error.
        if !is_given(own) {
            let own = if choice.is_positional { String::new() } else { format!("{own} = ") };
            errors.at(name, format!("`{name}` needs the {about}: `{name}({own}{example})`"));
        }
    }
    Some(Value::Choice(choice.name, values, Box::new(value.clone())))
}

/// Returns a choice with the first key of each group, as an attribute has it.
fn example(choice: &Choice) -> String {
    let of = |key: &str| choice.settings.iter().find(|setting| setting.key() == key);
    let keys = choice.one_of.iter().filter_map(|group| of(group.first()?));
    let keys: Vec<String> =
        keys.map(|setting| format!("{} = {}", setting.attribute_key(), setting.example())).collect();
    format!("write `{}({})`", choice.name, keys.join(", "))
}

/// Reads the value of the first key, which has no key.
fn first(
    attribute: Attribute,
    choice: &'static Choice,
    value: &Expr,
    errors: &mut Errors,
) -> Option<(&'static Setting, Value)> {
    let setting = choice.settings.first()?;
    let key = Ident::new(setting.attribute_key(), value.span());
    super::read(attribute, &key, &key_of(setting), value, errors).map(|value| (setting, value))
}

fn key_of(setting: &'static Setting) -> Key {
    Key { name: setting.attribute_key(), takes: Takes::Setting(setting.form()), setting: Some(setting) }
}

/// Reads one `key = value` of a choice.
fn pair(
    attribute: Attribute,
    choice: &'static Choice,
    argument: &Expr,
    earlier: &[(&'static Setting, Value)],
    errors: &mut Errors,
) -> Option<(&'static Setting, Value)> {
    let name = choice.name;
    let keys: Vec<&str> = choice.settings.iter().map(Setting::attribute_key).collect();
    let all = format!("the keys of `{name}` are: {}", keys.join(", "));
    let Some((key, value)) = assigned(argument) else {
        let form = choice.never.first().map(|(_, form)| format!("\n  {form}")).unwrap_or_default();
        errors.at(argument, format!("expected `key = value`{form}\n  {all}"));
        return None;
    };
    if let Some((_, form)) = choice.never.iter().find(|(never, _)| key == never) {
        errors.at(argument, *form);
        return None;
    }
    let Some(setting) = choice.settings.iter().find(|setting| key == setting.attribute_key()) else {
        let near = hint::did_you_mean(&key.to_string(), keys.iter().copied());
        let meant = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        errors.at(key, format!("unknown key `{key}`{meant}\n  {all}"));
        return None;
    };
    if earlier.iter().any(|(given, _)| given.key() == setting.key()) {
        errors.at(key, format!("`{key}` stands here twice"));
        return None;
    }
    super::read(attribute, key, &key_of(setting), value, errors).map(|value| (setting, value))
}

/// Returns the key and the value of `key = value`.
fn assigned(argument: &Expr) -> Option<(&Ident, &Expr)> {
    let Expr::Assign(assign) = argument else { return None };
    match &*assign.left {
        Expr::Path(path) => Some((path.path.get_ident()?, &assign.right)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;
    use trigger_grammar::kind::{ClaimedKeys, Kind};

    use super::*;
    use crate::expand;
    use crate::model::Declaration;

    static HOOK: Kind = Kind {
        name: "hook",
        attribute: "on_hook",
        settings: &[
            Setting::path("path", "path"),
            Setting::choice(
                "verify",
                "proof of the sender",
                &[
                    Choice::new(
                        "hmac",
                        &[
                            Setting::name("env", "variable of the secret"),
                            Setting::text("prefix", "text before the digest").default("sha256="),
                        ],
                    ),
                    Choice::new("none", &[]),
                ],
            )
            .or_code("a `Proof`")
            .optional("no proof"),
            Setting::choice(
                "id",
                "id",
                &[Choice::new("header", &[Setting::name("name", "name")]).positional()],
            )
            .or_code("a closure")
            .optional("none"),
            Setting::choice("open", "lock", LOCKS).optional("none"),
            Setting::names("allow", "networks").optional("all"),
            Setting::words("methods", "methods", &["POST", "PUT"]).optional("POST"),
            Setting::flag("gone", "gone"),
            Setting::duration("age", "age").default("5m").between("1s", "1h"),
            Setting::one_of("answer", "status", &[200, 202]).optional("202"),
        ],
        claims: ClaimedKeys::NOTHING,
        refuses: &[],
        largest_body: None,
    };

    const LOCKS: &[Choice] = &[Choice::new(
        "key",
        &[
            Setting::names("env", "variables").optional("none"),
            Setting::name("file", "file").optional("none"),
        ],
    )
    .one_of(&[&["env", "file"]])
    .never(&[("secret", "a secret stands in a variable: `env = \"..\"`")])];

    /// Returns the output for a handler with these arguments, or the errors.
    fn output(arguments: TokenStream) -> Result<String, Vec<String>> {
        let function = quote!(
            async fn receive() {}
        );
        match Declaration::read(Attribute::Trigger(&HOOK), arguments, function) {
            Ok(declaration) => Ok(expand::handler(&declaration).to_string().replace(' ', "")),
            Err(broken) => Err(broken.error.into_iter().map(|error| error.to_string()).collect()),
        }
    }

    #[test]
    fn choice_is_an_entry_with_the_entries_of_its_keys() {
        let made = output(quote!("/in", verify = hmac(env = "SECRET", prefix = "v1="))).expect("a handler");
        let entry = r#"("verify",__p::Value::Choice("hmac",&[("env",__p::Value::Text("SECRET")),("prefix",__p::Value::Text("v1="))]))"#;
        assert!(made.contains(entry), "{made}");
        let alone = output(quote!("/in", verify = none)).expect("a handler");
        assert!(alone.contains(r#"("verify",__p::Value::Choice("none",&[]))"#), "{alone}");
    }

    #[test]
    fn lists_flags_and_values_of_the_program_are_entries() {
        for (arguments, entry) in [
            (
                quote!("/in", allow = ["a", "b"]),
                r#"("allow",__p::Value::List(&[__p::Value::Text("a"),__p::Value::Text("b")]))"#,
            ),
            (quote!("/in", allow = "a"), r#"("allow",__p::Value::List(&[__p::Value::Text("a")]))"#),
            (quote!("/in", gone), r#"("gone",__p::Value::Flag(true))"#),
            (quote!("/in", gone = false), r#"("gone",__p::Value::Flag(false))"#),
            (quote!("/in", answer = 200), r#"("answer",__p::Value::Number(200))"#),
            (
                quote!("/in", id = header("X-Id")),
                r#"("id",__p::Value::Choice("header",&[("name",__p::Value::Text("X-Id"))]))"#,
            ),
            (
                quote!("/in", verify = PROOF),
                r#"("verify",__p::Value::Code(__p::Code::new(||__p::code::verify(PROOF),"PROOF")))"#,
            ),
            (quote!("/in", verify = my::proof(7)), r#"__p::code::verify(my::proof(7))"#),
            (
                quote!("/in", id = |order: &Order| order.id),
                r#"__p::code::id(|event|__p::id::<Order>(event,|order:&Order|::std::string::ToString::to_string(&(order.id))))"#,
            ),
        ] {
            let made = output(arguments).expect("a handler");
            assert!(made.contains(entry), "{made}");
        }
    }

    #[test]
    fn mistakes_in_lists_flags_and_groups_are_found() {
        let says = |arguments: TokenStream, starts: &[&str]| {
            let errors = output(arguments).expect_err("mistakes");
            assert_eq!(errors.len(), starts.len(), "{errors:#?}");
            for (error, start) in errors.iter().zip(starts) {
                assert!(error.starts_with(start), "{error}");
            }
        };
        says(quote!("/in", allow = []), &["`allow` is empty; leave it out"]);
        says(
            quote!("/in", allow = ["a", 7, ""]),
            &["`allow` takes a string in quotes, or a list", "`allow` is empty"],
        );
        says(
            quote!("/in", methods = ["POST", "GET"]),
            &["`methods` takes a list of `\"POST\"` or `\"PUT\"`"],
        );
        says(quote!("/in", gone = "yes"), &["`gone` takes `true` or `false`"]);
        says(quote!("/in", age = "2h"), &["`age` is out of range: use 1s to 1h"]);
        says(quote!("/in", answer = 201), &["`answer` takes `200` or `202`"]);
        says(quote!("/in", id = header), &["`header` needs the name: `header(\"..\")`"]);
        says(quote!("/in", id = hader("X")), &["unknown `hader`; did you mean `header`?"]);
        says(quote!("/in", open = key), &["`key` needs `env` or `file`\n  write `key(env = "]);
        says(
            quote!("/in", open = key(env = "A", file = "b")),
            &["`key` takes `env` or `file`, and not both"],
        );
        says(quote!("/in", open = key(secret = "A")), &["a secret stands in a variable"]);
        says(quote!("/in", open = key("A")), &["expected `key = value`\n  a secret stands in a variable"]);
    }

    #[test]
    fn every_mistake_in_a_choice_is_found() {
        let says = |arguments: TokenStream, starts: &[&str]| {
            let errors = output(arguments).expect_err("mistakes");
            assert_eq!(errors.len(), starts.len(), "{errors:#?}");
            for (error, start) in errors.iter().zip(starts) {
                assert!(error.starts_with(start), "{error}");
            }
        };
        says(quote!("/in", verify = hmca(env = "X")), &["unknown `hmca`; did you mean `hmac`?"]);
        says(quote!("/in", verify = "hmac"), &["`verify` takes `hmac(..)`, `none(..)`"]);
        says(
            quote!("/in", verify = hmac),
            &["`hmac` needs the variable of the secret: `hmac(env = \"..\")`"],
        );
        says(
            quote!("/in", verify = hmac(emv = "X", env = 7, "y")),
            &[
                "unknown key `emv`; did you mean `env`?\n  the keys of `hmac` are: env, prefix",
                "`env` takes a string in quotes",
                "expected `key = value`",
            ],
        );
        says(quote!("/in", verify = hmac(env = "X", env = "Y")), &["`env` stands here twice"]);
        says(quote!("/in", verify = hmac(env = "")), &["bad variable of the secret"]);
    }
}
