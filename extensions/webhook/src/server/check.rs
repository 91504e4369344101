//! The checks that decide whether a request may come in.
//!
//! The checks of a server are an ordered list, and the first refusal is the answer. They see the head, before any of the body
//! is read. The rules of a webhook follow: `client` on the head, `signature` on head and body.

use std::borrow::Cow;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HOST, ORIGIN, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};

use crate::respond::{Answer, refused};

/// A rule for requests. A connection has its own instance, which may remember what earlier requests have shown.
///
/// Two checks in order are the pair of them.
pub(crate) trait Check: Send + Sync + 'static {
    /// Checks the head of a request, before any of its body is read.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] that answers the request.
    fn head(&self, head: &Head<'_>, summary: &HeaderSummary<'_>) -> Result<(), Refusal> {
        let _ = (head, summary);
        Ok(())
    }
}

/// The first check, and then the second one if the first has passed.
impl<A: Check, B: Check> Check for (A, B) {
    #[inline]
    fn head(&self, head: &Head<'_>, summary: &HeaderSummary<'_>) -> Result<(), Refusal> {
        self.0.head(head, summary)?;
        self.1.head(head, summary)
    }
}

/// The head of a request, with everything that carries secrets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    /// The query, with its secrets.
    pub(crate) query: Option<&'a str>,
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
    /// The IP address of the client.
    pub(crate) remote: &'a str,
}

impl<'a> Head<'a> {
    #[inline]
    pub(crate) fn of<B>(request: &'a Request<B>, remote: &'a str) -> Head<'a> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        Head { method, path: uri.path(), query: uri.query(), version: request.version(), headers, remote }
    }
}

/// What several checks need to know of the headers. One pass over them costs less than a lookup of each name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderSummary<'a> {
    /// The size of all headers, in bytes.
    pub(crate) bytes: usize,
    /// The last two `Host` headers, the last one first.
    pub(crate) hosts: [Option<&'a HeaderValue>; 2],
    /// `true` if there is a `Content-Encoding` that changes the body.
    pub(crate) encoded: bool,
    /// `true` if there is a sign of a CloudEvent.
    pub(crate) is_cloudevent: bool,
    /// `true` if there is an `Origin` or `Sec-Fetch-Site`, with which a browser says what website sends a request.
    pub(crate) names_website: bool,
    /// `true` if the client waits for `100 Continue` before it sends the body.
    pub(crate) expects: bool,
    /// `true` if there is an `Expect` with anything else.
    pub(crate) expects_more: bool,
}

impl<'a> HeaderSummary<'a> {
    #[inline]
    pub(crate) fn of(headers: &'a HeaderMap) -> HeaderSummary<'a> {
        let mut summary = HeaderSummary {
            bytes: 0,
            hosts: [None; 2],
            encoded: false,
            is_cloudevent: false,
            names_website: false,
            expects: false,
            expects_more: false,
        };
        for (name, value) in headers {
            summary.bytes += name.as_str().len() + value.len() + 4;
            match *name {
                HOST => summary.hosts = [Some(value), summary.hosts[0]],
                CONTENT_ENCODING => summary.encoded |= changes_body(value),
                EXPECT => {
                    let is_known = value.as_bytes().eq_ignore_ascii_case(b"100-continue");
                    summary.expects |= is_known;
                    summary.expects_more |= !is_known;
                }
                CONTENT_TYPE => summary.is_cloudevent |= is_cloudevent(value),
                ORIGIN => summary.names_website = true,
                _ => match name.as_str() {
                    "ce-specversion" => summary.is_cloudevent = true,
                    "sec-fetch-site" => summary.names_website = true,
                    _ => {}
                },
            }
        }
        summary
    }
}

/// Returns `true` for a media type of CloudEvents in structured or batched mode.
fn is_cloudevent(media_type: &HeaderValue) -> bool {
    let begin = b"application/cloudevents";
    // Most media types are shorter.
    media_type.len() >= begin.len()
        && media_type
            .as_bytes()
            .trim_ascii()
            .get(..begin.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(begin))
}

/// Returns `true` if a body has one coding, which is gzip.
pub(crate) fn is_gzip(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter().map(|value| value.as_bytes().trim_ascii());
    let first = codings.find(|coding| !coding.is_empty());
    first.is_some_and(|coding| coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip"))
        && codings.all(<[u8]>::is_empty)
}

/// Returns `true` if a `Content-Encoding` lists a coding that changes the body. A recipient ignores the empty elements of a
/// list (RFC 9110 section 5.6.1).
fn changes_body(codings: &HeaderValue) -> bool {
    let mut codings = codings.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// The answer to a request that a check refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// The message of the answer. It names no internal detail.
    pub(crate) message: Cow<'static, str>,
    /// The name of its counter.
    pub(crate) reason: &'static str,
    /// The value of `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// Returns the refusal of a malformed request.
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { status, message: message.into(), reason: "malformed", retry_after: None }
    }

    /// Sets another reason.
    pub(crate) fn because(self, reason: &'static str) -> Refusal {
        Refusal { reason, ..self }
    }

    /// Returns the answer, which closes the connection, because the rest of the request is not read.
    #[cold]
    pub(crate) fn answer(&self) -> Answer {
        let mut answer = refused(self.status, &self.message);
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }

    /// Logs who was refused. The target of the request may carry secrets, so it is left out.
    #[cold]
    pub(crate) fn log(&self, head: &Head<'_>) {
        let (remote, method, status) = (head.remote, head.method, self.status.as_u16());
        tracing::debug!(remote, %method, status, message = &*self.message, "request refused");
    }
}
