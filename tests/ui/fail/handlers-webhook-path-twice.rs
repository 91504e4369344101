use triggers::prelude::*;

#[on_webhook("/orders")]
async fn bill(_order: Text) {}

#[on_webhook("/orders", port = 9090)]
async fn ship(_order: Text) {}

#[on_webhook("/orders", host = "127.0.0.1")]
async fn count(_order: Text) {}

fn main() {
    let _listed = handlers![bill, ship, count];
}
