//! A value with keys of its own, such as `verify = hmac(env = "SECRET")`.

use syn::{Expr, Ident};
use trigger_grammar::hint;
use trigger_grammar::setting::{Choice, Setting};

use super::{Takes, Value};
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
    choices: &'static [Choice],
    value: &Expr,
    errors: &mut Errors,
) -> Option<Value> {
    let (path, arguments) = match value {
        Expr::Group(group) => return read(attribute, key, choices, &group.expr, errors),
        Expr::Path(name) => (name.path.get_ident(), None),
        Expr::Call(call) => match &*call.func {
            Expr::Path(name) => (name.path.get_ident(), Some(&call.args)),
            _ => (None, None),
        },
        _ => (None, None),
    };
    let Some(name) = path else {
        errors.at(value, format!("`{key}` takes {}", shown(choices)));
        return None;
    };
    let Some(choice) = choices.iter().find(|choice| name == choice.name) else {
        let near = hint::did_you_mean(&name.to_string(), choices.iter().map(|choice| choice.name));
        let meant = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        errors.at(name, format!("unknown `{name}`{meant}\n  `{key}` takes {}", shown(choices)));
        return None;
    };
    let mut values = Vec::new();
    for argument in arguments.into_iter().flatten() {
        values.extend(pair(attribute, choice, argument, &values, errors));
    }
    let required = |setting: &&Setting| setting.absent().is_none() && setting.default_value().is_none();
    for setting in choice.settings.iter().filter(required) {
        let (own, about, example) = (setting.attribute_key(), setting.about(), setting.example());
        // A wrong value has its own error.
        if !arguments.into_iter().flatten().filter_map(assigned).any(|(key, _)| key == own) {
            errors.at(name, format!("`{name}` needs the {about}: `{name}({own} = {example})`"));
        }
    }
    Some(Value::Choice(choice.name, values, Box::new(value.clone())))
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
        errors.at(argument, format!("expected `key = value`\n  {all}"));
        return None;
    };
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
    let known =
        Key { name: setting.attribute_key(), takes: Takes::Setting(setting.form()), setting: Some(setting) };
    super::read(attribute, key, &known, value, errors).map(|value| (setting, value))
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
                    Choice {
                        name: "hmac",
                        settings: &[
                            Setting::name("env", "variable of the secret"),
                            Setting::text("prefix", "text before the digest").default("sha256="),
                        ],
                    },
                    Choice { name: "none", settings: &[] },
                ],
            )
            .optional("no proof"),
        ],
        claims: ClaimedKeys::NOTHING,
        refuses: &[],
        largest_body: None,
    };

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
