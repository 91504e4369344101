//! The checks of every request: those of its head that hyper does not make. A request that fails one reaches no route.

use std::sync::{Arc, OnceLock};

use http::uri::Authority;
use http::{HeaderValue, StatusCode, Version};

use crate::server::check::{Check, Head, HeaderSummary, Refusal};
use crate::server::settings::ServerSettings;
use trigger_grammar::size::show_size;

/// The checks of every server, in their order.
pub(crate) type HeadChecks = (HeadLimits, (HostRule, Supported));

/// Returns the checks of a new connection.
pub(crate) fn head_checks(settings: &Arc<ServerSettings>) -> HeadChecks {
    (HeadLimits(Arc::clone(settings)), (HostRule::default(), Supported))
}

/// Refuses a head over the limits of the server.
#[derive(Debug)]
pub(crate) struct HeadLimits(pub(crate) Arc<ServerSettings>);

impl Check for HeadLimits {
    #[inline]
    fn head(&self, head: &Head<'_>, summary: &HeaderSummary<'_>) -> Result<(), Refusal> {
        let limits = &self.0.limits;
        let target = head.path.len() + head.query.map_or(0, |query| 1 + query.len());
        if target > limits.target_limit {
            let message = format!("the request target is over {}", show_size(limits.target_limit as u64));
            return Err(Refusal::new(StatusCode::URI_TOO_LONG, message).because("target"));
        }
        if target + summary.bytes > limits.head_limit {
            let message = format!("the head is over {}", show_size(limits.head_limit as u64));
            return Err(
                Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message).because("head_size")
            );
        }
        if head.headers.len() > limits.header_count {
            let message = format!("the head has over {} headers", limits.header_count);
            return Err(
                Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message).because("head_count")
            );
        }
        Ok(())
    }
}

/// Refuses a request without a valid `Host`.
///
/// RFC 9112 section 3.2: a server MUST answer 400 to a request without Host, with more than one, or with one that is invalid.
/// HTTP/1.0 has no such rule, but two Host headers are ambiguous there as well.
#[derive(Debug, Default)]
pub(crate) struct HostRule {
    /// The `Host` of the first valid request of the connection. Most clients send the same one each time, which then needs no
    /// check.
    known: OnceLock<Box<[u8]>>,
}

impl Check for HostRule {
    #[inline]
    fn head(&self, head: &Head<'_>, summary: &HeaderSummary<'_>) -> Result<(), Refusal> {
        let message = match summary.hosts {
            [Some(host), None] if self.known.get().is_some_and(|known| **known == *host.as_bytes()) => {
                return Ok(());
            }
            [Some(host), None] if is_host(host) => {
                let _ = self.known.set(host.as_bytes().into());
                return Ok(());
            }
            [None, _] if head.version == Version::HTTP_10 => return Ok(()),
            [None, _] => "the Host header is missing",
            [Some(_), None] => "the Host header is invalid",
            [Some(_), Some(_)] => "more than one Host header",
        };
        Err(Refusal::new(StatusCode::BAD_REQUEST, message))
    }
}

/// Returns `true` for `uri-host [":" port]` of RFC 9110 section 7.2, if the host is not empty.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let Ok(authority) = text.parse::<Authority>() else { return false };
    // User information would be before the host. RFC 9110 does not allow it here.
    let Some(rest) = text.strip_prefix(authority.host()) else { return false };
    // Parsed here, because `Authority::port` is `None` also for a port over 65535.
    let port = rest.strip_prefix(':');
    let port_is_valid = port.is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok());
    !authority.host().is_empty() && (rest.is_empty() || port_is_valid)
}

/// Refuses an unknown expectation.
#[derive(Debug)]
pub(crate) struct Supported;

impl Check for Supported {
    #[inline]
    fn head(&self, _: &Head<'_>, summary: &HeaderSummary<'_>) -> Result<(), Refusal> {
        if summary.expects_more {
            // RFC 9110 section 10.1.1.
            let message = "the server meets no expectation but 100-continue";
            return Err(Refusal::new(StatusCode::EXPECTATION_FAILED, message).because("unsupported"));
        }
        Ok(())
    }
}
