//! Triggers beside an axum application: a route emits an event, and one shutdown ends both.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use triggers::prelude::*;

#[on_event("order.placed", source = "shop", queue = 1000)]
#[process(concurrency = 8, retry = 5)]
async fn charge(Text(order): Text) {
    tokio::time::sleep(Duration::from_millis(20)).await; // the bank answers
    println!("charged {order}");
}

/// Answers once the order is queued, or says that there is no room.
async fn place(extract::State(bus): extract::State<EventBus>, order: String) -> (StatusCode, String) {
    match bus.emit("order.placed", order).source("shop").await {
        Ok(sent) if sent.dropped() == Some(0) => (StatusCode::ACCEPTED, sent.id().to_string()),
        Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, "try again later".to_owned()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

#[triggers::main]
async fn main(builder: Builder) -> Result<()> {
    let runtime = builder.start().await?;
    let routes = Router::new().route("/orders", post(place)).with_state(runtime.bus());

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, routes).with_graceful_shutdown(async move { drop(stopped.await) });

    // The end of this client stops the server. In a program that serves others, a signal does.
    let client = async move {
        for order in ["a book", "a pen"] {
            println!("{}", send(address, order).await?);
        }
        let _ = stop.send(());
        Ok::<_, Error>(())
    };
    // First axum finishes its requests, then the runtime drains what they have published.
    let (served, sent) = tokio::join!(server.into_future(), client);
    let report = runtime.shutdown().await;
    println!("{report}");
    served?;
    sent?;
    if report.left > 0 { Err(format!("events were left: {}", report.left).into()) } else { Ok(()) }
}

/// Posts an order, and returns the first line of the answer.
async fn send(address: SocketAddr, order: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!("POST /orders HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{order}", order.len()).as_bytes()).await?;
    Ok(BufReader::new(stream).lines().next_line().await?.unwrap_or_default())
}
