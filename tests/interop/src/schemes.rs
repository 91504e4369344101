//! The schemes of signatures that the libraries know, with secrets and bodies for them.

use trigger_webhook::{Sign, Verify, VerifyError};

/// The public URL of the webhook. The signatures of Twilio contain it.
const URL: &str = "https://example.org/twilio?account=7";

/// A scheme of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Github,
    Slack,
    Standard,
    Stripe,
    Twilio,
}

/// A body, and the URL to which it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) url: String,
    pub(crate) body: Vec<u8>,
}

impl Scheme {
    /// Returns the secret that sender and receiver share.
    pub(crate) fn secret(self) -> &'static str {
        match self {
            // 24 bytes, each `A`.
            Scheme::Standard => "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB",
            Scheme::Stripe => "whsec_f3d2a1",
            Scheme::Github | Scheme::Slack | Scheme::Twilio => "It's a Secret to Everybody",
        }
    }

    /// Returns a secret that the receiver does not have.
    pub(crate) fn other_secret(self) -> &'static str {
        match self {
            // 24 bytes, each `B`.
            Scheme::Standard => "whsec_QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC",
            Scheme::Stripe => "whsec_f3d2a2",
            Scheme::Github | Scheme::Slack | Scheme::Twilio => "It's another Secret",
        }
    }

    pub(crate) fn verify(self) -> Result<Verify, VerifyError> {
        let secrets = [self.secret()];
        match self {
            Scheme::Github => Verify::github(secrets),
            Scheme::Slack => Verify::slack(secrets),
            Scheme::Standard => Verify::standard(secrets),
            Scheme::Stripe => Verify::stripe(secrets),
            Scheme::Twilio => Verify::twilio(secrets, URL),
        }
    }

    pub(crate) fn sign(self, secret: &str, url: &str) -> Result<Sign, VerifyError> {
        match self {
            Scheme::Github => Sign::github(secret),
            Scheme::Slack => Sign::slack(secret),
            Scheme::Standard => Sign::standard(secret),
            Scheme::Stripe => Sign::stripe(secret),
            Scheme::Twilio => Sign::twilio(secret, url),
        }
    }

    /// Returns the messages that a sender of this scheme may send.
    pub(crate) fn messages(self) -> Vec<Message> {
        let json = json_bodies().into_iter();
        match self {
            Scheme::Twilio => {
                let with_hash = |body: Vec<u8>| {
                    let url = format!("{URL}&{}", Sign::body_hash_query(&body));
                    Message { url, body }
                };
                let form = |body: String| Message { url: URL.to_owned(), body: body.into_bytes() };
                forms().into_iter().map(form).chain(json.map(with_hash)).collect()
            }
            _ => json.map(|body| Message { url: URL.to_owned(), body }).collect(),
        }
    }
}

impl Message {
    /// Returns the message with another body, as a forger sends it.
    pub(crate) fn forged(&self) -> Message {
        let addition: &[u8] = if self.body.starts_with(b"{") { b" " } else { b"&forged=1" };
        Message { url: self.url.clone(), body: [&self.body, addition].concat() }
    }
}

fn json_bodies() -> Vec<Vec<u8>> {
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(500_000));
    let unicode = r#"{"id":"evt_1","text":"Grüße, 東京 👋","escaped":"\u00e9\u2028"}"#;
    let texts =
        ["{}", r#"{"type":"a","event_id":"Ev1"}"#, unicode, "{ \"a\" : [ 1,\r\n\t2.50 ] }\n\n", &large];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

fn forms() -> Vec<String> {
    let large: Vec<String> = (0..2_000).map(|number| format!("Field{number}=value+{number}")).collect();
    let forms = [
        "",
        "CallSid=CA1234567890ABCDE&From=%2B14158675310&To=%2B18005551212&Digits=1234",
        "Body=Gr%C3%BC%C3%9Fe+%E6%9D%B1%E4%BA%AC+%F0%9F%91%8B&Body2=a%26b%3Dc%25",
        "b=lower&B=upper&a=&Z=%20+%0A",
        "MediaUrl=b&MediaUrl=a&MediaUrl=b&NumMedia=3",
        &large.join("&"),
    ];
    forms.map(str::to_owned).to_vec()
}
