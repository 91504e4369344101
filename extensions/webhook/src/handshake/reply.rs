//! The answers to handshakes.

use http::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::respond::{Answer, error, respond};
use trigger_core::Bytes;

/// The maximum length of an echoed text, in bytes. Every sender documents far shorter ones.
const MAX_ECHO: usize = 1024;

/// The answer to a handshake.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    /// The reason if the handshake was refused, such as `handshake_token`.
    pub(crate) refused: Option<&'static str>,
}

impl Reply {
    /// Returns 200 with a text of the request. An anonymous client may choose this text, so a browser that shows the answer
    /// must not read it as anything but text.
    pub(crate) fn echo(text: String) -> Reply {
        if text.is_empty() || text.len() > MAX_ECHO || text.chars().any(char::is_control) {
            return Reply::malformed();
        }
        let mut answer = Response::new(Full::new(Bytes::from(text)));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Reply { answer, refused: None }
    }

    /// Returns 200 with a JSON body.
    pub(crate) fn json(body: &impl Serialize) -> Reply {
        Reply { answer: respond(StatusCode::OK, body), refused: None }
    }

    /// Returns 204. A `Content-Type` is sent because Discord requires one.
    pub(crate) fn no_content() -> Reply {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Reply { answer, refused: None }
    }

    /// Returns 401: the handshake has no verified signature.
    pub(crate) fn unsigned() -> Reply {
        Reply::refusal(StatusCode::UNAUTHORIZED, "the handshake is not signed", "handshake_unsigned")
    }

    /// Returns 403: the token of the handshake is wrong.
    pub(crate) fn forbidden() -> Reply {
        Reply::refusal(StatusCode::FORBIDDEN, "the handshake has a wrong token", "handshake_token")
    }

    /// Returns 400: the value to be answered is missing, repeated, too long, or has characters that are not permitted.
    pub(crate) fn malformed() -> Reply {
        Reply::refusal(StatusCode::BAD_REQUEST, "the handshake is malformed", "handshake_malformed")
    }

    fn refusal(status: StatusCode, message: &str, reason: &'static str) -> Reply {
        Reply { answer: error(status, message), refused: Some(reason) }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use hyper::body::Body as _;

    use super::*;

    impl Reply {
        pub(crate) fn status(&self) -> u16 {
            self.answer.status().as_u16()
        }

        pub(crate) fn text(&self) -> String {
            let frame = pin!(self.answer.body().clone()).poll_frame(&mut Context::from_waker(Waker::noop()));
            let data = match frame {
                Poll::Ready(Some(Ok(frame))) => frame.into_data().expect("data"),
                Poll::Ready(None) => Bytes::new(),
                other => panic!("the body is not in memory: {other:?}"),
            };
            String::from_utf8(data.to_vec()).expect("text")
        }

        pub(crate) fn header(&self, name: &str) -> &str {
            let mut values = self.answer.headers().get_all(name).iter();
            let value = values.next().expect(name).to_str().expect("text");
            assert_eq!(values.next(), None, "{name} is repeated");
            value
        }
    }

    #[test]
    fn echo_is_a_short_text_without_control_characters() {
        let long = "x".repeat(MAX_ECHO);
        for text in ["a", "Validation: Testing <script>", "caf\u{e9}", &long] {
            let reply = Reply::echo(text.to_owned());
            assert_eq!((reply.status(), reply.refused, reply.text().as_str()), (200, None, text));
            assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
        }
        let over = "x".repeat(MAX_ECHO + 1);
        for text in ["", &over, "a\nb", "a\r", "\t", "\0", "\u{7f}", "\u{85}", "\u{1b}[31m"] {
            let reply = Reply::echo(text.to_owned());
            assert_eq!((reply.status(), reply.refused), (400, Some("handshake_malformed")), "{text:?}");
            assert_eq!(reply.text(), r#"{"status":"error","message":"the handshake is malformed"}"#);
        }
    }
}
