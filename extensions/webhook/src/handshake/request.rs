//! A request that may be a handshake.

use http::{HeaderMap, Method};

use super::reply::Reply;

/// A request to a webhook, with everything that carries secrets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    /// The query as it came.
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// `true` if the signature of the request was verified, `false` if it was not, or if the webhook checks none.
    pub(crate) verified: bool,
    /// The secrets of the signature check. Only the handshake of Zoom reads them.
    pub(crate) secrets: &'a [&'a [u8]],
}

impl Request<'_> {
    /// Returns the refusal of a handshake without a verified signature, which would be an answer to everyone.
    pub(crate) fn refusal_of_unsigned(&self) -> Option<Reply> {
        (!self.verified).then(Reply::unsigned)
    }
}

#[cfg(test)]
static NO_HEADERS: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);

#[cfg(test)]
impl<'a> Request<'a> {
    /// Returns a signed `POST` without headers.
    pub(crate) fn post<B: AsRef<[u8]> + ?Sized>(body: &'a B) -> Request<'a> {
        let body = body.as_ref();
        Request {
            method: &Method::POST,
            query: None,
            headers: &NO_HEADERS,
            body,
            verified: true,
            secrets: &[],
        }
    }

    pub(crate) fn get(query: Option<&'a str>) -> Request<'a> {
        Request { method: &Method::GET, query, ..Request::post("") }
    }

    pub(crate) fn unsigned(self) -> Request<'a> {
        Request { verified: false, ..self }
    }
}

/// Returns a map of headers, in which a name may be repeated.
#[cfg(test)]
pub(crate) fn headers(headers: &[(&'static str, &str)]) -> HeaderMap {
    let parsed = |(name, value): &(&'static str, &str)| {
        (http::HeaderName::from_static(name), value.parse().expect("a value"))
    };
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter().map(parsed) {
        map.append(name, value);
    }
    map
}
