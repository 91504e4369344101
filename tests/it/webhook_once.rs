//! A delivery whose scheme has one id for the delivery and for its copies.

use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::time::timeout;
use triggers::{Sign, Trigger, Verify};

use crate::http::request;
use crate::webhook::{listening, local};

/// A secret in the form of Standard Webhooks.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn request_does_not_wait_for_its_own_id() {
    let verify = Verify::standard([SECRET]).expect("a secret");
    let (trigger, address) = listening(local().verify(verify)).await;
    let sign = Sign::standard(SECRET).expect("a secret");
    let headers = sign.headers(b"{}", SystemTime::now(), "msg_7").expect("headers");
    let mut head = "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n".to_owned();
    for (name, value) in &headers {
        head += &format!("{name}: {}\r\n", value.to_str().expect("text"));
    }
    let mut first = None;
    for duplicate in [false, true] {
        let answer = timeout(Duration::from_secs(10), request(address, format!("{head}\r\n{{}}")));
        let answer = answer.await.expect("an answer in time");
        assert_eq!((answer.status, answer.json()["duplicate"] == json!(true)), (202, duplicate));
        let id = answer.json()["event_id"].clone();
        assert_eq!(*first.get_or_insert(id.clone()), id);
    }
    assert_eq!(trigger.drain_pending().len(), 1);
    trigger.stop().await;
}
