//! No text that a program may log contains a secret or an expected signature.

use triggers::{Sign, SignedRequest, Verify, VerifyError};

use super::{NOW, PARAMETERS, SCHEMES, at, headers, scheme};

#[test]
fn debug_of_a_receiver_and_a_sender_shows_the_scheme_alone() {
    for (name, secret, _) in SCHEMES {
        let verify = scheme(name, &[secret], &PARAMETERS).expect("a receiver");
        assert_eq!(format!("{verify:?}"), format!("Verify {{ scheme: \"{name}\", .. }}"));
    }
    let sign = Sign::basic("user:s3cret").expect("a sender");
    assert_eq!(format!("{sign:?}"), "Sign { scheme: \"basic\", .. }");
}

#[test]
fn debug_of_a_request_and_of_its_result_shows_no_header_and_no_signature() {
    let body = b"{\"event_id\":\"Ev1\"}";
    let headers = Sign::slack("s3cret").and_then(|sign| sign.headers(body, at(NOW), "7")).expect("headers");
    let mut request = SignedRequest::new(&headers, body, at(NOW));
    request.query = Some("token=abc");
    assert_eq!(format!("{request:?}"), "SignedRequest { method: \"POST\", path: \"/\", body: 18, .. }");
    let verified =
        Verify::slack(["s3cret"]).and_then(|verify| verify.check_request(&request)).expect("accepted");
    let shown = format!("{verified:?}");
    assert!(shown.contains("Ev1"), "{shown}");
    assert!(!shown.contains(verified.replay_id().expect("an id")), "{shown}");
    // The headers of a token are hidden in the `Debug` of the map.
    let token = Sign::bearer("s3cret").and_then(|sign| sign.headers(body, at(NOW), "7")).expect("headers");
    assert!(!format!("{token:?}").contains("s3cret"));
}

#[test]
fn no_error_contains_a_secret_or_an_expected_signature() {
    for (name, secret, sender) in SCHEMES {
        let blank_after = scheme(name, &[secret, " "], &PARAMETERS).expect_err("a blank secret");
        // One character makes most of the secrets invalid.
        let invalid = scheme(name, &[&*format!("{secret}\n:\n")], &PARAMETERS).map(|_| ()).err();
        let verify = scheme(name, &[secret], &PARAMETERS).expect("a receiver");
        let zeros = "0".repeat(128);
        let shapes = headers([
            ("x-hub-signature-256", &*format!("sha256={}", &zeros[..64])),
            ("x-webhook-signature", &*format!("sha256={}", &zeros[..64])),
            ("x-slack-signature", &*format!("v0={}", &zeros[..64])),
            ("x-zm-signature", &*format!("v0={}", &zeros[..64])),
            ("stripe-signature", &*format!("t={NOW},v1={}", &zeros[..64])),
            ("x-slack-request-timestamp", "1700000000"),
            ("x-zm-request-timestamp", "1700000000"),
            ("x-signature-timestamp", "1700000000"),
            ("x-signature-ed25519", &*zeros),
            ("x-gitlab-token", "wrong"),
            ("x-telegram-bot-api-secret-token", "wrong"),
        ]);
        let refused = verify.check(&shapes, b"{}", at(NOW)).expect_err("no right signature");
        for error in [Some(blank_after), invalid, Some(refused)].into_iter().flatten() {
            let texts = format!("{error} {error:?}");
            assert!(!texts.contains(secret) && !texts.contains(sender), "{name}: {texts}");
        }
    }
    // The error has nothing of what would be right.
    let github = Verify::github(["It's a Secret to Everybody"]).expect("a receiver");
    let wrong = headers([("x-hub-signature-256", &*format!("sha256={}", "0".repeat(64)))]);
    let error = github.check(&wrong, b"Hello, World!", at(0)).expect_err("a mismatch");
    assert!(!format!("{error} {error:?}").contains("757107ea"), "{error}");
}

#[test]
fn error_of_a_stranger_is_escaped_and_cut() {
    let error = VerifyError::new("own", "a\u{1b}[31mb\r\n\u{202e}é");
    assert_eq!(error.to_string(), "own: a\\u{1b}[31mb\\r\\n\\u{202e}é");
    let long = VerifyError::new("own", "x".repeat(5000));
    assert_eq!(long.to_string().len(), "own: ".len() + 1024);
}
