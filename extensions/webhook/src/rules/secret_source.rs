//! Where the secrets of a setting are: in variables, in a file, or, for public keys, in the declaration.

use trigger_core::{ConfigError, Secrets, Settings};
use zeroize::Zeroizing;

/// Where the secrets of a setting are.
#[derive(Clone, Debug)]
pub(crate) enum SecretSource {
    /// In these environment variables, one in each.
    Variables(Vec<String>),
    /// In this file, one in a line.
    File(String),
    /// In the declaration: they are public keys.
    Public(Vec<String>),
}

/// The secrets of a setting. They are overwritten in memory when they are dropped.
pub(crate) type SecretTexts = Vec<Zeroizing<String>>;

impl SecretSource {
    /// Returns the source that `env`, `file` or `public_key` names. The grammar of the setting requires one of them.
    pub(crate) fn of(settings: &Settings) -> Result<SecretSource, ConfigError> {
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        if settings.is_given("public_key") {
            return Ok(SecretSource::Public(owned(settings.texts("public_key")?)));
        }
        match settings.optional_text("file")? {
            Some(path) => Ok(SecretSource::File(file_name(path))),
            None => Ok(SecretSource::Variables(owned(settings.texts("env")?))),
        }
    }

    /// Returns the path of the file.
    pub(crate) fn file(&self) -> Option<&str> {
        match self {
            SecretSource::File(path) => Some(path),
            _ => None,
        }
    }

    /// Reads the secrets. White space around a secret of a file and line breaks after that of a variable do not belong to it.
    ///
    /// # Errors
    ///
    /// A text for every secret that is missing or blank. It has the name of the secret, and never a value.
    pub(crate) fn read(&self, secrets: &Secrets) -> Result<SecretTexts, Vec<String>> {
        match self {
            SecretSource::Public(keys) => Ok(keys.iter().cloned().map(Zeroizing::new).collect()),
            SecretSource::File(path) => {
                let text = secrets.read(path).map(Zeroizing::new);
                let text = text.ok_or_else(|| {
                    vec![format!(
                        "the file `{path}` of the secrets cannot be read; write one secret in a line"
                    )]
                })?;
                SecretSource::lines(path, &text).map_err(|fault| vec![fault])
            }
            SecretSource::Variables(names) => {
                let read = names.iter().map(|name| variable(name, secrets));
                let (read, faults): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
                let faults: Vec<String> = faults.into_iter().filter_map(Result::err).collect();
                if faults.is_empty() { Ok(read.into_iter().flatten().collect()) } else { Err(faults) }
            }
        }
    }

    /// Returns the secrets in the text of a file.
    ///
    /// # Errors
    ///
    /// A text if every line is blank.
    pub(crate) fn lines(path: &str, text: &str) -> Result<SecretTexts, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: SecretTexts = lines.map(|line| Zeroizing::new(line.to_owned())).collect();
        if secrets.is_empty() {
            return Err(format!("the file `{path}` of the secrets is blank; write one secret in a line"));
        }
        Ok(secrets)
    }
}

/// Returns the name by which [`Secrets`] reads a file. A name without a `/` would be a variable.
pub(crate) fn file_name(path: &str) -> String {
    if path.contains('/') { path.to_owned() } else { format!("./{path}") }
}

fn variable(name: &str, secrets: &Secrets) -> Result<Zeroizing<String>, String> {
    let missing = || format!("the environment variable `{name}` with the secret is not set");
    let mut text = secrets.read(name).map(Zeroizing::new).ok_or_else(missing)?;
    // A variable that was made from a file often ends with a line break.
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    if text.trim().is_empty() {
        return Err(format!("the environment variable `{name}` with the secret is blank"));
    }
    Ok(text)
}
