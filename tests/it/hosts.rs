//! The host of a webhook: every address of its name is bound, on one port.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};

use tokio::net::lookup_host;
use triggers::{ProcessConfig, Result, Runtime, Trigger, TriggerConfig, TriggerEvent, WebhookTrigger};

use crate::common::config;
use crate::http::post;
use crate::webhook::{assert_is_closed, listening};

async fn addresses(host: &str, port: u16) -> BTreeSet<SocketAddr> {
    lookup_host((host, port)).await.expect("a host").collect()
}

fn hook(path: &str, port: u16, host: &str) -> ProcessConfig {
    config([TriggerConfig::webhook(path, port).host(host)])
}

#[tokio::test(start_paused = true)]
async fn webhook_is_reached_at_every_address_of_its_host() {
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "::1"] {
        let trigger = WebhookTrigger::new().path("/events").host(host).port(0);
        let (trigger, first) = listening(trigger).await;
        let addresses = addresses(host, first.port()).await;
        assert!(addresses.contains(&first), "{first} of {addresses:?}");
        for address in &addresses {
            assert_eq!(post(*address, "/events", "{}").await.status, 202, "{address}");
        }
        assert_eq!(trigger.drain_pending().len(), addresses.len());
        trigger.stop().await;
        for address in addresses {
            assert_is_closed(address).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn webhooks_of_one_host_share_its_addresses() -> Result {
    let runtime = Runtime::builder()
        .process("one", hook("/one", 0, "localhost"), |_: TriggerEvent| async {})
        .process("two", hook("/two", 0, "localhost"), |_: TriggerEvent| async {})
        .start()
        .await?;
    let first = runtime.local_addr("webhook-0/one").expect("an address");
    assert_eq!(runtime.local_addr("webhook-0/two"), Some(first));
    for address in addresses("localhost", first.port()).await {
        assert_eq!(post(address, "/one", "").await.status, 202);
        assert_eq!(post(address, "/two", "").await.status, 202);
    }
    runtime.shutdown().await;
    for address in addresses("localhost", first.port()).await {
        assert_is_closed(address).await;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn port_that_is_taken_at_one_address_of_a_host_fails_the_start() -> Result {
    for taken in addresses("localhost", 0).await {
        let taken = TcpListener::bind(taken)?;
        let port = taken.local_addr()?.port();
        let builder =
            Runtime::builder().process("p", hook("/in", port, "localhost"), |_: TriggerEvent| async {});
        let error = builder.start().await.expect_err("the port is taken").to_string();
        assert!(error.contains(&format!("cannot listen on localhost:{port}")), "{error}");
        drop(taken);
        for address in addresses("localhost", port).await {
            assert_is_closed(address).await;
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn name_and_its_address_cannot_both_have_a_port() -> Result {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    for (one, two) in [("localhost", "127.0.0.1"), ("127.0.0.1", "localhost")] {
        let error = Runtime::builder()
            .process("one", hook("/one", port, one), |_: TriggerEvent| async {})
            .process("two", hook("/two", port, two), |_: TriggerEvent| async {})
            .start()
            .await
            .expect_err("one of them has the port");
        assert!(error.to_string().contains("cannot listen on"), "{error}");
        assert_is_closed(([127, 0, 0, 1], port).into()).await;
    }
    Ok(())
}
