//! What other crates test themselves with. It needs the feature `testing`.

pub mod conformance;
