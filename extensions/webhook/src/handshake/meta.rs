//! Meta (Facebook, Instagram, WhatsApp): `GET ?hub.mode=subscribe&hub.challenge=..&hub.verify_token=..`
//! (developers.facebook.com/docs/graph-api/webhooks/getting-started, "Verification Requests").

use std::{error, fmt};

use http::Method;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::query::{Parameter, parameter};
use super::reply::Reply;
use super::request::Request;

/// The verify tokens of a webhook, as their SHA-256. Digests have one length, so a comparison of them takes one time.
#[derive(Clone)]
pub(crate) struct VerifyTokens(Vec<[u8; 32]>);

impl VerifyTokens {
    pub(crate) fn new<T: AsRef<[u8]>>(
        tokens: impl IntoIterator<Item = T>,
    ) -> Result<VerifyTokens, HandshakeError> {
        let tokens = tokens.into_iter().map(|token| match token.as_ref() {
            [] => Err(HandshakeError { reason: "a verify token is empty" }),
            token => Ok(Sha256::digest(token).into()),
        });
        let tokens: Vec<_> = tokens.collect::<Result<_, _>>()?;
        match tokens.is_empty() {
            true => Err(HandshakeError { reason: "there is no verify token" }),
            false => Ok(VerifyTokens(tokens)),
        }
    }

    /// Returns `true` if the text is one of the tokens, in a time that does not depend on the tokens.
    fn contains(&self, text: &str) -> bool {
        let digest = Sha256::digest(text);
        let equal = self.0.iter().map(|token| token[..].ct_eq(&digest[..]));
        equal.fold(Choice::from(0), |any, equal| any | equal).into()
    }
}

/// Shows how many tokens there are.
impl fmt::Debug for VerifyTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifyTokens").field(&self.0.len()).finish()
    }
}

/// Why a handshake was not made. It names no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandshakeError {
    reason: &'static str,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`Handshake::meta`: {}", self.reason)
    }
}

impl error::Error for HandshakeError {}

/// Answers every `GET`: 403 without a right token, which does not say whether the rest of the request is right.
pub(crate) fn answer(tokens: &VerifyTokens, request: &Request<'_>) -> Option<Reply> {
    if request.method != Method::GET {
        return None;
    }
    let value = |name| match parameter(request.query, name) {
        Parameter::Value(value) => Some(value),
        Parameter::Absent | Parameter::Invalid => None,
    };
    let is_subscription = value("hub.mode").is_some_and(|mode| mode == "subscribe");
    let is_permitted = value("hub.verify_token").is_some_and(|token| tokens.contains(&token));
    Some(match value("hub.challenge") {
        _ if !is_permitted || !is_subscription => Reply::forbidden(),
        Some(challenge) => Reply::echo(challenge),
        None => Reply::malformed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "hub.mode=subscribe&hub.verify_token=meatyhamhock";

    fn tokens() -> VerifyTokens {
        VerifyTokens::new(["first", "meatyhamhock"]).expect("two tokens")
    }

    fn reply(query: &str) -> Reply {
        answer(&tokens(), &Request::get(Some(query)).unsigned()).expect("a `GET` is answered")
    }

    #[test]
    fn challenge_is_echoed_if_the_verify_token_is_right() {
        let query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock";
        assert_eq!((reply(query).status(), reply(query).text().as_str()), (200, "1158201444"));
        let first = reply("hub.mode=subscribe&hub.challenge=a%3Cb&hub.verify_token=%66irst");
        assert_eq!((first.status(), first.text().as_str()), (200, "a<b"));
        assert_eq!(first.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(first.header("x-content-type-options"), "nosniff");
    }

    #[test]
    fn get_without_a_right_token_is_forbidden() {
        for query in [
            "",
            "hub.challenge=1",
            "hub.mode=subscribe&hub.challenge=1",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=meatyhamhoc",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=meatyhamhockk",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=Meatyhamhock",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=meatyhamhock%",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=meatyhamhock&hub.verify_token=meatyhamhock",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=a&hub.verify_token=meatyhamhock",
            "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=meatyhamhock",
            "hub.challenge=1&hub.verify_token=meatyhamhock",
        ] {
            let reply = reply(query);
            assert_eq!((reply.status(), reply.refused), (403, Some("handshake_token")), "{query}");
        }
        let none = answer(&tokens(), &Request::get(None)).expect("a `GET` is answered");
        assert_eq!(none.status(), 403);
    }

    #[test]
    fn challenge_that_cannot_be_echoed_is_refused() {
        let long = "x".repeat(1025);
        for challenge in
            ["", "&hub.challenge=1", "%", "%f", "%ff", "a%0Ab", "%00", "1&hub.challenge=2", &long]
        {
            let reply = reply(&format!("{RIGHT}&hub.challenge={challenge}"));
            assert_eq!((reply.status(), reply.refused), (400, Some("handshake_malformed")), "{challenge}");
        }
        assert_eq!(reply(RIGHT).status(), 400);
    }

    #[test]
    fn post_is_a_delivery_whatever_its_query_is() {
        let query = Some("hub.mode=subscribe&hub.challenge=1&hub.verify_token=meatyhamhock");
        assert!(answer(&tokens(), &Request { query, ..Request::post("{}") }).is_none());
    }

    #[test]
    fn no_token_and_an_empty_token_are_refused_and_none_is_shown() {
        let message = |tokens: &[&str]| VerifyTokens::new(tokens).expect_err("no token").to_string();
        assert_eq!(message(&[]), "`Handshake::meta`: there is no verify token");
        assert_eq!(message(&["meatyhamhock", ""]), "`Handshake::meta`: a verify token is empty");
        assert_eq!(format!("{:?}", tokens()), "VerifyTokens(2)");
    }
}
