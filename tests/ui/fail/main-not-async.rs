#[triggers::main]
fn main() {}
