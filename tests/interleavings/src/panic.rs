//! The guard around code of the user, which no model has.

pub(crate) fn guard<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    Ok(call())
}
