//! Checks of a request's head that hyper does not make. A request that fails one reaches no route.

use std::sync::OnceLock;

use http::header::{CONTENT_ENCODING, HOST};
use http::uri::Authority;
use http::{HeaderValue, Request, StatusCode, Version};

use super::{HEAD_BYTES, HEADERS, TARGET_BYTES};

/// The answer to a request that is refused by its head alone: the status, and the message.
type Fault = (StatusCode, &'static str);

/// Checks a head. Returns the size of its headers in bytes, or why the request is refused. `known` is a valid `Host` of
/// an earlier request of the connection.
pub(super) fn check<B>(request: &Request<B>, known: &OnceLock<Box<[u8]>>) -> Result<usize, Fault> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES {
        return Err((StatusCode::URI_TOO_LONG, "the request target is over 8 KiB"));
    }
    // One pass over the headers costs less than a lookup of each name.
    let (mut bytes, mut hosts, mut encoded) = (0, [None; 2], false);
    for (name, value) in request.headers() {
        bytes += name.as_str().len() + value.len() + 4;
        match *name {
            HOST => hosts = [Some(value), hosts[0]],
            CONTENT_ENCODING => encoded |= !value.as_bytes().eq_ignore_ascii_case(b"identity"),
            _ => {}
        }
    }
    if target + bytes > HEAD_BYTES {
        return Err((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is over 16 KiB"));
    }
    // hyper's own limit is 100 headers, and its answer has no body.
    if request.headers().len() > HEADERS {
        return Err((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head has over 64 headers"));
    }
    // RFC 9112 section 3.2: a server MUST answer 400 to a request without Host, with more than one, or with one
    // that is invalid. HTTP/1.0 has no such rule, but two Host headers are ambiguous there as well.
    match hosts {
        [Some(host), None] if known.get().is_some_and(|known| **known == *host.as_bytes()) => {}
        [Some(host), None] if is_host(host) => drop(known.set(host.as_bytes().into())),
        [None, _] if request.version() == Version::HTTP_10 => {}
        [None, _] => return Err((StatusCode::BAD_REQUEST, "the Host header is missing")),
        [Some(_), None] => return Err((StatusCode::BAD_REQUEST, "the Host header is invalid")),
        [Some(_), Some(_)] => return Err((StatusCode::BAD_REQUEST, "more than one Host header")),
    }
    // The handler gets the bytes as they are. It could not read encoded ones, so they are refused (RFC 9110 section
    // 15.5.16).
    if encoded {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding"));
    }
    Ok(bytes)
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
