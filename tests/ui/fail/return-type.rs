use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship() -> u64 {
    7
}

#[on_event("order.paid")]
async fn bill() -> std::result::Result<u64, Error> {
    Ok(7)
}

#[on_event("order.paid")]
async fn tell() -> std::result::Result<(), NoError> {
    Ok(())
}

struct NoError;

fn main() {}
