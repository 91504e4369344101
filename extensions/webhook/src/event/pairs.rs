//! Pairs of keys and values: as JSON, in which a repeated key has a list of its values, and encoded in a query or a form.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use trigger_core::Rejection;

/// Returns the pairs of an object in which a repeated key has a list of its values.
pub(crate) fn pairs_of(object: Option<&Value>) -> Vec<(&str, &str)> {
    let entries = object.and_then(Value::as_object).into_iter().flatten();
    let pairs = entries.flat_map(|(key, value)| {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        values.iter().filter_map(move |value| Some((key.as_str(), value.as_str()?)))
    });
    pairs.collect()
}

/// Returns an object of pairs, in which a repeated key has a list of its values.
pub(crate) fn grouped(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut object = Map::new();
    for (key, value) in pairs {
        match object.get_mut(&key) {
            None => drop(object.insert(key, Value::String(value))),
            Some(Value::Array(values)) => values.push(Value::String(value)),
            Some(one) => *one = Value::Array(vec![one.take(), Value::String(value)]),
        }
    }
    Value::Object(object)
}

/// Decodes `application/x-www-form-urlencoded` pairs into a type. `place` names where they are: the query or the form.
pub(crate) fn decode<T: DeserializeOwned>(pairs: &[u8], place: &str) -> Result<T, Rejection> {
    let decoded = serde_path_to_error::deserialize(serde_html_form::Deserializer::from_bytes(pairs));
    decoded.map_err(|error| undecodable(pairs, place, &error))
}

/// Returns the rejection of pairs that do not decode. It names the key. Without pairs there is no data to decode.
#[cold]
fn undecodable(
    pairs: &[u8],
    place: &str,
    error: &serde_path_to_error::Error<serde_html_form::de::Error>,
) -> Rejection {
    let (path, cause) = (error.path().to_string(), error.inner());
    let is_repeated = form_urlencoded::parse(pairs).filter(|(key, _)| *key == path).nth(1).is_some();
    if pairs.is_empty() {
        return Rejection::absent(format!("the request has no {place}: {cause}"));
    }
    Rejection::invalid(match error.path().iter().next() {
        _ if is_repeated => {
            format!("the {place} has `{path}` more than once, and one value is expected: {cause}")
        }
        Some(_) => format!("`{path}` of the {place}: {cause}"),
        // The fault is no value of a key, such as a missing field.
        None => format!("the {place}: {cause}"),
    })
}
