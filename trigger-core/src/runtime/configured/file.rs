//! The settings of a file, with their lines.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use trigger_grammar::hint::did_you_mean;

use super::{Configuration, Given, Origin, Place, RUNTIME_SETTINGS};

/// The file of a program that names no other one.
const DEFAULT: &str = "triggers.toml";

/// The variable that names another file.
pub(super) const VARIABLE: &str = "TRIGGERS_CONFIG";

/// The size of the largest file that is read, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// Reads the file of the command line, else that of the variable, else `triggers.toml` if there is one.
pub(super) fn read(file: Option<PathBuf>, configuration: &mut Configuration) {
    let of_variable =
        || std::env::var_os(VARIABLE).filter(|path| *path != OsString::new()).map(PathBuf::from);
    let named = file.or_else(of_variable);
    let path = named.clone().unwrap_or_else(|| DEFAULT.into());
    let text = match text_of(&path) {
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => return,
        Err(error) => {
            configuration
                .faults
                .push(format!("the configuration `{}` cannot be read: {error}", path.display()));
            return;
        }
        Ok(text) => text,
    };
    let path: Arc<str> = path.display().to_string().into();
    let mut reader = Reader { text: &text, path, configuration };
    match DeTable::parse(&text) {
        Ok(table) => reader.runtime(table.get_ref()),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            reader.fault(at, error.message());
        }
    }
}

fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    if file.take(LIMIT + 1).read_to_string(&mut text)? as u64 > LIMIT {
        return Err(std::io::Error::other("it has more than 1 MiB"));
    }
    Ok(text)
}

/// Reads the tables of a file.
struct Reader<'a> {
    text: &'a str,
    path: Arc<str>,
    configuration: &'a mut Configuration,
}

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;
type Table<'i> = DeTable<'i>;

impl Reader<'_> {
    fn runtime(&mut self, table: &Table<'_>) {
        for (key, value) in table {
            match &**key.get_ref() {
                "processes" => self.each(key, value, |reader, process, table| reader.process(process, table)),
                name if RUNTIME_SETTINGS.contains(&name) => {
                    self.given(Place::Runtime { key: name.to_owned() }, key, value);
                }
                name => {
                    let known = RUNTIME_SETTINGS.iter().copied().chain(["processes"]);
                    let meant =
                        did_you_mean(name, known.clone()).map(|near| format!("did you mean `{near}`? "));
                    let known = known.collect::<Vec<_>>().join(", ");
                    let meant = meant.unwrap_or_default();
                    self.fault(
                        key.span().start,
                        &format!("unknown key `{name}`; {meant}the keys of a file are: {known}"),
                    );
                }
            }
        }
    }

    fn process(&mut self, process: &str, table: &Table<'_>) {
        for (key, value) in table {
            if key.get_ref() == "triggers" {
                self.each(key, value, |reader, trigger, table| reader.trigger(process, trigger, table));
            } else {
                let place = Place::Process { process: process.to_owned(), key: key.get_ref().to_string() };
                self.given(place, key, value);
            }
        }
    }

    fn trigger(&mut self, process: &str, trigger: &str, table: &Table<'_>) {
        for (key, value) in table {
            let (process, trigger) = (process.to_owned(), trigger.to_owned());
            self.given(Place::Trigger { process, trigger, key: key.get_ref().to_string() }, key, value);
        }
    }

    /// Reads each table of a table of tables.
    fn each(
        &mut self,
        key: &Key<'_>,
        value: &Spanned<DeValue<'_>>,
        read: impl Fn(&mut Self, &str, &Table<'_>),
    ) {
        let name = key.get_ref();
        let DeValue::Table(tables) = value.get_ref() else {
            return self.fault(key.span().start, &format!("`{name}` takes a table for each name"));
        };
        for (inner, value) in tables {
            match value.get_ref() {
                DeValue::Table(table) => read(self, inner.get_ref(), table),
                _ => {
                    let inner_name = inner.get_ref();
                    let form = format!("`{name}.{inner_name}` takes a table of settings");
                    self.fault(inner.span().start, &form);
                }
            }
        }
    }

    fn given(&mut self, place: Place, key: &Key<'_>, value: &Spanned<DeValue<'_>>) {
        let origin = Origin::File { path: Arc::clone(&self.path), line: self.line(key.span().start) };
        self.configuration.given.push(Given { place, value: json(value.get_ref()), origin });
    }

    fn fault(&mut self, at: usize, fault: &str) {
        let line = self.line(at);
        self.configuration.faults.push(format!("{}:{line}: {fault}", self.path));
    }

    /// Returns the line of a byte, counted from 1.
    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// Returns a value as JSON. What JSON does not have is its text, which no setting takes.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.into(),
            Err(_) => number.to_string().into(),
        },
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())));
            Value::Object(entries.collect())
        }
    }
}
