//! A `Verifier` of a program's own.

use std::sync::Arc;

use triggers::{Sign, SignedRequest, Verified, Verifier, Verify, VerifyError};

use super::{NOW, at, headers, reason};

/// Chooses the secret by the tenant in the path, and takes the id from the query.
struct Tenants;

impl Verifier for Tenants {
    fn verify(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError> {
        let Some(tenant) = request.capture("tenant") else {
            return Err(VerifyError::new("tenant_unknown", format_args!("no tenant in {}", request.path)));
        };
        Verify::github([format!("secret-of-{tenant}")])?.verify(request)?;
        let id = request.query.unwrap_or_default();
        Ok(Verified::new("tenants").with_delivery_id(id).with_signed_at(request.now).with_replay_id(id))
    }

    fn scheme(&self) -> &str {
        "tenants"
    }
}

#[test]
fn verifier_of_a_program_sees_the_captures_the_path_and_the_query() {
    let verifier: Arc<dyn Verifier> = Arc::new(Tenants);
    let signed =
        Sign::github("secret-of-acme").and_then(|sign| sign.headers(b"{}", at(NOW), "7")).expect("headers");
    let mut request = SignedRequest::new(&signed, b"{}", at(NOW));
    request.path = "/tenants";
    let error = verifier.verify(&request).expect_err("no tenant");
    assert_eq!(error.to_string(), "tenant_unknown: no tenant in /tenants");
    request.captures = &[("region", "eu"), ("tenant", "acme")];
    request.query = Some("order-7");
    let verified = verifier.verify(&request).expect("the secret of acme");
    assert_eq!((verified.scheme(), verifier.scheme()), ("tenants", "tenants"));
    assert_eq!((verified.delivery_id(), verified.replay_id()), (Some("order-7"), Some("order-7")));
    assert_eq!(verified.signed_at(), Some(at(NOW)));
    request.captures = &[("tenant", "other")];
    assert_eq!(reason(verifier.verify(&request)), "signature_mismatch");
}

#[test]
fn ids_are_at_most_256_bytes_of_visible_ascii() {
    let id = |id: &str| Verified::new("own").with_delivery_id(id).delivery_id().map(str::len);
    assert_eq!(id(&"a".repeat(256)), Some(256));
    assert_eq!([id(&"a".repeat(257)), id(""), id("a b"), id("é")], [None; 4]);
    assert_eq!(Verified::new("own").with_replay_id("a\nb").replay_id(), None);
}

#[test]
fn built_in_scheme_is_a_verifier_too() {
    let verifier: Box<dyn Verifier> = Box::new(Verify::bearer(["token"]).expect("a receiver"));
    let right = headers([("authorization", "Bearer token")]);
    assert_eq!(reason(verifier.verify(&SignedRequest::new(&right, b"", at(NOW)))), "accepted");
    assert_eq!(verifier.scheme(), "bearer");
}
