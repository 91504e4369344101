//! Dropbox: `GET ?challenge=..`, answered with the challenge as `text/plain` and `nosniff`
//! (dropbox.com/developers/reference/webhooks, "The verification request").

use http::Method;

use super::query::{Parameter, parameter};
use super::reply::Reply;
use super::request::Request;

/// Answers every `GET`. Dropbox signs deliveries, but not this request, so the challenge comes from everyone.
pub(crate) fn answer(request: &Request<'_>) -> Option<Reply> {
    if request.method != Method::GET {
        return None;
    }
    Some(match parameter(request.query, "challenge") {
        Parameter::Value(challenge) => Reply::echo(challenge),
        Parameter::Absent | Parameter::Invalid => Reply::malformed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(query: &str) -> Reply {
        answer(&Request::get(Some(query)).unsigned()).expect("a `GET` is answered")
    }

    #[test]
    fn challenge_is_echoed_as_plain_text() {
        let reply = reply("challenge=abc123");
        assert_eq!((reply.status(), reply.refused, reply.text().as_str()), (200, None, "abc123"));
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }

    #[test]
    fn challenge_that_cannot_be_echoed_is_refused() {
        let long = format!("challenge={}", "x".repeat(1025));
        for query in [
            "",
            "Challenge=a",
            "challenge",
            "challenge=",
            "challenge=%",
            "challenge=%c3",
            "challenge=%0a",
            "challenge=a&challenge=a",
            &long,
        ] {
            let reply = reply(query);
            assert_eq!((reply.status(), reply.refused), (400, Some("handshake_malformed")), "{query}");
        }
        assert_eq!(answer(&Request::get(None)).map(|reply| reply.status()), Some(400));
    }

    #[test]
    fn notification_is_a_delivery_whatever_its_query_is() {
        let query = Some("challenge=abc123");
        assert!(answer(&Request { query, ..Request::post("{}") }).is_none());
    }
}
