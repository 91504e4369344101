//! The faults of the settings of a trigger.

use trigger_grammar::FaultKind;
use trigger_grammar::setting::{Setting, Value};

use super::keys::missing;
use super::settings::Settings;
use crate::event::error::{ConfigError, ConfigErrorKind};

/// Returns the faults of a setting, and of the keys of a choice.
pub(super) fn faults_of(setting: &Setting, settings: &Settings) -> Vec<ConfigError> {
    if let Some((_, own)) = settings.chosen(setting) {
        let faults = own.table().iter().flat_map(|setting| faults_of(setting, own));
        return faults.map(|fault| fault.inside(setting.key())).collect();
    }
    Vec::from_iter(fault_of(setting, settings))
}

/// Returns the fault of a setting, or `None` if it is valid.
fn fault_of(setting: &Setting, settings: &Settings) -> Option<ConfigError> {
    if settings.code_text(setting).is_some() {
        return None;
    }
    if let (Some(of), Some(values)) = (setting.form().element(), settings.listed(setting)) {
        return values.enumerate().find_map(|(index, value)| {
            let Value::Text(text) = value else { return None };
            let fault = of.check(text).err()?;
            let field = format!("{}[{index}]", setting.key());
            Some(ConfigError::new(ConfigErrorKind::Invalid, field, text, fault))
        });
    }
    let Some(value) = settings.value(setting) else {
        return setting.absent().is_none().then(|| missing(setting));
    };
    let Value::Text(text) = value else { return None };
    let fault = setting.form().check(text).err()?;
    let reason = match (fault.kind, setting.absent()) {
        (FaultKind::Empty, Some(absent)) => {
            format!("give the {}, or leave the key out to take {absent}", setting.about())
        }
        _ => fault.to_string(),
    };
    Some(ConfigError::new(ConfigErrorKind::Invalid, setting.key(), text, reason))
}
