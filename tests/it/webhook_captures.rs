//! The captures of webhook paths: which request reaches which webhook, and what the handler gets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use triggers::prelude::*;
use triggers::{
    Context, DeadLetterReason, Frame, FromTrigger, ProcessConfig, Rejection, Trigger, TriggerConfig,
    WebhookTrigger,
};

use crate::common::{config, hook};
use crate::http::{get, post, post_request, request};
use crate::until::until;

type Seen = Arc<Mutex<Vec<serde_json::Value>>>;

#[on_webhook("/hooks/{tenant}/orders/{number}", port = 0, host = "127.0.0.1")]
async fn order(tenant: String, number: u32, body: Text, event: TriggerEvent, State(seen): State<Seen>) {
    let path = event.metadata()["path"].clone();
    seen.lock().expect("the list").push(json!([tenant, number, body.0, path, event.trigger_id()]));
}

#[on_webhook("/either", port = 0, host = "127.0.0.1")]
#[on_webhook("/either/{tenant}", port = 0, host = "127.0.0.1")]
async fn either(tenant: Option<String>, body: Text, State(seen): State<Seen>) {
    seen.lock().expect("the list").push(json!([tenant, body.0]));
}

/// The capture `tenant` of an event, for a handler whose triggers are data.
struct Tenant(String);

impl FromTrigger for Tenant {
    fn from_trigger(cx: &Context<'_>) -> Result<Tenant, Rejection> {
        let tenant = cx.capture("tenant").ok_or_else(|| Rejection::absent("the path has no tenant"))?;
        Ok(Tenant(tenant.into_owned()))
    }
}

/// Returns a runtime with a webhook for each path, each of which records its path and the path of the request. Returns the
/// address of its server, too.
async fn recording(paths: &[&str]) -> (Runtime, SocketAddr, Seen) {
    let seen = Seen::default();
    let mut builder = Runtime::builder();
    for path in paths {
        let (seen, own) = (seen.clone(), (*path).to_owned());
        builder = builder.process(*path, hook(path), move |event: TriggerEvent| {
            seen.lock().expect("the list").push(json!([own, event.metadata()["path"]]));
            async {}
        });
    }
    let runtime = builder.start().await.expect("a runtime");
    let address = runtime.local_addr(&format!("webhook-0{}", paths[0])).expect("an address");
    (runtime, address, seen)
}

#[tokio::test]
async fn handler_gets_the_captures_of_the_path_as_arguments() -> Result {
    let seen = Seen::default();
    let runtime = Runtime::builder().state(seen.clone()).handlers(handlers![order]).start().await?;
    let address = runtime.local_addr("webhook-0/hooks/{tenant}/orders/{number}").expect("an address");
    assert_eq!(post(address, "/hooks/acme/orders/7?dry=1", "paid").await.status, 202);
    assert_eq!(post(address, "/hooks/a%20b%2Fc/orders/8", "open").await.status, 202);
    runtime.shutdown().await;
    let id = "webhook-0/hooks/{tenant}/orders/{number}";
    let expected = [
        json!(["acme", 7, "paid", "/hooks/acme/orders/7", id]),
        json!(["a b/c", 8, "open", "/hooks/a%20b%2Fc/orders/8", id]),
    ];
    assert_eq!(*seen.lock().expect("the list"), expected);
    assert!(runtime.dead_letters().is_empty().await);
    Ok(())
}

#[tokio::test]
async fn optional_capture_is_absent_from_a_webhook_without_it() -> Result {
    let seen = Seen::default();
    let runtime = Runtime::builder().state(seen.clone()).handlers(handlers![either]).start().await?;
    let address = runtime.local_addr("webhook-0/either").expect("an address");
    assert_eq!(post(address, "/either", "one").await.status, 202);
    assert_eq!(post(address, "/either/acme", "two").await.status, 202);
    runtime.shutdown().await;
    let mut seen = seen.lock().expect("the list").clone();
    seen.sort_by_key(ToString::to_string);
    assert_eq!(seen, [json!(["acme", "two"]), json!([null, "one"])]);
    Ok(())
}

#[tokio::test]
async fn dead_letter_names_a_capture_of_the_path_that_does_not_parse() -> Result {
    let runtime = Runtime::builder().state(Seen::default()).handlers(handlers![order]).start().await?;
    let address = runtime.local_addr("webhook-0/hooks/{tenant}/orders/{number}").expect("an address");
    assert_eq!(post(address, "/hooks/acme/orders/se%76en", "").await.status, 202);
    runtime.shutdown().await;
    let letter = runtime.dead_letters().list().await.remove(0);
    assert_eq!(letter.reason, DeadLetterReason::Decode);
    assert_eq!(letter.error, "argument `number`: \"seven\" in the path: invalid digit found in string");
    Ok(())
}

