//! A webhook on a port of its own, and requests to it over a socket.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use trigger_core::{Trigger, TriggerEvent};
use trigger_webhook::{Verify, WebhookTrigger};

use crate::library::Headers;

/// The time limit for an answer, and for an event.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A server with one webhook.
pub(crate) struct Server {
    trigger: WebhookTrigger,
}

impl Server {
    /// Starts a server with a webhook at `/webhook`, which takes events of one id.
    pub(crate) async fn start() -> Result<Server, String> {
        Server::of(WebhookTrigger::new().setting("dedupe", "off")).await
    }

    /// Starts a server with a webhook at `/webhook` that verifies its requests.
    pub(crate) async fn verifying(verify: Verify) -> Result<Server, String> {
        Server::of(WebhookTrigger::new().verify(verify)).await
    }

    async fn of(trigger: WebhookTrigger) -> Result<Server, String> {
        let trigger = trigger.host("127.0.0.1").port(0);
        trigger.start().await.map_err(|error| error.to_string())?;
        Ok(Server { trigger })
    }

    /// Posts a request, and returns the status of its answer. `query` is empty, or begins with `?`.
    pub(crate) async fn post(&self, query: &str, headers: &Headers, body: &[u8]) -> Result<u16, String> {
        let answer = timeout(TIME_LIMIT, self.exchange(query, headers, body)).await;
        let answer = answer.map_err(|_| format!("no answer after {TIME_LIMIT:?}"))??;
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        status.ok_or_else(|| format!("this is no answer: {answer}"))
    }

    async fn exchange(&self, query: &str, headers: &Headers, body: &[u8]) -> Result<String, String> {
        let failed = |error: std::io::Error| error.to_string();
        let address = self.trigger.local_addr().ok_or("the server does not listen")?;
        let mut stream = TcpStream::connect(address).await.map_err(failed)?;
        let mut head =
            format!("POST /webhook{query} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "connection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.map_err(failed)?;
        stream.write_all(body).await.map_err(failed)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.map_err(failed)?;
        Ok(answer)
    }

    /// Closes the port.
    pub(crate) async fn stop(self) {
        self.trigger.stop().await;
    }

    /// Returns the event of the oldest accepted request.
    pub(crate) async fn event(&self) -> Result<TriggerEvent, String> {
        let event = timeout(TIME_LIMIT, self.trigger.wait_for_next()).await;
        event.map_err(|_| format!("no event after {TIME_LIMIT:?}"))?.map_err(|error| error.to_string())
    }
}
