use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship<T>(order: Json<T>)
where
    T: Send,
{
    drop(order);
}

fn main() {}
