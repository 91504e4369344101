//! Signed requests in both directions: `Verify` accepts what a library signs, and a library accepts what `Sign` signs. Both
//! refuse each of these requests with another body, and with the signature of another secret.

use std::fmt;

use crate::library::{Headers, Language, Question, to_base64};
use crate::receiver::{Receive, Verdict, now};
use crate::schemes::{Message, Scheme};
use crate::table::Table;

/// The libraries of PyPI, with their schemes.
pub(crate) const PYPI: &[(&str, Scheme)] = &[
    ("stripe", Scheme::Stripe),
    ("standardwebhooks", Scheme::Standard),
    ("svix", Scheme::Standard),
    ("slack_sdk", Scheme::Slack),
    ("twilio", Scheme::Twilio),
];

/// The libraries of npm, with their schemes.
pub(crate) const NPM: &[(&str, Scheme)] =
    &[("@octokit/webhooks-methods", Scheme::Github), ("stripe", Scheme::Stripe)];

/// A library of one language.
struct Library<'a> {
    language: &'a mut Language,
    name: &'static str,
    scheme: Scheme,
}

/// Who signs, and who verifies.
#[derive(Clone, Copy)]
enum Direction {
    ToUs,
    ToLibrary,
}

impl Direction {
    /// Returns the row of the table.
    fn row(self, verdict: Verdict) -> &'static str {
        match (self, verdict) {
            (Direction::ToUs, Verdict::Accepted) => "its requests, accepted by us",
            (Direction::ToUs, Verdict::Refused) => "its forged requests, refused by us",
            (Direction::ToLibrary, Verdict::Accepted) => "our requests, accepted by it",
            (Direction::ToLibrary, Verdict::Refused) => "our forged requests, refused by it",
        }
    }
}

/// Exchanges every message with the libraries of one registry, and counts the requests.
pub(crate) fn exchange(
    (language, registry): (&mut Language, &str),
    libraries: &[(&'static str, Scheme)],
    receive: Receive<'_>,
    table: &mut Table,
) -> Result<(), String> {
    for &(name, scheme) in libraries {
        let row = format!("{name} ({registry})");
        let mut library = Library { language, name, scheme };
        for direction in [Direction::ToUs, Direction::ToLibrary] {
            for verdict in [Verdict::Accepted, Verdict::Refused] {
                table.declare(&row, direction.row(verdict));
            }
            for sent in scheme.messages().iter().flat_map(|message| requests(scheme, message)) {
                let verdict = match direction {
                    Direction::ToUs => library.sends(&sent, receive),
                    Direction::ToLibrary => library.receives(&sent),
                };
                match verdict {
                    Ok(verdict) if verdict == sent.expected => table.count(&row, direction.row(verdict)),
                    other => {
                        return Err(format!("{row}: {other:?}, {}: {sent}", direction.row(sent.expected)));
                    }
                }
            }
        }
    }
    Ok(())
}

/// A request: what is signed, with which secret, and what is sent with this signature.
struct Sent {
    secret: &'static str,
    signed: Message,
    sent: Message,
    expected: Verdict,
}

/// Returns a message as its sender sends it, and two forgeries of it.
fn requests(scheme: Scheme, message: &Message) -> [Sent; 3] {
    let sent = |secret, sent, expected| Sent { secret, signed: message.clone(), sent, expected };
    [
        sent(scheme.secret(), message.clone(), Verdict::Accepted),
        sent(scheme.secret(), message.forged(), Verdict::Refused),
        sent(scheme.other_secret(), message.clone(), Verdict::Refused),
    ]
}

/// Shows the URL and the beginning of the body.
impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.sent.body);
        write!(f, "{} {}", self.sent.url, body.chars().take(200).collect::<String>())
    }
}

/// The id of every delivery.
const ID: &str = "msg_7";

impl Library<'_> {
    /// Has the library sign, and receives the request.
    fn sends(&mut self, request: &Sent, receive: Receive<'_>) -> Result<Verdict, String> {
        let (library, url, body) = (self.name, &request.signed.url, to_base64(&request.signed.body));
        let question = Question::Sign { library, secret: request.secret, id: ID, url, body };
        let headers = self.language.ask(&question)?.headers;
        receive(self.scheme, &headers, &request.sent)
    }

    /// Signs a request, and has the library receive it.
    fn receives(&mut self, request: &Sent) -> Result<Verdict, String> {
        let sign =
            self.scheme.sign(request.secret, &request.signed.url).map_err(|error| error.to_string())?;
        let signed = sign.headers(&request.signed.body, now(), ID).map_err(|error| error.to_string())?;
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers: Headers =
            signed.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        let (library, url, body) = (self.name, &request.sent.url, to_base64(&request.sent.body));
        let secret = self.scheme.secret();
        let question = Question::Verify { library, secret, url, headers: &headers, body };
        match self.language.ask(&question)?.accepted {
            Some(true) => Ok(Verdict::Accepted),
            Some(false) => Ok(Verdict::Refused),
            None => Err(format!("{library} does not say whether it accepts the request")),
        }
    }
}
