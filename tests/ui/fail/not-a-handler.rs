use triggers::prelude::*;

struct Order;

fn main() {
    let _listed = handlers![Order];
}
