//! The panic guard around user code. The models have no user code, so it only calls.

pub(crate) fn guard<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    Ok(call())
}

pub(crate) fn drop_quietly<T>(value: T) {
    drop(value);
}
