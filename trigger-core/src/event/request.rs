//! The HTTP request behind a webhook event: what is kept of it, and what never is.

use super::*;

/// The request of a webhook event, without its body and without its secrets.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: Arc<str>,
    /// The text after `?`, without the keys that carry secrets.
    pub(crate) query: String,
    pub(crate) headers: Headers,
    pub(crate) remote: SocketAddr,
}

impl Request {
    pub(crate) fn metadata(&self) -> Map<String, Value> {
        fields([
            ("method", text(self.method.as_str())),
            ("path", text(&self.path)),
            ("query", grouped(query_pairs(&self.query))),
            ("headers", grouped(self.headers.iter().map(|(name, value)| (name.to_owned(), value)))),
            ("remote", text(&self.remote.to_string())),
        ])
    }
}

/// The headers of a webhook request.
///
/// Headers that carry credentials, cookies or signatures (such as `authorization`, `cookie`, `x-api-key`,
/// `x-hub-signature-256`, `stripe-signature`) are removed before anything else sees the request. So are, from the query,
/// `access_token`, `token`, `api_key`, `apikey`, `key`, `secret`, `signature`, `sig` and `password`.
#[derive(Clone, Debug, Default)]
pub struct Headers(HeaderMap);

impl Headers {
    /// Takes over the headers of a request and removes those that carry secrets.
    pub(crate) fn without_secrets(mut headers: HeaderMap) -> Headers {
        while let Some(secret) = headers.keys().find(|name| is_secret_header(name.as_str())).cloned() {
            headers.remove(secret);
        }
        Headers(headers)
    }

    /// The first value of a header; the case of the name does not matter. `None` too for a value that is not UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| str::from_utf8(value.as_bytes()).ok())
    }

    /// Every header in order, its name in lower case. A value that is not UTF-8 is read as ISO 8859-1, in which
    /// every byte is a character (RFC 9110 section 5.5).
    pub fn iter(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(name, value)| {
            let value = match str::from_utf8(value.as_bytes()) {
                Ok(value) => value.to_owned(),
                Err(_) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
            };
            (name.as_str(), value)
        })
    }
}

/// Pairs as an object, in which a repeated key has the list of its values.
fn grouped(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut object = Map::new();
    for (key, value) in pairs {
        match object.get_mut(&key) {
            None => drop(object.insert(key, Value::String(value))),
            Some(Value::Array(values)) => values.push(Value::String(value)),
            Some(one) => *one = Value::Array(vec![one.take(), Value::String(value)]),
        }
    }
    Value::Object(object)
}

/// The pairs of a query, decoded (WHATWG URL standard, `application/x-www-form-urlencoded` parsing).
fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned()
}

/// The query without the keys that carry secrets.
pub(crate) fn query_without_secrets(query: &str) -> String {
    let is_secret =
        |pair: &str| query_pairs(pair).any(|(key, _)| is_secret_query_key(&key.to_ascii_lowercase()));
    query.split('&').filter(|pair| !is_secret(pair)).collect::<Vec<_>>().join("&")
}

/// Whether a header, named in lower case, carries a credential, a cookie or a signature.
fn is_secret_header(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "proxy-authorization"
            | "proxy-authenticate"
            | "www-authenticate"
            | "x-original-authorization"
            | "cookie"
            | "set-cookie"
            | "set-cookie2"
            | "api-key"
            | "apikey"
            | "x-api-key"
            | "x-access-token"
            | "x-auth-token"
            | "x-csrf-token"
            | "x-xsrf-token"
            | "x-amz-security-token"
            | "x-vault-token"
            | "x-gitlab-token"
            | "x-telegram-bot-api-secret-token"
            | "x-goog-iap-jwt-assertion"
            | "cf-access-jwt-assertion"
            | "x-forwarded-client-cert"
            | "x-client-cert"
            | "x-ssl-client-cert"
            | "x-hub-signature"
            | "x-hub-signature-256"
            | "x-webhook-signature"
            | "x-slack-signature"
            | "x-shopify-hmac-sha256"
            | "x-twilio-signature"
            | "stripe-signature"
            | "svix-signature"
            | "webhook-signature"
    )
}

/// Whether a query key, in lower case, carries a secret: CloudEvents allows `?access_token=` (HTTP WebHook section 3.2).
fn is_secret_query_key(key: &str) -> bool {
    matches!(
        key,
        "access_token" | "token" | "api_key" | "apikey" | "key" | "secret" | "signature" | "sig" | "password"
    )
}
