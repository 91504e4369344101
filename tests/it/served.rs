//! A runtime with one webhook whose settings are data, and the events that its handler got.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use triggers::{Builder, Runtime, TriggerConfig, TriggerEvent};

use crate::common::{config, status};
use crate::http::{Answer, post_with, request};

/// Returns the webhook `in` at `/in`, with these settings.
pub(crate) fn webhook(settings: Value) -> TriggerConfig {
    read(settings).expect("settings of a webhook")
}

/// Reads the settings of [`webhook`].
pub(crate) fn read(settings: Value) -> Result<TriggerConfig, serde_json::Error> {
    let mut all = json!({
        "type": "webhook", "id": "in", "webhook_path": "/in", "webhook_host": "127.0.0.1", "webhook_port": 0
    });
    let settings = settings.as_object().expect("an object").clone();
    all.as_object_mut().expect("an object").extend(settings);
    serde_json::from_value(all)
}

/// Returns a builder with the process `hook` of [`webhook`], whose handler does nothing.
pub(crate) fn idle(settings: Value) -> Builder {
    Runtime::builder().process("hook", config([webhook(settings)]), |_: TriggerEvent| async {})
}

/// A runtime with the webhook [`webhook`].
pub(crate) struct Served {
    pub(crate) runtime: Runtime,
    pub(crate) address: SocketAddr,
    events: Arc<Mutex<Vec<TriggerEvent>>>,
}

impl Served {
    /// Starts a webhook with these settings.
    pub(crate) async fn start(settings: Value) -> Served {
        Served::with(settings, |builder| builder).await
    }

    /// Starts a webhook with these settings, in a runtime with more settings.
    pub(crate) async fn with(settings: Value, more: impl FnOnce(Builder) -> Builder) -> Served {
        let events: Arc<Mutex<Vec<TriggerEvent>>> = Arc::default();
        let seen = Arc::clone(&events);
        let handler = move |event: TriggerEvent| {
            seen.lock().expect("the events").push(event);
            async {}
        };
        let builder = Runtime::builder().process("hook", config([webhook(settings)]), handler);
        let runtime = more(builder).start().await.expect("a runtime");
        let address = runtime.local_addr("in").expect("an address");
        Served { runtime, address, events }
    }

    /// Posts a body with headers, each ended by `\r\n`, on a new connection.
    pub(crate) async fn post(&self, headers: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Answer {
        request(self.address, post_with("/in", headers, body)).await
    }

    /// Returns how often the webhook has refused a request, by reason.
    pub(crate) fn refused(&self) -> Value {
        json!(status(&self.runtime).triggers[0].refused)
    }

    /// Stops the runtime, and returns all events.
    pub(crate) async fn events(self) -> Vec<TriggerEvent> {
        self.runtime.shutdown().await;
        std::mem::take(&mut *self.events.lock().expect("the events"))
    }
}

/// Returns the lines of headers.
pub(crate) fn lines(headers: &triggers::HeaderMap) -> Vec<u8> {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat()
    };
    headers.iter().flat_map(line).collect()
}
