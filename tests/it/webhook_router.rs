//! Webhooks that are mounted in an axum application of the program.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use triggers::axum::extract::State as AppState;
use triggers::axum::routing::get as get_route;
use triggers::axum::{self, Router};
use triggers::prelude::*;
use triggers::{Sign, TriggerStatus, handlers};

use crate::common::{assert_balanced, config, gated, hook, status};
use crate::http::{Client, get, post, post_request, post_with, request};
use crate::until::until;
use crate::webhook::local;

const SECRET: &str = "a secret of a test";

type Seen = Arc<Mutex<Vec<Value>>>;

#[on_webhook("/github", mount, body_limit = "1KiB", verify = github(env = "GITHUB_WEBHOOK_SECRET"))]
async fn mounted(event: TriggerEvent, State(seen): State<Seen>) {
    let metadata = event.metadata();
    let seen_event = json!([event.payload(), metadata["path"], metadata["remote"], event.trigger_id()]);
    seen.lock().expect("the list").push(seen_event);
}

/// An application of the program with its own route and state, and the webhooks of a runtime under `/hooks`.
struct Application {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Application {
    /// Serves an application with these webhooks. With `knows_clients` its server says who the client is.
    async fn serve(webhooks: Router, knows_clients: bool) -> Application {
        let routes = Router::new()
            .route("/", get_route(async |AppState(name): AppState<&'static str>| name))
            .with_state("the state of the application")
            .nest("/hooks", webhooks);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let server = tokio::spawn(async move {
            let served = if knows_clients {
                let service = routes.into_make_service_with_connect_info::<SocketAddr>();
                axum::serve(listener, service).with_graceful_shutdown(stopped).await
            } else {
                axum::serve(listener, routes).with_graceful_shutdown(stopped).await
            };
            served.expect("a server");
        });
        Application { address, stop, server }
    }

    async fn shut_down(self) {
        let _ = self.stop.send(());
        self.server.await.expect("no panic");
    }
}

/// Returns a runtime with the mounted handler, which records its events.
async fn signed() -> (Runtime, Seen) {
    let seen = Seen::default();
    let runtime = Runtime::builder()
        .handlers(handlers![mounted])
        .state(seen.clone())
        .secrets(|name| (name == "GITHUB_WEBHOOK_SECRET").then(|| SECRET.to_owned()))
        .start()
        .await;
    (runtime.expect("a runtime"), seen)
}

/// Returns a signed `POST`, with more headers, each ended by `\r\n`.
fn signed_post(target: &str, more: &str, body: &str) -> Vec<u8> {
    let sign = Sign::github(SECRET).expect("a secret");
    let headers = sign.headers(body.as_bytes(), SystemTime::now(), "d-1").expect("headers");
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}: {}\r\n", value.to_str().expect("a text"))
    };
    let signature: String =
        headers.iter().filter(|(name, _)| *name != "x-github-delivery").map(line).collect();
    post_with(target, signature + more, body)
}

/// Returns a config of a mounted webhook, which ignores its port.
fn mount(path: &str) -> TriggerConfig {
    TriggerConfig::webhook(path, 0).setting("mount", true)
}

fn trigger(runtime: &Runtime) -> TriggerStatus {
    status(runtime).triggers.remove(0)
}

#[tokio::test]
async fn mounted_webhook_answers_beside_the_routes_and_the_state_of_the_application() {
    let (runtime, seen) = signed().await;
    let app = Application::serve(runtime.router(), true).await;
    let address = app.address;
    assert_eq!(runtime.local_addr("webhook/github"), None, "it binds no port");
    assert_eq!(get(address, "/").await.body, "the state of the application");

    let accepted = request(address, signed_post("/hooks/github?ref=main", "", "7")).await;
    assert_eq!((accepted.status, &accepted.json()["status"]), (202, &json!("accepted")));
    until("the event is handled", || status(&runtime).handled == 1).await;
    assert_eq!(*seen.lock().expect("the list"), [json!([7, "/github", "127.0.0.1", "webhook/github"])]);

    let unsigned = post(address, "/hooks/github", "7").await;
    assert_eq!((unsigned.status, &unsigned.json()["status"]), (401, &json!("error")));
    let large = request(address, signed_post("/hooks/github", "", &"x".repeat(1025))).await;
    assert_eq!(large.status, 413);
    let encoded = request(address, signed_post("/hooks/github", "Content-Encoding: br\r\n", "7")).await;
    assert_eq!(encoded.status, 415);
    let expecting = request(address, signed_post("/hooks/github", "Expect: a-pony\r\n", "7")).await;
    assert_eq!(expecting.status, 417);
    let many: String = (0..70).map(|n| format!("X-{n}: 1\r\n")).collect();
    assert_eq!(request(address, signed_post("/hooks/github", &many, "7")).await.status, 431);
    let other_method = get(address, "/hooks/github").await;
    assert_eq!((other_method.status, other_method.header("allow")), (405, Some("POST")));
    assert_eq!(post(address, "/hooks/gitlab", "7").await.status, 404);
    assert_eq!(get(address, "/hooks/health").await.json()["trigger_id"], "webhook/github");

    let counted = trigger(&runtime);
    assert_eq!((counted.accepted, counted.id.as_str()), (1, "webhook/github"));
    for reason in ["signature_missing", "body_size", "unsupported", "head_count"] {
        assert!(counted.refused[reason] > 0, "{reason}: {:?}", counted.refused);
    }
    assert_balanced(&status(&runtime));

    runtime.shutdown().await;
    let stopping = request(address, signed_post("/hooks/github", "", "8")).await;
    assert_eq!((stopping.status, stopping.header("retry-after")), (503, Some("1")));
    assert_eq!(get(address, "/").await.status, 200, "the application goes on");
    drop(runtime);
    assert_eq!(request(address, signed_post("/hooks/github", "", "8")).await.status, 503);
    app.shut_down().await;
    assert_eq!(seen.lock().expect("the list").len(), 1);
}

#[tokio::test]
async fn allowed_network_needs_a_server_that_knows_its_clients() -> Result {
    let allowing = mount("/a").setting("allow", "127.0.0.0/8");
    let runtime = Runtime::builder()
        .process("p", config([allowing]), |_: TriggerEvent| async {})
        .process("open", config([mount("/open")]), |_: TriggerEvent| async {})
        .start()
        .await?;
    for (knows_clients, expected) in [(false, 403), (true, 202)] {
        let app = Application::serve(runtime.router(), knows_clients).await;
        assert_eq!(post(app.address, "/hooks/a", "1").await.status, expected, "{knows_clients}");
        assert_eq!(post(app.address, "/hooks/open", "1").await.status, 202, "{knows_clients}");
        app.shut_down().await;
    }
    assert_eq!(status(&runtime).triggers[0].refused["client_not_allowed"], 1);
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn unsigned_webhook_refuses_websites_of_a_client_that_may_be_this_machine() -> Result {
    let runtime =
        Runtime::builder().process("p", config([mount("/a")]), |_: TriggerEvent| async {}).start().await?;
    for knows_clients in [false, true] {
        let app = Application::serve(runtime.router(), knows_clients).await;
        let foreign = post_with("/hooks/a", "Origin: https://evil.example\r\n", "1");
        assert_eq!(request(app.address, foreign).await.status, 403, "{knows_clients}");
        app.shut_down().await;
    }
    assert_eq!(trigger(&runtime).refused["foreign_origin"], 2);
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn webhook_without_mount_stays_on_its_port() -> Result {
    let runtime = Runtime::builder()
        .process("mounted", config([mount("/a")]), |_: TriggerEvent| async {})
        .process("on a port", hook("/a"), |_: TriggerEvent| async {})
        .process("other", hook("/b"), |_: TriggerEvent| async {})
        .start()
        .await?;
    let port = runtime.local_addr("webhook-0/a").expect("a port");
    let app = Application::serve(runtime.router(), true).await;
    assert_eq!(post(app.address, "/hooks/b", "1").await.status, 404);
    assert_eq!(post(app.address, "/hooks/a", "1").await.status, 202);
    assert_eq!(post(port, "/a", "1").await.status, 202);
    let accepted = runtime.status().processes.into_iter().map(|process| process.triggers[0].accepted);
    assert_eq!(accepted.collect::<Vec<_>>(), [1, 1, 0]);
    runtime.shutdown().await;
    app.shut_down().await;
    Ok(())
}

#[tokio::test]
async fn every_webhook_of_the_runtime_can_be_mounted() -> Result {
    let builder = |path| {
        Runtime::builder()
            .process("a", config([TriggerConfig::webhook("/a", 9090)]), |_: TriggerEvent| async {})
            .process("b", config([TriggerConfig::webhook(path, 9091)]), |_: TriggerEvent| async {})
            .mount_webhooks()
    };
    let error = builder("/a").start().await.expect_err("one path twice").to_string();
    assert!(error.contains("the path /a of the router"), "{error}");
    let runtime = builder("/b").start().await?;
    assert_eq!(runtime.local_addr("webhook-9090/a"), None);
    let app = Application::serve(runtime.router(), true).await;
    for path in ["/hooks/a", "/hooks/b"] {
        assert_eq!(post(app.address, path, "1").await.status, 202, "{path}");
    }
    runtime.shutdown().await;
    for path in ["/hooks/a", "/hooks/b"] {
        assert_eq!(post(app.address, path, "1").await.status, 503, "{path}");
    }
    app.shut_down().await;
    Ok(())
}

#[tokio::test]
async fn two_mounted_webhooks_of_one_path_do_not_start() {
    let error = Runtime::builder()
        .process("a", config([mount("/a")]), |_: TriggerEvent| async {})
        .process("b", config([mount("/a").setting("webhook_port", 1)]), |_: TriggerEvent| async {})
        .start()
        .await
        .expect_err("one path twice")
        .to_string();
    assert!(error.contains("the path /a is taken by `a` at"), "{error}");
}

#[tokio::test]
async fn process_is_removed_from_the_router_and_added_to_it() -> Result {
    let runtime = Runtime::builder()
        .process("a", config([mount("/a")]), |_: TriggerEvent| async {})
        .process("b", config([mount("/b")]), |_: TriggerEvent| async {})
        .start()
        .await?;
    let app = Application::serve(runtime.handle().router(), true).await;
    runtime.remove_process("b").await?;
    assert_eq!(post(app.address, "/hooks/b", "1").await.status, 404);
    runtime.remove_process("a").await?;
    assert_eq!(post(app.address, "/hooks/a", "1").await.status, 503, "no webhook is left");
    runtime.add_process("b", config([mount("/b")]), |_: TriggerEvent| async {}).await?;
    assert_eq!(post(app.address, "/hooks/b", "1").await.status, 202);
    assert_eq!(post(app.address, "/hooks/a", "1").await.status, 404);
    runtime.shutdown().await;
    app.shut_down().await;
    Ok(())
}

#[tokio::test]
async fn trigger_without_a_runtime_is_mounted() -> Result {
    let events = local().setting("mount", true);
    let router = events.router();
    events.start().await?;
    let app = Application::serve(router, true).await;
    assert_eq!((post(app.address, "/hooks/events", "1").await.status, events.local_addr()), (202, None));
    assert_eq!(events.wait_for_next().await?.payload(), &json!(1));
    events.stop().await;
    assert_eq!(post(app.address, "/hooks/events", "2").await.status, 503);
    events.start().await?;
    assert_eq!(post(app.address, "/hooks/events", "3").await.status, 202);
    events.stop().await;
    app.shut_down().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn slow_body_of_a_mounted_webhook_is_answered_408_and_503_once_the_runtime_stops() -> Result {
    let slow = mount("/a").setting("body_timeout", "3s");
    let runtime = Runtime::builder().process("p", config([slow]), |_: TriggerEvent| async {}).start().await?;
    let app = Application::serve(runtime.router(), true).await;
    let begun = "POST /hooks/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n1";
    let answer = request(app.address, begun).await;
    assert_eq!((answer.status, &answer.json()["message"]), (408, &json!("the body took over 3s")));
    assert_eq!(trigger(&runtime).refused["body_timeout"], 1);

    let mut client = Client::connect(app.address).await;
    client.send(begun).await;
    sleep(Duration::from_secs(1)).await;
    let (report, answer) = tokio::join!(runtime.shutdown(), client.answer());
    let answer = answer.expect("an answer");
    assert_eq!((answer.status, &answer.json()["message"]), (503, &json!("stopping")));
    assert_eq!(report.left, 0);
    app.shut_down().await;
    Ok(())
}

#[tokio::test]
async fn application_and_runtime_end_in_either_order_and_lose_no_accepted_event() -> Result {
    for app_first in [true, false] {
        let gate = Arc::new(Notify::new());
        let runtime = Runtime::builder().process("p", config([mount("/a")]), gated(&gate)).start().await?;
        let app = Application::serve(runtime.router(), true).await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            let mut client = Client::connect(app.address).await;
            assert_eq!(client.ask(post_request("/hooks/a", "1")).await.status, 202);
            clients.push(client);
        }
        let report = if app_first {
            app.shut_down().await;
            let opening = async {
                until("all are handled", || {
                    gate.notify_one();
                    status(&runtime).handled == 3
                })
                .await;
            };
            tokio::join!(runtime.shutdown(), opening).0
        } else {
            let ending = async {
                // The drain has begun once a request is refused.
                let refused = clients[0].ask(post_request("/hooks/a", "2"));
                let refused = refused.await.status;
                until("all are handled", || {
                    gate.notify_one();
                    status(&runtime).handled >= 3
                })
                .await;
                refused
            };
            let (report, refused) = tokio::join!(runtime.shutdown(), ending);
            assert_eq!(refused, 503);
            app.shut_down().await;
            report
        };
        assert_eq!((report.completed, report.left), (3, 0), "{app_first}");
        assert_balanced(&status(&runtime));
    }
    Ok(())
}

#[tokio::test]
async fn router_does_not_keep_the_runtime_alive() -> Result {
    let value = Arc::new(());
    let held = value.clone();
    let handler = move |_: TriggerEvent| {
        let _ = &held;
        async {}
    };
    let runtime = Runtime::builder().process("p", config([mount("/a")]), handler).start().await?;
    let (router, handle) = (runtime.router(), runtime.handle());
    drop(runtime);
    until("the handler is dropped", || Arc::strong_count(&value) == 1).await;
    let app = Application::serve(router, true).await;
    assert_eq!(post(app.address, "/hooks/a", "1").await.status, 503);
    app.shut_down().await;
    let app = Application::serve(handle.router(), true).await;
    assert_eq!(post(app.address, "/hooks/a", "1").await.status, 503);
    app.shut_down().await;
    Ok(())
}
