//! The values of settings, as the entries of a record.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::LitBool;
use syn::spanned::Spanned;
use trigger_grammar::setting;

use super::private_path;
use crate::value::{Code, Value, const_check};

/// `("webhook_port", Value::Number(9090))`
///
/// A const is in a call that checks it in const evaluation. The call has the span of the const, so errors show it there.
pub(super) fn entry(setting: &setting::Setting, value: &Value) -> TokenStream {
    let (key, tokens) = (setting.key(), value.to_tokens());
    let span = tokens.span();
    let private = private_path(span);
    let value = match (value, const_check(setting.form())) {
        (Value::Const(_), Some(check)) => {
            let check = Ident::new(check, span);
            quote_spanned!(span=> #private::const_checks::#check(#tokens))
        }
        (Value::Number(..), _) => quote_spanned!(span=> #private::Value::Number(#tokens)),
        (Value::Flag(..), _) => quote_spanned!(span=> #private::Value::Flag(#tokens)),
        (Value::List(values, _), _) => {
            let values = values.iter().map(|value| {
                let tokens = value.to_tokens();
                quote_spanned!(tokens.span()=> #private::Value::Text(#tokens))
            });
            quote_spanned!(span=> #private::Value::List(&[#(#values),*]))
        }
        (Value::Code(key, code), _) => {
            let (made, text) = match code {
                Code::Expression(expression) => {
                    (expression.to_token_stream(), expression.to_token_stream().to_string())
                }
                Code::Closure(closure) => (closure.function(), closure.text()),
            };
            let key = Ident::new(&key.to_string(), span);
            quote_spanned!(span=> #private::Value::Code(#private::Code::new(|| #private::code::#key(#made), #text)))
        }
        (Value::Choice(name, values, _), _) => {
            let entries = values.iter().map(|(setting, value)| entry(setting, value));
            quote_spanned!(span=> #private::Value::Choice(#name, &[#(#entries),*]))
        }
        _ => quote_spanned!(span=> #private::Value::Text(#tokens)),
    };
    quote_spanned!(span=> (#key, #value))
}

impl Value {
    /// Returns the value as written.
    pub(crate) fn to_tokens(&self) -> TokenStream {
        match self {
            Value::Text(text) => text.to_token_stream(),
            Value::Number(number, span) => literal(*number, *span).to_token_stream(),
            Value::Range((first, longest), span) => {
                let (first, longest) = (literal(*first, *span), literal(*longest, *span));
                quote_spanned!(*span=> (#first, #longest))
            }
            Value::Overflow(variant) => variant.to_token_stream(),
            Value::Const(path) => path.to_token_stream(),
            Value::Closure(closure) => closure.written(),
            Value::Flag(flag, span) => LitBool::new(*flag, *span).to_token_stream(),
            Value::Code(_, code) => match code {
                Code::Expression(expression) => expression.to_token_stream(),
                Code::Closure(closure) => closure.written(),
            },
            Value::Source(source) | Value::List(_, source) | Value::Choice(_, _, source) => {
                source.to_token_stream()
            }
        }
    }
}

fn literal(number: u64, span: Span) -> Literal {
    let mut literal = Literal::u64_unsuffixed(number);
    literal.set_span(span);
    literal
}
