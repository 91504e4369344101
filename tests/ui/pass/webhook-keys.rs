//! Every key of a webhook.

use triggers::prelude::*;
use triggers::{SignedRequest, Verified, Verifier, VerifyError};

struct Tenants;

impl Verifier for Tenants {
    fn verify(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError> {
        match request.capture("tenant") {
            Some(_) => Ok(Verified::new("tenants")),
            None => Err(VerifyError::new("tenant_unknown", "no such tenant")),
        }
    }

    fn scheme(&self) -> &str {
        "tenants"
    }
}

const TENANTS: Tenants = Tenants;

fn tenants() -> Tenants {
    Tenants
}

#[derive(serde::Deserialize)]
struct Order {
    id: u64,
}

#[on_webhook(
    "/github",
    port = 9090,
    host = "127.0.0.1",
    body_limit = "2MiB",
    verify = github(env = ["NEW_SECRET", "OLD_SECRET"]),
    dedupe = header("X-Delivery-Id"),
    dedupe_window = "1h",
    allow = ["192.30.252.0/22", "2001:db8::/32", "10.1.2.3"],
    trusted_proxies = "10.0.0.0/8",
    hosts = ["hooks.example.com"],
    rate = "100/s",
    rate_per_client = "10/m",
    handshake = github,
    accepted = 200,
    methods = ["POST", "PUT", "PATCH", "DELETE"],
    cloudevents = off,
    form_field = "payload",
    gzip,
    gone = false,
    connections = 100,
    connections_per_client = 10,
    head_timeout = "5s",
    body_timeout = "10s",
    body_rate = "2KiB",
    head_limit = "8KiB",
    header_count = 32,
    target_limit = "4KiB",
    unfinished_bodies = "16MiB"
)]
#[on_webhook("/stripe", verify = stripe(file = "/run/secrets/stripe", tolerance = "1m"), dedupe = off)]
#[on_webhook("/slack", verify = slack(env = "S", tolerance = "5m"), handshake = slack)]
#[on_webhook("/standard", verify = standard(env = "S", tolerance = "5m"))]
#[on_webhook("/shopify", verify = shopify(env = "S"))]
#[on_webhook("/gitlab", verify = gitlab(env = "S"))]
#[on_webhook("/telegram", verify = telegram(env = "S"))]
#[on_webhook("/twilio", verify = twilio(env = "S", url = "https://hooks.example.com/twilio"))]
#[on_webhook("/twilio-2", verify = twilio(env = "S", url_env = "URL"))]
#[on_webhook("/discord", verify = discord(public_key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), handshake = discord)]
#[on_webhook("/zoom", verify = zoom(env = "S"), handshake = zoom)]
#[on_webhook("/hmac", verify = hmac(header = "X-Signature", prefix = "sha256=", encoding = base64, env = "S"))]
#[on_webhook("/ed25519", verify = ed25519(header = "X-Signature", encoding = hex, env = "KEY"))]
#[on_webhook("/bearer", verify = bearer(env = "S"), cloudevents = only)]
#[on_webhook("/basic", verify = basic(env = "S"), cloudevents = batch)]
#[on_webhook("/meta", handshake = meta(env = "TOKEN"))]
#[on_webhook("/graph", handshake = graph, accepted = 202)]
#[on_webhook("/dropbox", handshake = dropbox, accepted = 204)]
#[on_webhook("/events", handshake = cloudevents(origins = ["a.example.com"], rate = 100))]
async fn receive(_event: TriggerEvent) {}

#[on_webhook("/orders", dedupe = |order: &Order| order.id)]
async fn order(Json(_order): Json<Order>) {}

#[on_webhook("/tenants/{tenant}", verify = TENANTS)]
#[on_webhook("/others/{tenant}", verify = self::tenants())]
async fn of_tenant(tenant: String) {
    drop(tenant);
}

fn main() {
    let secret = |name: &str| match name {
        "URL" => Some("https://hooks.example.com/twilio-2".to_owned()),
        "KEY" => Some("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".to_owned()),
        "/run/secrets/stripe" => Some("whsec_stripe\n".to_owned()),
        _ => None,
    };
    // `standard` and `basic` have secrets of a form of their own, so the one of all others is not enough.
    let missing = |error: triggers::StartError| error.to_string();
    let builder = Runtime::builder().secrets(secret).handlers(handlers![receive, order, of_tenant]);
    let error = builder.check().map_err(missing).expect_err("secrets are missing");
    for name in ["`NEW_SECRET`", "`OLD_SECRET`", "`S`", "`TOKEN`"] {
        assert!(error.contains(name), "{error}");
    }
    assert!(!error.contains("`URL`") && !error.contains("`KEY`"), "{error}");

    let secret = |name: &str| match name {
        "URL" => Some("https://hooks.example.com/twilio-2".to_owned()),
        "KEY" => Some("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".to_owned()),
        _ => Some("dXNlcjpwYXNzd29yZDp1c2VyOnBhc3N3b3Jk".to_owned()),
    };
    let builder = Runtime::builder().secrets(secret).handlers(handlers![receive, order, of_tenant]);
    let error = builder.check().map_err(missing).expect_err("`basic` needs a colon");
    assert!(error.contains("`verify = basic(..)`: secret_malformed"), "{error}");
    assert_eq!(error.matches("its trigger").count(), 1, "{error}");
}
