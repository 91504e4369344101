//! A webhook server, with `triggers` or one of the others: `server KIND THREADS`.
//!
//! It prints its address, and ends when stdin is closed. One thread is a current-thread runtime; more are the workers of
//! a multi-thread runtime. All kinds answer a `POST` to `/events` with 202 and about the same number of bytes. Cargo
//! unifies the features of dependencies over the workspace. So `uuid` has its fast generator in every server, which it
//! does not have by default.

#![allow(clippy::disallowed_methods, reason = "it shows how other programs are written")]

#[cfg(feature = "peers")]
mod actix;
mod by_hand;
mod constant;

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::{io, process, thread};

use benches::request::SECRET;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use triggers::{Bytes, OwnVerifier, ProcessConfig, Runtime, TriggerConfig, Verify};
use uuid::Uuid;

/// The capacity of the queue, in each server that has one.
const CAPACITY: usize = 1000;

/// The result of a server. The error is a text for the developer.
type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// The answer to a request whose event is queued.
#[derive(Serialize)]
struct Accepted {
    status: &'static str,
    event_id: Uuid,
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("server: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> Outcome {
    let [kind, threads] = arguments.as_slice() else { return Err("server KIND THREADS".into()) };
    let threads: usize = threads.parse().map_err(|error| format!("{threads}: {error}"))?;
    thread::spawn(|| {
        // The copy ends when the parent process has closed stdin or has ended.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0)
    });
    match kind.as_str() {
        "triggers" => on(threads, triggers(hook())),
        "triggers-verify" => on(threads, triggers_with_verify()),
        "axum" => on(threads, by_hand::parsed()),
        "axum-verify" => on(threads, by_hand::verified()),
        "axum-bytes" => on(threads, by_hand::bytes()),
        "constant" => on(threads, constant::axum()),
        "hyper" => on(threads, constant::hyper()),
        #[cfg(feature = "peers")]
        "actix" => actix::serve(threads),
        _ => Err(format!("there is no server `{kind}`").into()),
    }
}

fn on(threads: usize, serve: impl Future<Output = Outcome> + Send + 'static) -> Outcome {
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().build()?;
    runtime.block_on(async { tokio::spawn(serve).await? })
}

fn hook() -> TriggerConfig {
    TriggerConfig::webhook("/events", 0).host("127.0.0.1").queue(CAPACITY)
}

/// Verifies each request. It is the same delivery each time, so the ids are not remembered.
async fn triggers_with_verify() -> Outcome {
    let verify = OwnVerifier::new(Verify::github([SECRET])?);
    triggers(hook().value("verify", verify).setting("dedupe", "off")).await
}

async fn triggers(hook: TriggerConfig) -> Outcome {
    let config = ProcessConfig::new().trigger(hook);
    let runtime =
        Runtime::builder().process("hook", config, |body: Bytes| async { drop(body) }).start().await?;
    println!("{}", runtime.local_addr("webhook-0/events").ok_or("the webhook does not listen")?);
    pending().await
}

/// Binds a listener to a free port, and prints its address.
async fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    println!("{}", listener.local_addr()?);
    Ok(listener)
}
