//! An axum application that is there already gets webhooks on its own port: the five lines with `triggers` in a comment.

use std::net::SocketAddr;

use axum::extract;
use axum::routing::get;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use triggers::prelude::*; // triggers

// In production it also has `verify = github(env = "GITHUB_WEBHOOK_SECRET")`.
#[on_webhook("/github", mount)] // triggers
async fn build(push: Text, event: TriggerEvent) {
    println!("building {push}, which came to {} by {}", event.metadata()["path"], event.metadata()["remote"]);
}

/// The state of the application.
#[derive(Clone)]
struct App {
    name: &'static str,
}

async fn home(extract::State(app): extract::State<App>) -> String {
    format!("welcome to {}", app.name)
}

#[tokio::main]
async fn main() -> Result<()> {
    let runtime = Runtime::builder().linked().start().await?; // triggers
    let app = axum::Router::new()
        .route("/", get(home))
        .with_state(App { name: "the shop" })
        .nest("/hooks", runtime.router()); // triggers

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    // With the addresses of the clients, which `allow` and `rate_per_client` need.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move { drop(stopped.await) });

    // The end of this client stops the server. In a program that serves others, a signal does.
    let client = async move {
        println!("{}", send(address, "GET", "/", "").await?);
        println!("{}", send(address, "POST", "/hooks/github", "main").await?);
        println!("{}", send(address, "GET", "/hooks/health", "").await?);
        let _ = stop.send(());
        Ok::<_, Error>(())
    };
    let (served, sent) = tokio::join!(server.into_future(), client);
    let report = runtime.shutdown().await; // triggers
    println!("{report}");
    served?;
    sent?;
    if report.left > 0 { Err(format!("events were left: {}", report.left).into()) } else { Ok(()) }
}

/// Sends a request, and returns the first line and the body of the answer.
async fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    let (mut lines, mut all) = (BufReader::new(stream).lines(), Vec::new());
    while let Some(line) = lines.next_line().await? {
        all.push(line);
    }
    let answer =
        all.first().zip(all.last()).map(|(status, body)| format!("{method} {path}: {status} {body}"));
    answer.ok_or_else(|| "the server closed the connection".into())
}
