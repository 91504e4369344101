//! The webhook by hand with actix-web.

use std::hint::black_box;
use std::net::Ipv4Addr;

use actix_web::web::{Bytes, Data, post};
use actix_web::{App, HttpResponse, HttpServer, rt};
use serde_json::Value;
use tokio::sync::mpsc::{Sender, channel};
use uuid::Uuid;

use crate::{Accepted, CAPACITY, Outcome};

struct Event {
    id: Uuid,
    payload: Value,
}

/// Serves requests. Each worker has its own channel and receiving task, so that no event moves to another thread.
pub(crate) fn serve(threads: usize) -> Outcome {
    let app = || App::new().app_data(Data::new(receiving())).route("/events", post().to(receive));
    rt::System::new().block_on(async {
        let server = HttpServer::new(app).workers(threads).bind((Ipv4Addr::LOCALHOST, 0))?;
        for address in server.addrs() {
            println!("{address}");
        }
        Ok(server.run().await?)
    })
}

fn receiving() -> Sender<Event> {
    let (sender, mut receiver) = channel(CAPACITY);
    rt::spawn(async move {
        while let Some(Event { id, payload }) = receiver.recv().await {
            drop(black_box((id, payload)));
        }
    });
    sender
}

async fn receive(events: Data<Sender<Event>>, body: Bytes) -> HttpResponse {
    let Ok(payload) = serde_json::from_slice(&body) else { return HttpResponse::BadRequest().finish() };
    let event_id = Uuid::now_v7();
    match events.try_send(Event { id: event_id, payload }) {
        Ok(()) => HttpResponse::Accepted().json(Accepted { status: "accepted", event_id }),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}