#[tokio::test]
async fn literal_segment_wins_over_a_capture_from_left_to_right() {
    let mut paths = [
        "/hooks/github",
        "/hooks/{tenant}",
        "/{any}/push",
        "/hooks/{tenant}/push",
        "/a/{x}/c",
        "/{y}/b/d",
        "/{z}",
    ];
    for _ in 0..2 {
        let (runtime, address, seen) = recording(&paths).await;
        for (path, webhook) in [
            ("/hooks/github", "/hooks/github"),
            ("/hooks/acme", "/hooks/{tenant}"),
            ("/hooks/push", "/hooks/{tenant}"),
            ("/other/push", "/{any}/push"),
            ("/hooks/github/push", "/hooks/{tenant}/push"),
            ("/a/b/c", "/a/{x}/c"),
            ("/a/b/d", "/{y}/b/d"),
            ("/hooks", "/{z}"),
            ("/{z}", "/{z}"),
        ] {
            assert_eq!(post(address, path, "").await.status, 202, "{path}");
            until("a call", || !seen.lock().expect("the list").is_empty()).await;
            assert_eq!(seen.lock().expect("the list").remove(0), json!([webhook, path]));
        }
        runtime.shutdown().await;
        paths.reverse();
    }
}

#[tokio::test]
async fn capture_matches_exactly_one_segment_that_is_not_empty() {
    let (runtime, address, seen) = recording(&["/hooks/{tenant}", "/hooks/{tenant}/push"]).await;
    for path in [
        "/hooks",
        "/hooks/",
        "/hooks//",
        "/hooks//push",
        "/hooks/a/",
        "/hooks/a/b",
        "/Hooks/a",
        "//a",
        "/",
        "*",
    ] {
        let answer = post(address, path, "").await;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (404, Some("error")), "{path}");
    }
    runtime.shutdown().await;
    assert!(seen.lock().expect("the list").is_empty());
}

#[tokio::test]
async fn capture_that_cannot_be_decoded_is_answered_400() {
    let (runtime, address, seen) = recording(&["/hooks/{tenant}", "/{any}/push"]).await;
    for path in ["/hooks/%", "/hooks/a%2", "/hooks/%zz", "/hooks/%ff", "/hooks/%C3", "/%ff/push"] {
        let answer = post(address, path, "").await;
        assert_eq!(answer.status, 400, "{path}");
        let message = json!({"status": "error", "message": "the path is not valid percent-encoded UTF-8"});
        assert_eq!(answer.json(), message);
    }
    assert_eq!(post(address, "/other/%ff", "").await.status, 404, "no webhook has the path");
    runtime.shutdown().await;
    assert!(seen.lock().expect("the list").is_empty());
}

#[tokio::test]
async fn other_method_on_a_path_with_captures_is_answered_405() {
    let (runtime, address, _) = recording(&["/hooks/{tenant}"]).await;
    let answer = get(address, "/hooks/acme").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert_eq!(answer.json(), json!({"status": "error", "message": "method not allowed"}));
    runtime.shutdown().await;
}

#[tokio::test]
async fn health_stays_the_servers_beside_a_capture_at_the_root() {
    let (runtime, address, seen) = recording(&["/{anything}"]).await;
    assert_eq!(get(address, "/health").await.json()["status"], "healthy");
    let answer = post(address, "/health", "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")));
    assert_eq!(post(address, "/healthz", "").await.status, 202);
    runtime.shutdown().await;
    assert_eq!(*seen.lock().expect("the list"), [json!(["/{anything}", "/healthz"])]);
}

#[tokio::test]
async fn standalone_trigger_has_the_captures_of_its_events() {
    let trigger = WebhookTrigger::new().path("/hooks/{tenant}").host("127.0.0.1").port(0);
    trigger.start().await.expect("a trigger that starts");
    let address = trigger.local_addr().expect("an address");
    assert_eq!(request(address, post_request("/hooks/acme%21?tenant=other", "{}")).await.status, 202);
    let event = trigger.wait_for_next().await.expect("an event");
    let cx = Context::new(&event);
    assert_eq!(cx.capture("tenant").as_deref(), Some("acme!"));
    assert_eq!(cx.capture("hooks"), None);
    trigger.stop().await;
}

