//! The minimum of a server: it reads the body and gives a constant answer.

use std::convert::Infallible;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::{Outcome, listen};

const ANSWER: &str = r#"{"status":"accepted","event_id":"01920a3b-5a3c-7d4e-8f90-a1b2c3d4e5f6"}"#;

/// Serves with the router and the extractors of axum.
pub(crate) async fn axum() -> Outcome {
    let route = post(async |_: Bytes| (StatusCode::ACCEPTED, [(CONTENT_TYPE, "application/json")], ANSWER));
    Ok(axum::serve(listen().await?, Router::new().route("/events", route)).await?)
}

/// Serves with hyper alone, which axum and `triggers` are built on.
pub(crate) async fn hyper() -> Outcome {
    let listener = listen().await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(async {
            // Every connection ends with an error, because the load ends in the middle of a request.
            let _ = connection.await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes())));
    if request.into_body().collect().await.is_err() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    }
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
