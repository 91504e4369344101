//! Pairs of keys and values as JSON, such as headers. A repeated key has a list of its values.

use serde_json::{Map, Value};

/// Returns the pairs of an object in which a repeated key has a list of its values.
pub(super) fn pairs_of(object: Option<&Value>) -> Vec<(&str, &str)> {
    let entries = object.and_then(Value::as_object).into_iter().flatten();
    let pairs = entries.flat_map(|(key, value)| {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        values.iter().filter_map(move |value| Some((key.as_str(), value.as_str()?)))
    });
    pairs.collect()
}

/// Returns an object of pairs, in which a repeated key has a list of its values.
pub(super) fn grouped(pairs: impl Iterator<Item = (String, String)>) -> Value {
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
