//! The query of a request, without its secrets.

use std::ops::Deref;

use serde::de::DeserializeOwned;

use crate::event::pairs::decode;
use trigger_core::{Context, FromTrigger, Rejection, TriggerKind};

/// The attribute with the query: the text after `?`, without the keys that carry secrets.
pub(crate) const QUERY: &str = "query";

/// The query of a webhook request, decoded into a type (`application/x-www-form-urlencoded`).
///
/// Keys that carry secrets, such as `token` and `access_token`, are removed first. A field that is a list takes every
/// value of its key, in order. Any other field takes one value, and a repeated key is rejected. An `Option<Query<T>>` is
/// `None` if the query is empty and `T` needs a value.
///
/// ```
/// # use trigger_core::{Context, FromTrigger, Rejection};
/// # use trigger_webhook::{Headers, Query, WebhookTrigger};
/// #[derive(serde::Deserialize)]
/// struct Page { number: u32 }
///
/// let event = WebhookTrigger::event("/pages?number=7", Headers::default(), "");
/// let Query(page) = Query::<Page>::from_trigger(&Context::new(&event))?;
/// assert_eq!(page.number, 7);
/// # Ok::<(), Rejection>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromTrigger for Query<T> {
    const AVAILABLE_FOR: Option<&'static [TriggerKind]> = Some(&[TriggerKind::Webhook]);

    fn from_trigger(cx: &Context<'_>) -> Result<Query<T>, Rejection> {
        if cx.event().frame().kind() != TriggerKind::Webhook {
            return Err(Rejection::absent("only a webhook request has query"));
        }
        let query = cx.event().frame().attribute(QUERY).unwrap_or_default();
        decode(query.as_bytes(), QUERY).map(Query)
    }
}

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Returns the decoded pairs of a query (WHATWG URL standard, `application/x-www-form-urlencoded` parsing).
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned()
}

/// Returns the query without the keys that carry secrets.
pub(crate) fn query_without_secrets(query: &str) -> String {
    let is_secret =
        |pair: &str| query_pairs(pair).any(|(key, _)| is_secret_query_key(&key.to_ascii_lowercase()));
    query.split('&').filter(|pair| !is_secret(pair)).collect::<Vec<_>>().join("&")
}

/// Returns `true` if a query key in lower case carries a secret. CloudEvents allows `?access_token=` (HTTP WebHook
/// section 3.2).
fn is_secret_query_key(key: &str) -> bool {
    matches!(
        key,
        "access_token" | "token" | "api_key" | "apikey" | "key" | "secret" | "signature" | "sig" | "password"
    )
}
