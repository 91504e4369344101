//! The settings of a scheme: a wrong one is an error before any request.

use std::time::Duration;

use triggers::{Sign, Verify, VerifyError};

use super::{NOW, PARAMETERS, SCHEMES, at, reason, scheme};

fn fault(result: Result<Verify, VerifyError>) -> &'static str {
    result.map_or_else(|error| error.reason(), |_| "valid")
}

#[test]
fn no_scheme_takes_an_empty_list_or_a_blank_secret() {
    for (name, secret, _) in SCHEMES {
        let made = |secrets: &[&str]| fault(scheme(name, secrets, &PARAMETERS));
        assert_eq!(made(&[secret]), "valid", "{name}");
        assert_eq!(made(&[]), "secret_missing", "{name}");
        for blank in ["", " ", "\t\n", "\u{a0}"] {
            assert_eq!(made(&[blank]), "secret_blank", "{name} {blank:?}");
            assert_eq!(made(&[secret, blank]), "secret_blank", "{name} {blank:?}");
        }
    }
}

#[test]
fn public_key_is_never_the_secret_of_an_hmac_or_a_token() {
    let public_key = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    for (name, ..) in SCHEMES {
        let expected = if name == "standard" { "valid" } else { "secret_malformed" };
        assert_eq!(fault(scheme(name, &[public_key], &PARAMETERS)), expected, "{name}");
    }
    // The forger knows the public key, and signs by HMAC with its bytes or its text.
    let verify = Verify::standard([public_key]).expect("a receiver");
    let forger = Sign::standard("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").expect("a sender");
    let headers = forger.headers(b"{}", at(NOW), "msg_1").expect("headers");
    assert_eq!(reason(verify.check(&headers, b"{}", at(NOW))), "signature_missing");
    for signer in [Sign::standard(public_key), Sign::github(public_key), Sign::bearer(public_key)] {
        assert_eq!(signer.expect_err("a public key signs nothing").reason(), "secret_malformed");
    }
}

#[test]
fn secret_of_another_form_is_refused() {
    let cases = [
        Verify::standard(["whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="]),
        Verify::standard(["whpk_11qYAYKxCrfVS"]),
        Verify::telegram(["a.b"]),
        Verify::telegram(["a".repeat(257)]),
        Verify::gitlab([" token"]),
        Verify::gitlab(["to\nken"]),
        Verify::bearer(["to ken"]),
        Verify::basic(["user"]),
        Verify::basic(["user:pass\nword"]),
        Verify::discord(["d75a98"]),
    ];
    for case in cases {
        assert_eq!(fault(case), "secret_malformed");
    }
    let longest = "a".repeat(256);
    assert_eq!(fault(Verify::telegram([longest])), "valid");
}

#[test]
fn header_prefix_encoding_and_url_are_checked() {
    assert_eq!(fault(Verify::hmac("X Sig", "", "hex", ["s"])), "header_malformed");
    assert_eq!(fault(Verify::hmac("", "", "hex", ["s"])), "header_malformed");
    assert_eq!(fault(Verify::hmac("X-Sig", "sha256 ", "hex", ["s"])), "prefix_malformed");
    assert_eq!(fault(Verify::hmac("X-Sig", "", "Hex", ["s"])), "encoding_unknown");
    assert_eq!(fault(Verify::ed25519("X-Sig", "base32", ["s"])), "encoding_unknown");
    for url in [
        "",
        "/hook",
        "example.com/hook",
        "ftp://example.com/",
        "https:///hook",
        "https://a/ b",
        "https://a/#b",
    ] {
        assert_eq!(fault(Verify::twilio(["s"], url)), "url_malformed", "{url}");
    }
    assert_eq!(fault(scheme("hmac", &["s"], &[])), "header_malformed");
    assert_eq!(fault(scheme("twilio", &["s"], &[])), "url_malformed");
    let unknown = scheme("githib", &["s"], &[]).expect_err("no scheme");
    assert_eq!(unknown.reason(), "scheme_unknown");
    assert!(unknown.to_string().contains("github, stripe"), "{unknown}");
}

