//! Microsoft Graph: `POST ?validationToken=..`, answered within 10 s with the decoded token as `text/plain`
//! (learn.microsoft.com/graph/change-notifications-delivery-webhooks, "notificationUrl validation").

use http::Method;

use super::query::{Parameter, parameter};
use super::reply::Reply;
use super::request::Request;

/// Answers a validation. Graph signs no request, so the token comes from everyone.
pub(crate) fn answer(request: &Request<'_>) -> Option<Reply> {
    if request.method != Method::POST {
        return None;
    }
    match parameter(request.query, "validationToken") {
        Parameter::Absent => None,
        Parameter::Value(token) => Some(Reply::echo(token)),
        Parameter::Invalid => Some(Reply::malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(query: &str) -> Option<Reply> {
        answer(&Request { query: Some(query), ..Request::post("").unsigned() })
    }

    #[test]
    fn validation_token_is_decoded_and_echoed() {
        let query = "validationToken=Validation%3a+Testing+client+application+reachability+for+subscription\
                     +Request-Id%3a+522a8e7e-096a-494c-aaf1-ac0dcfca45b7";
        let reply = reply(query).expect("a handshake");
        let expected = "Validation: Testing client application reachability for subscription \
                        Request-Id: 522a8e7e-096a-494c-aaf1-ac0dcfca45b7";
        assert_eq!((reply.status(), reply.refused, reply.text().as_str()), (200, None, expected));
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }

    #[test]
    fn notification_is_a_delivery() {
        for query in ["", "a=1", "validationtoken=1", "xvalidationToken=1"] {
            assert!(reply(query).is_none(), "{query}");
        }
        let query = Some("validationToken=1");
        assert!(answer(&Request { query, ..Request::get(None) }).is_none());
    }

    #[test]
    fn validation_token_that_cannot_be_echoed_is_refused() {
        let long = "x".repeat(1025);
        for token in ["", "%", "%zz", "%ff", "a%0D%0Ab", "%1b", "1&validationToken=1", &long] {
            let reply = reply(&format!("validationToken={token}")).expect("a handshake");
            assert_eq!((reply.status(), reply.refused), (400, Some("handshake_malformed")), "{token}");
        }
    }
}