#[on_webhook("/letters/{tenant}", port = 0, host = "127.0.0.1")]
#[on_dead_letter("breakable")]
async fn after(tenant: Option<String>, event: TriggerEvent, State(seen): State<Seen>) {
    seen.lock().expect("the list").push(json!([tenant, event.kind()]));
}

#[tokio::test]
async fn dead_letter_and_redrive_keep_the_captures() -> Result {
    let (seen, mended) = (Seen::default(), Arc::new(AtomicBool::new(false)));
    let breakable = {
        let (seen, mended) = (seen.clone(), mended.clone());
        move |Tenant(tenant): Tenant| {
            let mended = mended.load(Ordering::SeqCst);
            if mended {
                seen.lock().expect("the list").push(json!([tenant, "redriven"]));
            }
            async move { if mended { Ok(()) } else { Err("broken") } }
        }
    };
    let runtime = Runtime::builder()
        .state(seen.clone())
        .process("breakable", hook("/hooks/{tenant}"), breakable)
        .handlers(handlers![after])
        .start()
        .await?;
    let address = runtime.local_addr("webhook-0/hooks/{tenant}").expect("an address");
    let calls = |number| move |seen: &Seen| seen.lock().expect("the list").len() == number;
    assert_eq!(post(address, "/hooks/a%20b", "").await.status, 202);
    until("a dead letter", || calls(1)(&seen)).await;
    mended.store(true, Ordering::SeqCst);
    assert_eq!(runtime.dead_letters().redrive(|_| true).await, 1);
    until("a redriven event", || calls(2)(&seen)).await;
    runtime.shutdown().await;
    let expected = [json!(["a b", "dead_letter"]), json!(["a b", "redriven"])];
    assert_eq!(*seen.lock().expect("the list"), expected);
    Ok(())
}

#[tokio::test]
async fn event_that_is_read_from_json_or_bytes_keeps_the_captures() -> Result {
    let runtime = Runtime::builder()
        .process("p", hook("/hooks/{tenant}"), |_: TriggerEvent| async { Outcome::reject("kept") })
        .start()
        .await?;
    let address = runtime.local_addr("webhook-0/hooks/{tenant}").expect("an address");
    assert_eq!(post(address, "/hooks/a%20b", "").await.status, 202);
    runtime.shutdown().await;
    let event = runtime.dead_letters().list().await.remove(0).event;
    let read: TriggerEvent = serde_json::from_str(&serde_json::to_string(&event)?)?;
    assert_eq!(Context::new(&read).capture("tenant").as_deref(), Some("a b"));
    assert_eq!(read.frame(), event.frame());
    assert_eq!(&Frame::decode(&event.frame().encode())?, event.frame());
    assert_eq!(event.metadata().keys().collect::<Vec<_>>(), ["headers", "method", "path", "query", "remote"]);
    Ok(())
}

#[tokio::test]
async fn start_refuses_two_webhooks_whose_paths_match_the_same_requests() -> Result {
    let idle = |_: TriggerEvent| async {};
    let started = Runtime::builder()
        .process("a", hook("/hooks/{tenant}/push"), idle)
        .process("b", hook("/hooks/{name}/push"), idle)
        .start()
        .await;
    let error = started.expect_err("one path").to_string();
    assert!(error.contains("the path /hooks/{name}/push of 127.0.0.1:0 is taken by "), "{error}");
    assert!(error.contains(" as /hooks/{tenant}/push, which matches the same requests"), "{error}");

    let runtime = Runtime::builder().process("a", hook("/hooks/{tenant}"), idle).start().await?;
    let added = runtime.add_process("b", hook("/hooks/{name}"), idle).await;
    assert!(added.is_err());
    runtime.add_process("c", hook("/hooks/{tenant}/{name}"), idle).await?;
    runtime.add_process("d", hook("/{hooks}/{name}"), idle).await?;
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn removed_webhook_frees_its_path_with_captures() -> Result {
    let idle = |_: TriggerEvent| async {};
    let runtime = Runtime::builder()
        .process("all", hook("/{any}"), idle)
        .process("tenants", hook("/hooks/{tenant}"), idle)
        .start()
        .await?;
    let address = runtime.local_addr("webhook-0/{any}").expect("an address");
    assert_eq!(post(address, "/hooks/a", "").await.status, 202);
    runtime.remove_process("tenants").await?;
    assert_eq!(post(address, "/hooks/a", "").await.status, 404);
    let config: ProcessConfig = config([TriggerConfig::webhook("/hooks/{other}", 0).host("127.0.0.1")]);
    runtime.add_process("others", config, idle).await?;
    assert_eq!(post(address, "/hooks/a", "").await.status, 202);
    runtime.shutdown().await;
    Ok(())
}