#[test]
fn tolerance_is_1_second_to_1_hour_of_a_scheme_with_a_signed_time() {
    let zoom = || Verify::zoom(["s"]).expect("a receiver");
    let sign = Sign::zoom("s").expect("a sender");
    let set = |seconds| zoom().tolerance(Duration::from_secs(seconds));
    assert_eq!([0, 3601].map(|seconds| fault(set(seconds))), ["tolerance_invalid"; 2]);
    assert_eq!(fault(zoom().tolerance(Duration::from_millis(999))), "tolerance_invalid");
    for seconds in [1, 3600] {
        let verify = set(seconds).expect("a tolerance");
        let check = |now| {
            let headers = sign.headers(b"{}", at(NOW), "7").expect("headers");
            reason(verify.check(&headers, b"{}", now))
        };
        assert_eq!(check(at(NOW + seconds)), "accepted");
        assert_eq!(check(at(NOW + seconds) + Duration::from_millis(1)), "timestamp_old");
        assert_eq!(check(at(NOW - seconds)), "accepted");
        assert_eq!(check(at(NOW - seconds) - Duration::from_millis(1)), "timestamp_future");
    }
    for (name, secret, _) in SCHEMES {
        let is_timed = ["standard", "stripe", "slack", "zoom", "discord"].contains(&name);
        let verify =
            scheme(name, &[secret], &PARAMETERS).and_then(|verify| verify.tolerance(Duration::from_secs(60)));
        assert_eq!(fault(verify), if is_timed { "valid" } else { "tolerance_invalid" }, "{name}");
    }
}

#[test]
fn sender_refuses_an_id_or_a_time_that_it_cannot_send() {
    let fault = |sign: Result<Sign, VerifyError>, now, id: &str| {
        let headers = sign.and_then(|sign| sign.headers(b"{}", now, id));
        headers.map_or_else(|error| error.reason(), |_| "signed")
    };
    let standard = || Sign::standard("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert_eq!(fault(Sign::github("s"), at(NOW), ""), "id_malformed");
    assert_eq!(fault(Sign::github("s"), at(NOW), "a b"), "id_malformed");
    assert_eq!(fault(Sign::github("s"), at(NOW), "a.b"), "signed");
    assert_eq!(fault(standard(), at(NOW), "a.b"), "id_malformed");
    let before_1970 = at(0) - Duration::from_secs(1);
    assert_eq!(fault(standard(), before_1970, "7"), "time_invalid");
    assert_eq!(fault(Sign::github("s"), before_1970, "7"), "signed");
}

#[test]
fn private_key_has_the_seed_or_the_pair_in_hex_or_base64() {
    let public_key = "1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
    // The key pair and the signature that Svix publishes.
    let pair =
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    let sign = Sign::standard(pair).expect("a sender");
    let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    let headers = sign.headers(br#"{"test": 2432232314}"#, at(1_614_265_330), id).expect("headers");
    let expected =
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    assert_eq!(headers["webhook-signature"], expected);

    let seed = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=";
    let seed_in_hex = "e976ff7427 07a4f79adb53d2d4df5563f3595bbdb708473becde2b242b9b31b7".replace(' ', "");
    let verify = Verify::ed25519("X-Sig", "hex", [public_key]).expect("a receiver");
    for key in [seed, &seed_in_hex, &pair["whsk_".len()..]] {
        let headers = Sign::ed25519("X-Sig", "hex", key).and_then(|sign| sign.headers(b"{}", at(NOW), "7"));
        assert_eq!(reason(verify.check(&headers.expect("headers"), b"{}", at(NOW))), "accepted");
    }
    // The public half is that of another key.
    let mixed =
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==";
    assert_eq!(Sign::standard(mixed).expect_err("a mixed pair").reason(), "secret_malformed");
}
