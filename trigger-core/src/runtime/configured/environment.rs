//! The settings of environment variables.

use super::{Configuration, Given, Origin, Place};

/// The beginning of the names. A single underscore is no sign of a setting: Kubernetes sets `TRIGGERS_PORT` for a service
/// that has the name `triggers`.
pub(super) const PREFIX: &str = "TRIGGERS__";

/// Reads every variable with the prefix, in the order of their names.
pub(super) fn read(configuration: &mut Configuration) {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let mut variables: Vec<_> = variables.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    variables.sort();
    for (name, value) in variables {
        match value.into_string() {
            Ok(value) => {
                let origin = Origin::Variable(name.clone());
                configuration.given.push(Given { place: Place::Variable(name), value: value.into(), origin });
            }
            Err(_) => configuration.faults.push(format!("{name}: the value is not UTF-8")),
        }
    }
}
