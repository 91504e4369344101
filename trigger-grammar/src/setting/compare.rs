//! Comparisons of texts that work in const evaluation.

/// Returns `true` if a server on this host listens on every address.
pub const fn is_every_address(host: &str) -> bool {
    same(host, "0.0.0.0") || same(host, "::")
}

/// Compares two texts, also in const evaluation.
pub const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    // Each step of const evaluation is slow, so eight bytes are one step.
    while let (
        &[a0, a1, a2, a3, a4, a5, a6, a7, ref a_rest @ ..],
        &[b0, b1, b2, b3, b4, b5, b6, b7, ref b_rest @ ..],
    ) = (a, b)
    {
        let (one, other) = ([a0, a1, a2, a3, a4, a5, a6, a7], [b0, b1, b2, b3, b4, b5, b6, b7]);
        if u64::from_ne_bytes(one) != u64::from_ne_bytes(other) {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    while let (&[first, ref a_rest @ ..], &[other, ref b_rest @ ..]) = (a, b) {
        if first != other {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    true
}
