//! A request to verify, and what verifies it.

use std::fmt;
use std::time::SystemTime;

use http::HeaderMap;

use super::error::VerifyError;
use super::verified::Verified;

/// A request whose signature is to be verified: the head, and the body as it was received.
///
/// ```
/// # use std::time::SystemTime;
/// # use trigger_webhook::{HeaderMap, SignedRequest};
/// let headers = HeaderMap::new();
/// let mut request = SignedRequest::new(&headers, b"{}", SystemTime::UNIX_EPOCH);
/// request.path = "/tenants/acme";
/// request.captures = &[("tenant", "acme")];
/// assert_eq!(request.capture("tenant"), Some("acme"));
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SignedRequest<'a> {
    /// The method. It is `POST` after [`new`](SignedRequest::new).
    pub method: &'a str,
    /// The path, as it was received. It is `/` after [`new`](SignedRequest::new).
    pub path: &'a str,
    /// The text after `?`, as it was received. It is `None` after [`new`](SignedRequest::new).
    pub query: Option<&'a str>,
    /// All headers, with those that carry secrets.
    pub headers: &'a HeaderMap,
    /// The bytes of the body, as they were received.
    pub body: &'a [u8],
    /// The time at the receiver.
    pub now: SystemTime,
    /// The names and values of the captures of the path. There are no captures after [`new`](SignedRequest::new).
    pub captures: &'a [(&'a str, &'a str)],
}

impl<'a> SignedRequest<'a> {
    /// Returns a `POST` to `/` without a query and without captures.
    pub fn new(headers: &'a HeaderMap, body: &'a [u8], now: SystemTime) -> SignedRequest<'a> {
        SignedRequest { method: "POST", path: "/", query: None, headers, body, now, captures: &[] }
    }

    /// Returns the value of a capture of the path.
    pub fn capture(&self, name: &str) -> Option<&'a str> {
        self.captures.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }
}

/// Shows the method, the path and the length of the body. The rest may carry secrets.
impl fmt::Debug for SignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Decides whether a request comes from its sender. [`Verify`](crate::Verify) implements it for the known schemes.
///
/// An implementation of your own can choose the secret by the request, such as by the tenant in its path:
///
/// ```
/// # use std::collections::HashMap;
/// # use std::time::SystemTime;
/// # use trigger_webhook::{HeaderMap, Sign, SignedRequest, Verified, Verifier, Verify, VerifyError};
/// struct Tenants(HashMap<String, Verify>);
///
/// impl Verifier for Tenants {
///     fn verify(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError> {
///         let tenant = request.capture("tenant").and_then(|name| self.0.get(name));
///         tenant.ok_or_else(|| VerifyError::new("tenant_unknown", "no such tenant"))?.verify(request)
///     }
///
///     fn scheme(&self) -> &str {
///         "tenants"
///     }
/// }
///
/// let tenants = Tenants(HashMap::from([("acme".to_owned(), Verify::github(["s3cret"])?)]));
/// let now = SystemTime::UNIX_EPOCH;
/// let headers = Sign::github("s3cret")?.headers(b"{}", now, "7")?;
/// let mut request = SignedRequest::new(&headers, b"{}", now);
/// assert_eq!(tenants.verify(&request).unwrap_err().reason(), "tenant_unknown");
/// request.captures = &[("tenant", "acme")];
/// assert_eq!(tenants.verify(&request)?.delivery_id(), Some("7"));
/// # Ok::<(), VerifyError>(())
/// ```
pub trait Verifier: Send + Sync + 'static {
    /// Verifies a request. It is called for each request, and must not block.
    ///
    /// # Errors
    ///
    /// The reason for which the request is refused.
    fn verify(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError>;

    /// Returns the name of the scheme, for descriptions and logs.
    fn scheme(&self) -> &str;
}
