//! Nothing to build: cargo wants a build script in a package with a `links` key, and that key is the point.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
