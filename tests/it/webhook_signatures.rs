//! `verify`: who is let in over a socket, by every request of `tests/vectors/sig_*.json`, and where its settings come from.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde_json::{Value, json};
use triggers::prelude::*;
use triggers::{
    Clock, OwnVerifier, Sign, SignedRequest, TriggerConfig, Verified, Verifier, Verify, VerifyError,
    WebhookTrigger,
};

use crate::common::{config, status};
use crate::http::{post_with, request};
use crate::logs::Logs;
use crate::served::{Served, idle, lines, webhook};
use crate::verify::at;
use crate::verify::vectors::{FILES, bytes, latin_1, names};

/// A clock that stands still, because a vector may be at the edge of its tolerance.
#[derive(Clone, Copy, Debug)]
struct Still(SystemTime);

impl Clock for Still {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// Returns the value of `verify` for a vector, whose secrets are in the variables `SECRET_0`, `SECRET_1` and so on.
fn verify_of(file: &str, vector: &Value) -> Value {
    let variables: Vec<String> =
        (0..secrets(vector).len()).map(|number| format!("SECRET_{number}")).collect();
    let mut verify = match vector["variant"].as_str().unwrap_or(file) {
        "generic" => json!({"scheme": "hmac", "header": "X-Webhook-Signature", "prefix": "sha256="}),
        "ed25519" => {
            let encoding = vector["encoding"].as_str().unwrap_or("hex");
            json!({"scheme": "ed25519", "header": "X-Signature", "encoding": encoding})
        }
        "twilio" => {
            let url = vector["url"].as_str().expect("a URL").split("&bodySHA256=").next();
            json!({"scheme": "twilio", "url": url})
        }
        other => json!({"scheme": other}),
    };
    verify["env"] = json!(variables);
    verify
}

fn secrets(vector: &Value) -> Vec<String> {
    serde_json::from_value(vector["secrets"].clone()).expect("a list of texts")
}

/// Returns the bytes of the request of a vector.
fn raw(vector: &Value) -> Vec<u8> {
    let mut headers = Vec::new();
    for pair in vector["headers"].as_array().expect("a list") {
        let (name, value) = (pair[0].as_str().expect("a name"), bytes(&pair[1], latin_1));
        headers.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
    }
    let query = vector["url"].as_str().and_then(|url| url.split_once('?'));
    let target = query.map_or("/in".to_owned(), |(_, query)| format!("/in?{query}"));
    post_with(&target, headers, bytes(&vector["body"], |text| text.as_bytes().to_vec()))
}

#[tokio::test]
async fn every_vector_is_accepted_or_refused_over_a_socket() {
    let (mut accepted, mut refused, mut unstarted) = (0, 0, 0);
    for (file, text, _) in FILES {
        let vectors: Value = serde_json::from_str(text).expect("JSON");
        for vector in vectors["vectors"].as_array().expect("a list") {
            let id = format!("{file} {}", vector["id"]);
            let (verify, secrets) = (verify_of(file, vector), secrets(vector));
            let scheme = verify["scheme"].clone();
            let settings = json!({"verify": verify});
            let read =
                move |name: &str| secrets.get(name.strip_prefix("SECRET_")?.parse::<usize>().ok()?).cloned();
            if vector["expect"] == "config-error" {
                let error = idle(settings).secrets(read).check().expect_err(&id).to_string();
                assert!(error.contains("its trigger `in`: "), "{id}: {error}");
                assert!(error.contains("SECRET_") || error.contains("`verify = "), "{id}: {error}");
                unstarted += 1;
                continue;
            }
            let now = Still(at(vector["now"].as_u64().unwrap_or_default()));
            let served = Served::with(settings, |builder| builder.secrets(read).clock(now)).await;
            let answer = request(served.address, raw(vector)).await;
            let counts = served.refused();
            let events = served.events().await;
            if vector["expect"] == "reject" {
                assert_eq!(answer.status, 401, "{id}: {answer:?}");
                let message = json!({"status": "error", "message": "missing or invalid signature"});
                assert_eq!((answer.json(), events.len()), (message, 0), "{id}");
                let counts: Vec<(&String, &Value)> = counts.as_object().expect("an object").iter().collect();
                let [(reason, count)] = counts[..] else { panic!("{id}: {counts:?}") };
                assert!(names(vector["reason"].as_str().expect("a reason"), reason), "{id}: {reason}");
                assert_eq!(*count, 1, "{id}");
                refused += 1;
                continue;
            }
            assert_eq!(answer.status, 202, "{id}: {answer:?}, {counts}");
            let [event] = &events[..] else { panic!("{id}: {events:?}") };
            assert_eq!(answer.json(), json!({"status": "accepted", "event_id": event.id()}), "{id}");
            let metadata = event.metadata();
            assert_eq!(
                [&metadata["signature_verified"], &metadata["signature_scheme"]],
                [&json!(true), &scheme]
            );
            assert_eq!(event.raw()[..], bytes(&vector["body"], |text| text.as_bytes().to_vec()), "{id}");
            assert_eq!(counts, json!({}), "{id}");
            accepted += 1;
        }
    }
    assert_eq!((accepted, refused, unstarted), (71, 169, 24));
}

type Seen = Arc<Mutex<Vec<Value>>>;

#[on_webhook("/github", port = 0, host = "127.0.0.1", verify = github(env = ["NEW_SECRET", "OLD_SECRET"]))]
async fn signed(event: TriggerEvent, State(seen): State<Seen>) {
    let metadata = event.metadata();
    seen.lock()
        .expect("the list")
        .push(json!([metadata["signature_verified"], metadata["signature_scheme"]]));
}

/// Chooses the secret by the tenant in the path.
struct Tenants {
    prefix: &'static str,
}

const TENANTS: Tenants = Tenants { prefix: "s3cret-of-" };

impl Verifier for Tenants {
    fn verify(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError> {
        let tenant = request.capture("tenant").expect("the path has a tenant");
        if tenant == "nobody" {
            return Err(VerifyError::new("tenant_unknown", format_args!("no tenant {tenant}")));
        }
        assert_eq!((request.method, request.query), ("POST", Some("a=1&token=x")));
        assert!(request.path.starts_with("/tenants/"), "{}", request.path);
        Verify::stripe([format!("{}{tenant}", self.prefix)])?.verify(request)
    }

    fn scheme(&self) -> &str {
        "tenants"
    }
}

#[on_webhook("/tenants/{tenant}", port = 0, host = "127.0.0.1", verify = TENANTS)]
async fn of_tenant(tenant: String, event: TriggerEvent, State(seen): State<Seen>) {
    seen.lock().expect("the list").push(json!([tenant, event.metadata()["signature_scheme"]]));
}

#[tokio::test]
async fn attribute_names_the_variables_of_the_secrets() -> Result {
    let seen = Seen::default();
    let read = |name: &str| name.strip_suffix("_SECRET").map(str::to_lowercase);
    let builder = Runtime::builder().secrets(read).state(seen.clone()).handlers(handlers![signed]);
    let runtime = builder.start().await?;
    let address = runtime.local_addr("webhook-0/github").expect("an address");
    for (secret, status) in [("new", 202), ("old", 202), ("other", 401)] {
        let headers = Sign::github(secret)?.headers(b"{}", SystemTime::now(), secret)?;
        let answer = request(address, post_with("/github", lines(&headers), "{}")).await;
        assert_eq!(answer.status, status, "{secret}: {answer:?}");
    }
    assert_eq!(request(address, post_with("/github", "", "{}")).await.status, 401);
    let refused = json!(status(&runtime).triggers[0].refused);
    assert_eq!(refused, json!({"signature_mismatch": 1, "signature_missing": 1}));
    runtime.shutdown().await;
    assert_eq!(*seen.lock().expect("the list"), [json!([true, "github"]), json!([true, "github"])]);
    Ok(())
}

#[tokio::test]
async fn own_verifier_of_an_attribute_chooses_the_secret_by_a_capture() -> Result {
    let seen = Seen::default();
    let runtime = Runtime::builder().state(seen.clone()).handlers(handlers![of_tenant]).start().await?;
    let address = runtime.local_addr("webhook-0/tenants/{tenant}").expect("an address");
    let now = SystemTime::now();
    for (secret, tenant, status) in [
        ("acme", "acme", 202),
        ("acme", "other", 401),
        ("a b", "a%20b", 202),
        ("nobody", "nobody", 401),
        // A copy within the tolerance, which is not known of a verifier of the program.
        ("acme", "acme", 202),
    ] {
        let headers = Sign::stripe(&format!("s3cret-of-{secret}"))?.headers(b"{}", now, "7")?;
        let target = format!("/tenants/{tenant}?a=1&token=x");
        let answer = request(address, post_with(&target, lines(&headers), "{}")).await;
        assert_eq!(answer.status, status, "{secret}: {answer:?}");
    }
    let refused = json!(status(&runtime).triggers[0].refused);
    assert_eq!(refused, json!({"signature_mismatch": 1, "tenant_unknown": 1}));
    assert!(runtime.describe().processes[0].triggers[0].source.setting("verify").is_some());
    runtime.shutdown().await;
    assert_eq!(*seen.lock().expect("the list"), [json!(["acme", "stripe"]), json!(["a b", "stripe"])]);
    Ok(())
}

#[tokio::test]
async fn verifier_is_a_value_of_data_in_code_and_of_a_standalone_trigger() -> Result {
    let verify = || Verify::bearer(["t0ken"]);
    let trigger = webhook(json!({})).value("verify", OwnVerifier::new(verify()?));
    let runtime =
        Runtime::builder().process("p", config([trigger]), |_: TriggerEvent| async {}).start().await?;
    let standalone = WebhookTrigger::new().path("/in").host("127.0.0.1").port(0).verify(verify()?);
    triggers::Trigger::start(&standalone).await?;
    let addresses = [runtime.local_addr("in"), standalone.local_addr()];
    for address in addresses.map(|address| address.expect("an address")) {
        for (token, status) in [("t0ken", 202), ("T0ken", 401)] {
            let header = format!("Authorization: Bearer {token}\r\n");
            assert_eq!(request(address, post_with("/in", header, "")).await.status, status, "{token}");
        }
    }
    let events = standalone.drain_pending();
    assert_eq!(events[0].metadata()["signature_scheme"], "bearer");
    assert!(events[0].metadata()["headers"].get("authorization").is_none());
    triggers::Trigger::stop(&standalone).await;
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn header_that_a_declaration_names_for_the_signature_is_in_no_event() -> Result {
    let private_key = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public_key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let header = "X-Own-Proof";
    for (verify, sign) in [
        (json!({"scheme": "hmac", "header": header, "env": "S"}), Sign::hmac(header, "", "hex", "s")),
        (
            json!({"scheme": "ed25519", "header": header, "public_key": public_key}),
            Sign::ed25519(header, "hex", private_key),
        ),
    ] {
        let served =
            Served::with(json!({"verify": verify}), |builder| builder.secrets(|_| Some("s".into()))).await;
        let headers = lines(&sign?.headers(b"{}", SystemTime::now(), "7")?);
        let spelled = String::from_utf8(headers).expect("text").replace("x-own-proof", "x-OWN-proof");
        assert_eq!(served.post(format!("{spelled}X-Other: 1\r\n"), "{}").await.status, 202, "{verify}");
        let event = served.events().await.remove(0);
        let headers = &event.metadata()["headers"];
        assert_eq!(
            (headers.get("x-own-proof"), headers.get("x-other")),
            (None, Some(&json!("1"))),
            "{verify}"
        );
    }
    // To another webhook it is a header as any other.
    let served = Served::start(json!({})).await;
    assert_eq!(served.post("X-Own-Proof: 1\r\n", "").await.status, 202);
    assert_eq!(served.events().await[0].metadata()["headers"]["x-own-proof"], "1");
    Ok(())
}

#[tokio::test]
async fn missing_or_blank_secret_is_a_problem_that_names_its_variable() {
    let read = |name: &str| match name {
        "BLANK" => Some(" \n".to_owned()),
        "SET" => Some("correct horse".to_owned()),
        _ => None,
    };
    for (verify, texts) in [
        (
            json!({"scheme": "github", "env": "GONE"}),
            &["the environment variable `GONE` with the secret is not set"][..],
        ),
        (
            json!({"scheme": "slack", "env": ["SET", "BLANK", "GONE"]}),
            &[
                "the environment variable `BLANK` with the secret is blank",
                "variable `GONE` with the secret is not set",
            ],
        ),
        (
            json!({"scheme": "standard", "file": "/no/such/file"}),
            &["the file `/no/such/file` of the secrets cannot be read; write one secret in a line"],
        ),
        (
            json!({"scheme": "twilio", "env": "SET", "url_env": "URL"}),
            &["the environment variable `URL` with the public URL is not set"],
        ),
        (json!({"scheme": "basic", "env": "SET"}), &["`verify = basic(..)`: secret_malformed: "]),
    ] {
        let builder = || idle(json!({"verify": verify})).secrets(read);
        let checked = builder().check().expect_err("a problem");
        let started = builder().start().await.expect_err("a problem");
        assert_eq!(checked.problems(), started.problems(), "{verify}");
        assert_eq!(checked.problems().len(), texts.len(), "{checked}");
        for (problem, text) in checked.problems().iter().zip(texts) {
            let problem = problem.to_string();
            assert!(problem.contains("its trigger `in`: ") && problem.contains(text), "{problem}");
            assert!(!problem.contains("horse"), "{problem}");
        }
    }
}

#[tokio::test]
async fn secret_is_in_no_text_of_the_framework() -> Result {
    const SECRET: &str = "hunter:correct-horse";
    let logs = Logs::capture_debug();
    for scheme in ["github", "stripe", "slack", "shopify", "gitlab", "zoom", "bearer", "basic"] {
        let settings = || json!({"verify": {"scheme": scheme, "env": "KNOWN"}, "dedupe": "off"});
        let read = |name: &str| (name == "KNOWN").then(|| SECRET.to_owned());
        let builder = || idle(settings()).secrets(read);
        let description = builder().describe();
        assert!(
            description.to_string().contains(&format!("verify {scheme}(env = [\"KNOWN\"]")),
            "{description}"
        );
        let mut shown =
            vec![format!("{:?}", builder()), description.to_string(), serde_json::to_string(&description)?];
        let served = Served::with(settings(), |builder| builder.secrets(read)).await;
        let right = match scheme {
            "github" => Sign::github(SECRET),
            "stripe" => Sign::stripe(SECRET),
            "slack" => Sign::slack(SECRET),
            "shopify" => Sign::shopify(SECRET),
            "gitlab" => Sign::gitlab(SECRET),
            "zoom" => Sign::zoom(SECRET),
            "bearer" => Sign::bearer(SECRET),
            _ => Sign::basic(SECRET),
        };
        let headers = lines(&right?.headers(b"{}", SystemTime::now(), "7")?);
        let answer = served.post(&headers, "{}").await;
        assert_eq!(answer.status, 202, "{scheme}");
        // A token of which one character is wrong is nearly the secret.
        let refused = served.post([&headers[..headers.len() - 3], b"x\r\n"].concat(), "{}").await;
        shown.extend([&answer, &refused].map(|answer| format!("{answer:?}")));
        let runtime = &served.runtime;
        shown.push(format!(
            "{:?} {:?} {}",
            runtime,
            runtime.status(),
            serde_json::to_string(&runtime.status())?
        ));
        shown.push(runtime.describe().to_string());
        shown.extend(served.events().await.iter().map(|event| format!("{event:?} {}", json!(event))));
        let values = headers.split(|byte| *byte == b'\n').map(String::from_utf8_lossy);
        let values = values.filter_map(|line| Some(line.trim().split_once(": ")?.1.to_owned()));
        let signatures: Vec<String> = values.filter(|value| value.len() >= 20).collect();
        assert_eq!(signatures.len(), 1, "{scheme}");
        for text in shown {
            assert!(!text.contains("horse"), "{scheme}: {text}");
            assert!(!signatures.iter().any(|signature| text.contains(signature)), "{scheme}: {text}");
        }
    }
    assert!(!logs.with("signature refused").is_empty());
    assert!(logs.with("horse").is_empty(), "{:?}", logs.with("horse"));
    assert!(logs.with("aHVudGVyOmNvcnJlY3QtaG9yc2U").is_empty());
    let config: TriggerConfig = webhook(json!({"verify": {"scheme": "github", "env": "KNOWN"}}));
    assert!(format!("{config:?}").contains("KNOWN"));
    Ok(())
}
