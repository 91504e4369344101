//! The ids and the time of a verified request.

use triggers::{Sign, Verified, Verify};

use super::{NOW, at, headers, reason};

/// Verifies a request of a sender, whose headers have these in addition.
fn verified(verify: &Verify, sign: &Sign, body: &str, more: &[(&str, &str)]) -> Verified {
    let mut all = sign.headers(body.as_bytes(), at(NOW), "d-7").expect("headers");
    for (name, value) in headers(more.iter().copied()) {
        all.append(name.expect("each has a name"), value);
    }
    verify.check(&all, body.as_bytes(), at(NOW)).expect("a right signature")
}

#[test]
fn delivery_id_is_where_the_sender_has_it() {
    let id = |verify: Verify, sign: Sign, body: &str, more: &[(&str, &str)]| {
        verified(&verify, &sign, body, more).delivery_id().map(str::to_owned)
    };
    let github = || (Verify::github(["s"]).expect("valid"), Sign::github("s").expect("valid"));
    let stripe = || (Verify::stripe(["s"]).expect("valid"), Sign::stripe("s").expect("valid"));
    let slack = || (Verify::slack(["s"]).expect("valid"), Sign::slack("s").expect("valid"));
    let shopify = || (Verify::shopify(["s"]).expect("valid"), Sign::shopify("s").expect("valid"));
    let gitlab = || (Verify::gitlab(["s"]).expect("valid"), Sign::gitlab("s").expect("valid"));
    let telegram = || (Verify::telegram(["s"]).expect("valid"), Sign::telegram("s").expect("valid"));
    let bearer = || (Verify::bearer(["s"]).expect("valid"), Sign::bearer("s").expect("valid"));
    let cases: [((Verify, Sign), &str, Option<&str>); 16] = [
        (github(), "{}", Some("d-7")),
        (shopify(), "{}", Some("d-7")),
        (gitlab(), "{}", Some("d-7")),
        (stripe(), r#"{"object":"event","id":"evt_1","data":{"id":"x"}}"#, Some("evt_1")),
        (stripe(), r#"{"data":{"id":"evt_inner"},"object":"event"}"#, None),
        (stripe(), r#"{"id":"cus_1"}"#, None),
        (stripe(), r#"{"id":["evt_1"]}"#, None),
        (stripe(), "id=evt_1", None),
        (slack(), r#"{"a\"b":[1,{"event_id":"Ev0"}],"event_id":"Ev1"}"#, Some("Ev1")),
        (slack(), "payload=%7B%22event_id%22%3A%22Ev1%22%7D", None),
        (slack(), r#"{"event_id":"Ev 1"}"#, None),
        (telegram(), r#"{"update_id":10000,"message":{}}"#, Some("10000")),
        (telegram(), r#"{"update_id":-1}"#, None),
        (telegram(), r#"{"update_id":1.5}"#, None),
        (telegram(), "[10000]", None),
        (bearer(), r#"{"id":"7"}"#, None),
    ];
    for ((verify, sign), body, expected) in cases {
        let scheme = verify.scheme().to_owned();
        assert_eq!(id(verify, sign, body, &[]).as_deref(), expected, "{scheme} {body}");
    }
    // Two ids are no id, because a proxy and the receiver may read different ones.
    let (verify, sign) = github();
    assert_eq!(id(verify, sign, "{}", &[("x-github-delivery", "8")]), None);
}

#[test]
fn event_uuid_of_gitlab_is_no_id_because_recursive_webhooks_share_it() {
    let verify = Verify::gitlab(["s"]).expect("a receiver");
    let check = |pairs: &[(&str, &str)]| {
        let token = [("x-gitlab-token", "s")].into_iter();
        let headers = headers(token.chain(pairs.iter().copied()));
        let verified = verify.check(&headers, b"{}", at(NOW)).expect("a right token");
        verified.delivery_id().map(str::to_owned)
    };
    let [key, uuid] = [("idempotency-key", "key-1"), ("x-gitlab-event-uuid", "uuid-1")];
    assert_eq!(check(&[uuid, key]).as_deref(), Some("key-1"));
    assert_eq!(check(&[uuid]), None);
    assert_eq!(check(&[("idempotency-key", &"k".repeat(257)), uuid]), None);
    assert_eq!(check(&[]), None);
}

#[test]
fn only_a_scheme_with_a_signed_time_has_a_time_and_a_replay_id() {
    let id_of_body = r#"{"id":"evt_1","event_id":"Ev1"}"#;
    let key = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public_key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let standard = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let timed = [
        (Verify::stripe(["s"]), Sign::stripe("s")),
        (Verify::slack(["s"]), Sign::slack("s")),
        (Verify::zoom(["s"]), Sign::zoom("s")),
        (Verify::discord([public_key]), Sign::discord(key)),
        (Verify::standard([standard]), Sign::standard(standard)),
    ];
    for (verify, sign) in timed {
        let (verify, sign) = (verify.expect("a receiver"), sign.expect("a sender"));
        let verified = verified(&verify, &sign, id_of_body, &[]);
        assert_eq!(verified.signed_at(), Some(at(NOW)), "{}", verify.scheme());
        assert!(verified.replay_id().is_some(), "{}", verify.scheme());
    }
    for (verify, sign) in
        [(Verify::github(["s"]), Sign::github("s")), (Verify::basic(["a:s"]), Sign::basic("a:s"))]
    {
        let verified = verified(&verify.expect("a receiver"), &sign.expect("a sender"), id_of_body, &[]);
        assert_eq!((verified.signed_at(), verified.replay_id()), (None, None));
    }
}

/// Whoever captures a request can write its headers in another way. The copy must not get another replay id.
#[test]
fn copy_of_a_request_has_its_replay_id() {
    let body = b"{}";
    let slack = Verify::slack(["s"]).expect("a receiver");
    let signed = Sign::slack("s").and_then(|sign| sign.headers(body, at(NOW), "7")).expect("headers");
    let text = signed["x-slack-signature"].to_str().expect("a text");
    let time = ("x-slack-request-timestamp", "1700000000");
    let upper = format!("v0={}", text[3..].to_uppercase());
    let id = |signature: &str| {
        let headers = headers([time, ("x-slack-signature", signature)]);
        slack.check(&headers, body, at(NOW)).expect("a right signature").replay_id().map(str::to_owned)
    };
    assert_eq!(id(text), Some(text[3..].to_owned()));
    assert_eq!(id(&upper), id(text));

    // Stripe sends a signature for each secret while one is replaced.
    let stripe = Verify::stripe(["new", "old"]).expect("a receiver");
    let [new, old] = ["new", "old"].map(|secret| {
        let signed = Sign::stripe(secret).and_then(|sign| sign.headers(body, at(NOW), "7")).expect("headers");
        let text = signed["stripe-signature"].to_str().expect("a text");
        text.strip_prefix("t=1700000000,").expect("the time").to_owned()
    });
    let id = |signatures: &str, body: &[u8]| {
        let value = format!("t=1700000000,{signatures}");
        let verified = stripe.check(&headers([("stripe-signature", &*value)]), body, at(NOW));
        verified.expect("a right signature").replay_id().map(str::to_owned)
    };
    let both = id(&format!("{new},{old}"), body);
    assert!(both.is_some());
    assert_eq!(id(&new, body), both);
    assert_eq!(id(&old, body), both);
    assert_eq!(id(&format!("{old},v1={}", "0".repeat(64)), body), both);
}

#[test]
fn standard_webhooks_reads_the_headers_of_one_family() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let verify = Verify::standard([secret]).expect("a receiver");
    let signed =
        Sign::standard(secret).and_then(|sign| sign.headers(b"{}", at(NOW), "msg_1")).expect("headers");
    let signature = signed["webhook-signature"].to_str().expect("a text");
    let svix = [("svix-id", "msg_1"), ("svix-timestamp", "1700000000"), ("svix-signature", signature)];
    let check =
        |pairs: &[(&str, &str)]| reason(verify.check(&headers(pairs.iter().copied()), b"{}", at(NOW)));
    assert_eq!(check(&svix), "accepted");
    assert_eq!(check(&[&svix[..], &[("webhook-id", "msg_2")]].concat()), "accepted");
    assert_eq!(check(&[svix[0], svix[1], ("webhook-signature", signature)]), "id_missing");
    assert_eq!(check(&[svix[0], svix[2]]), "timestamp_missing");
    assert_eq!(check(&[svix[1], svix[2]]), "id_missing");
    assert_eq!(check(&[svix[0], svix[0], svix[1], svix[2]]), "id_ambiguous");
    assert_eq!(check(&svix[..2]), "signature_missing");
}

#[test]
fn seventeenth_signature_is_not_compared() {
    let verify = Verify::stripe(["s"]).expect("a receiver");
    let signed = Sign::stripe("s").and_then(|sign| sign.headers(b"{}", at(NOW), "7")).expect("headers");
    let right =
        signed["stripe-signature"].to_str().expect("a text").strip_prefix("t=1700000000").expect("the time");
    let check = |others: usize| {
        let wrong = format!(",v1={}", "0".repeat(64)).repeat(others);
        let value = format!("t=1700000000{wrong}{right}");
        reason(verify.check(&headers([("stripe-signature", &*value)]), b"{}", at(NOW)))
    };
    assert_eq!(check(15), "accepted");
    assert_eq!(check(16), "signature_mismatch");
}
