//! Routes of the program on the port of its webhooks.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;
use triggers::axum::Router;
use triggers::axum::extract::ConnectInfo;
use triggers::axum::routing::{get as get_route, post as post_route};
use triggers::prelude::*;
use triggers::{Builder, TriggerConfig};

use crate::common::{config, hook};
use crate::http::{Client, get, post, request};
use crate::webhook::assert_is_closed;

/// Returns a builder with a webhook on a port that the system picks, and these routes.
fn with_routes(routes: Router) -> Builder {
    Runtime::builder().process("p", hook("/a"), |_: TriggerEvent| async {}).routes(routes)
}

fn port(runtime: &Runtime) -> SocketAddr {
    runtime.local_addr("webhook-0/a").expect("a port")
}

#[tokio::test]
async fn routes_of_the_program_are_beside_the_webhook_and_health() -> Result {
    let routes = Router::new()
        .route("/version", get_route(async || "1.0"))
        .route("/echo", post_route(async |body: String| body))
        .route("/me", get_route(async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.to_string()))
        .route("/a", get_route(async || "not reached"))
        .route("/health", get_route(async || "not reached"));
    let runtime = with_routes(routes).start().await?;
    let address = port(&runtime);
    assert_eq!(get(address, "/version").await.body, "1.0");
    assert_eq!(post(address, "/echo", "a body").await.body, "a body");
    let mut client = Client::connect(address).await;
    let own = client.local_addr().to_string();
    assert_eq!(client.ask("GET /me HTTP/1.1\r\nHost: localhost\r\n\r\n").await.body, own);
    assert_eq!(post(address, "/a", "1").await.status, 202);
    assert_eq!(get(address, "/a").await.status, 405, "the path is that of the webhook");
    assert_eq!(get(address, "/health").await.json()["trigger_id"], "webhook-0/a");
    let absent = get(address, "/absent").await;
    assert_eq!((absent.status, &*absent.body), (404, ""));
    assert_eq!(post(address, "/version", "1").await.status, 405);
    let many: String = (0..70).map(|n| format!("X-{n}: 1\r\n")).collect();
    let answer = request(address, format!("GET /version HTTP/1.1\r\nHost: localhost\r\n{many}\r\n")).await;
    assert_eq!(answer.status, 431, "the checks of the server come first");
    runtime.shutdown().await;
    assert_is_closed(address).await;
    Ok(())
}

#[tokio::test]
async fn routes_are_on_every_port_and_not_in_the_router() -> Result {
    let mounted = config([TriggerConfig::webhook("/m", 0).setting("mount", true)]);
    let other = config([TriggerConfig::webhook("/b", 0).host("127.0.0.2")]);
    let runtime = with_routes(Router::new().route("/version", get_route(async || "1.0")))
        .process("other", other, |_: TriggerEvent| async {})
        .process("mounted", mounted, |_: TriggerEvent| async {})
        .start()
        .await?;
    for id in ["webhook-0/a", "webhook-0/b"] {
        let address = runtime.local_addr(id).expect("a port");
        assert_eq!(get(address, "/version").await.status, 200, "{id}");
    }
    // The router of one runtime is the routes of another one.
    let outer = Runtime::builder()
        .process("p", hook("/a"), |_: TriggerEvent| async {})
        .routes(Router::new().nest("/inner", runtime.router()))
        .start()
        .await?;
    assert_eq!(post(port(&outer), "/inner/m", "1").await.status, 202);
    assert_eq!(get(port(&outer), "/inner/version").await.status, 404);
    outer.shutdown().await;
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn slow_body_of_a_route_ends_at_the_limit_of_the_server() -> Result {
    let config = config([TriggerConfig::webhook("/a", 0).host("127.0.0.1").setting("body_timeout", "3s")]);
    let runtime = Runtime::builder()
        .process("p", config, |_: TriggerEvent| async {})
        .routes(Router::new().route("/echo", post_route(async |body: String| body)))
        .start()
        .await?;
    let began = Instant::now();
    let begun = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n1";
    let answer = request(port(&runtime), begun).await;
    assert_eq!((answer.status, began.elapsed().as_secs()), (400, 3), "{answer:?}");
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn route_that_answers_late_is_cut_off_when_the_port_closes() -> Result {
    let route = get_route(async || tokio::time::sleep(Duration::from_secs(60)).await);
    let runtime = with_routes(Router::new().route("/slow", route)).start().await?;
    let mut client = Client::connect(port(&runtime)).await;
    client.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    let (_, answer) = tokio::join!(runtime.shutdown(), client.answer());
    assert!(answer.is_none(), "{answer:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    Ok(())
}

#[tokio::test]
async fn routes_without_a_port_do_not_start() {
    let error = with_routes(Router::new()).mount_webhooks().start().await.expect_err("no port").to_string();
    assert!(error.contains("tests/it/webhook_routes.rs"), "{error}");
    assert!(error.contains("`.routes(..)` needs a port"), "{error}");
}
