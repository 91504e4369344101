//! What a verified request says about itself.

use std::fmt;
use std::time::SystemTime;

use smol_str::SmolStr;

/// The length of the longest id, in bytes.
const LONGEST_ID: usize = 256;

/// A request whose signature is right: its scheme, its id and the time of its signature.
///
/// ```
/// # use trigger_webhook::Verified;
/// let verified = Verified::new("own").with_delivery_id("order-7");
/// assert_eq!((verified.scheme(), verified.delivery_id()), ("own", Some("order-7")));
/// assert_eq!((verified.signed_at(), verified.replay_id()), (None, None));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    scheme: SmolStr,
    delivery_id: Option<SmolStr>,
    signed_at: Option<SystemTime>,
    replay_id: Option<SmolStr>,
}

impl Verified {
    /// Returns a verified request of a scheme, without an id and a time. An implementation of [`Verifier`](crate::Verifier)
    /// calls it once it has checked the request.
    pub fn new(scheme: &str) -> Verified {
        Verified { scheme: SmolStr::new(scheme), delivery_id: None, signed_at: None, replay_id: None }
    }

    /// Returns a verified request of a scheme of this crate.
    pub(crate) fn of(scheme: &'static str, delivery_id: Option<SmolStr>) -> Verified {
        let scheme = SmolStr::new_static(scheme);
        Verified { scheme, delivery_id, signed_at: None, replay_id: None }
    }

    /// Sets the [`delivery_id`](Verified::delivery_id). An id over 256 bytes, or with a character other than visible ASCII,
    /// is left out.
    #[must_use]
    pub fn with_delivery_id(mut self, id: &str) -> Verified {
        self.delivery_id = is_id(id.as_bytes()).then(|| SmolStr::new(id));
        self
    }

    /// Sets the time of the signature.
    #[must_use]
    pub fn with_signed_at(mut self, at: SystemTime) -> Verified {
        self.signed_at = Some(at);
        self
    }

    /// Sets the [`replay_id`](Verified::replay_id). An id over 256 bytes, or with a character other than visible ASCII, is
    /// left out.
    #[must_use]
    pub fn with_replay_id(mut self, id: &str) -> Verified {
        self.replay_id = is_id(id.as_bytes()).then(|| SmolStr::new(id));
        self
    }

    /// Returns the name of the scheme.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Returns the id of the delivery, which is the same when the sender delivers again. It has at most 256 bytes of visible
    /// ASCII. A request without a valid id has `None`.
    ///
    /// | scheme | id | signed |
    /// |---|---|---|
    /// | `standard` | `webhook-id` or `svix-id` | yes |
    /// | `stripe` | `id` of the body, if it begins with `evt_` | yes |
    /// | `slack` | `event_id` of the body | yes |
    /// | `discord` | `id` of the body | yes |
    /// | `github` | `X-GitHub-Delivery` | no |
    /// | `shopify` | `X-Shopify-Webhook-Id` | no |
    /// | `gitlab` | `Idempotency-Key` | no |
    /// | `telegram` | `update_id` of the body | no |
    /// | `twilio` | `I-Twilio-Idempotency-Token` | no |
    /// | `zoom`, `hmac`, `ed25519`, `bearer`, `basic` | none | |
    ///
    /// Whoever captures a request can send it again with another id, if the id is not signed.
    pub fn delivery_id(&self) -> Option<&str> {
        self.delivery_id.as_deref()
    }

    /// Returns the time of the signature, for a scheme with a signed time: `standard`, `stripe`, `slack`, `zoom` and
    /// `discord`.
    pub fn signed_at(&self) -> Option<SystemTime> {
        self.signed_at
    }

    /// Returns a text that every copy of this request has, for a scheme with a signed time. Nobody without the secret can
    /// send the request with another one.
    ///
    /// Within the tolerance a captured request passes again. A receiver refuses the copy if it remembers this text for twice
    /// the tolerance. It is the id of `standard`, the signature of `slack`, `zoom` and `discord` in lower-case hex, and a hash
    /// of what `stripe` signs. A sender that delivers again signs again, and then the text differs, except that of `standard`.
    pub fn replay_id(&self) -> Option<&str> {
        self.replay_id.as_deref()
    }
}

/// Shows no [`replay_id`](Verified::replay_id), which may be a signature.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("scheme", &self.scheme)
            .field("delivery_id", &self.delivery_id)
            .field("signed_at", &self.signed_at)
            .finish_non_exhaustive()
    }
}

/// Returns `true` if a text is an id: 1 to 256 bytes of visible ASCII.
pub(crate) fn is_id(text: &[u8]) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
}
