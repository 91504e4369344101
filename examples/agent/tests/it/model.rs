//! The stand-in of a language model: a test sees each request, and decides about its answer.

use std::net::SocketAddr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

type Answer = (StatusCode, Json<Value>);

/// A server of the chat completions API on a free port.
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Request>,
}

/// A request that waits for its answer.
pub(crate) struct Request {
    pub(crate) body: Value,
    answer: oneshot::Sender<Answer>,
}

impl StandIn {
    pub(crate) async fn start() -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, requests) = mpsc::unbounded_channel();
        let router = Router::new().route("/v1/chat/completions", post(complete)).with_state(sender);
        tokio::spawn(async { axum::serve(listener, router).await });
        StandIn { address, requests }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the next request.
    pub(crate) async fn next(&mut self) -> Request {
        crate::soon(self.requests.recv()).await
    }

    /// Returns `true` if no request has arrived that the test has not taken.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }
}

async fn complete(
    State(requests): State<mpsc::UnboundedSender<Request>>,
    Json(body): Json<Value>,
) -> Result<Answer, StatusCode> {
    let (answer, answered) = oneshot::channel();
    requests.send(Request { body, answer }).map_err(|_| StatusCode::GONE)?;
    answered.await.map_err(|_| StatusCode::GONE)
}

impl Request {
    /// Returns the messages, each as its role and text.
    pub(crate) fn messages(&self) -> Vec<(&str, String)> {
        let messages = self.body["messages"].as_array().expect("messages");
        let read = messages.iter().map(|message| (message["role"].as_str(), text(&message["content"])));
        read.map(|(role, text)| (role.expect("a role"), text)).collect()
    }

    /// Returns the text of the last message.
    pub(crate) fn question(&self) -> String {
        self.messages().pop().expect("a message").1
    }

    pub(crate) fn answer(self, text: &str) {
        let message = json!({"role": "assistant", "content": text});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
        let completion = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": self.body["model"],
            "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        });
        // The agent may have gone.
        let _ = self.answer.send((StatusCode::OK, Json(completion)));
    }

    pub(crate) fn fail(self, status: u16, message: &str) {
        let status = StatusCode::from_u16(status).expect("a status");
        let _ = self.answer.send((status, Json(json!({"error": {"message": message}}))));
    }
}

/// Returns the text of a content, which is a string or a list of parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        other => panic!("not a content: {other}"),
    }
}
