//! What the settings outside of the program can name: the settings of its processes and their triggers.

use std::collections::BTreeMap;

use trigger_grammar::hint::did_you_mean;

use super::environment::PREFIX;
use super::{Place, RUNTIME_SETTINGS};
use crate::declare::meant;
use crate::registry::{Declaration, PROCESS_SETTINGS, trigger_settings, unique_ids};

/// A setting, by the index of its process and trigger. Without a process it is one of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) process: Option<usize>,
    pub(super) trigger: Option<usize>,
    pub(super) key: &'static str,
}

/// The settings of a program.
pub(super) struct Settings<'a> {
    processes: Vec<Process<'a>>,
    /// The settings of each possible variable: more than one if the names of two are the same in capitals.
    variables: BTreeMap<String, Vec<Target>>,
}

struct Process<'a> {
    name: &'a str,
    triggers: Vec<Trigger>,
}

struct Trigger {
    /// Its id, and its kind if it is the only one of it.
    names: Vec<String>,
    /// The key of a configuration, and that of the attribute.
    settings: Vec<(&'static str, &'static str)>,
}

impl<'a> Settings<'a> {
    pub(super) fn of(declarations: &[Declaration], names: &'a [String]) -> Settings<'a> {
        let processes = declarations.iter().zip(names);
        let processes: Vec<_> = processes.map(|(declaration, name)| Process::of(declaration, name)).collect();
        let mut settings = Settings { processes, variables: BTreeMap::new() };
        settings.variables = settings.all_variables();
        settings
    }

    fn all_variables(&self) -> BTreeMap<String, Vec<Target>> {
        let mut variables = BTreeMap::<String, Vec<Target>>::new();
        let mut add = |names: &[&str], target: Target| {
            let targets = variables.entry(variable(names)).or_default();
            if !targets.contains(&target) {
                targets.push(target);
            }
        };
        for key in RUNTIME_SETTINGS {
            add(&[key], Target { process: None, trigger: None, key });
        }
        for (index, process) in self.processes.iter().enumerate() {
            for key in PROCESS_SETTINGS {
                add(&[process.name, key], Target { process: Some(index), trigger: None, key });
            }
            for (at, trigger) in process.triggers.iter().enumerate() {
                for name in &trigger.names {
                    for (key, other) in &trigger.settings {
                        let target = Target { process: Some(index), trigger: Some(at), key };
                        add(&[process.name, name, key], target);
                        add(&[process.name, name, other], target);
                    }
                }
            }
        }
        variables
    }

    /// Returns the setting at a place.
    ///
    /// # Errors
    ///
    /// What is unknown, and the right form. It does not have the value, which may be a secret that was meant for something
    /// else.
    pub(super) fn find(&self, place: &Place) -> Result<Target, String> {
        match place {
            Place::Runtime { key } => match RUNTIME_SETTINGS.iter().find(|known| *known == key) {
                Some(key) => Ok(Target { process: None, trigger: None, key }),
                None => Err(unknown("the runtime", "setting", key, RUNTIME_SETTINGS.iter().copied())),
            },
            Place::Process { process, key } => {
                let (index, _) = self.process(process)?;
                let known = PROCESS_SETTINGS.iter().find(|known| *known == key);
                let key = known.ok_or_else(|| unknown_of_process(process, key))?;
                Ok(Target { process: Some(index), trigger: None, key })
            }
            Place::Trigger { process, trigger, key } => {
                let (index, of_process) = self.process(process)?;
                let (at, found) = of_process.trigger(trigger)?;
                let known = found.settings.iter().find(|(known, other)| known == key || other == key);
                let (key, _) = known.ok_or_else(|| found.unknown(key))?;
                Ok(Target { process: Some(index), trigger: Some(at), key })
            }
            Place::Variable(name) => self.variable(name),
        }
    }

    fn process(&self, name: &str) -> Result<(usize, &Process<'a>), String> {
        let found = self.processes.iter().enumerate().find(|(_, process)| process.name == name);
        found.ok_or_else(|| {
            unknown("the program", "process", name, self.processes.iter().map(|process| process.name))
        })
    }

    fn variable(&self, name: &str) -> Result<Target, String> {
        match self.variables.get(name).map(Vec::as_slice) {
            Some([target]) => Ok(*target),
            Some(targets) => {
                let meanings: Vec<_> = targets.iter().map(|target| self.shown(target)).collect();
                let meanings = meanings.join(" and ");
                Err(format!("the variable means {meanings}; set them in a file, which has the exact names"))
            }
            None => Err(self.unknown_variable(name)),
        }
    }

    fn unknown_variable(&self, name: &str) -> String {
        if let Some(near) = did_you_mean(name, self.variables.keys().map(String::as_str)) {
            return format!("no setting has this name; did you mean `{near}`?");
        }
        let of_process = |process: &&Process<'_>| name.starts_with(&(variable(&[process.name]) + "__"));
        match self.processes.iter().find(of_process) {
            Some(process) => {
                let settings = PROCESS_SETTINGS.iter().map(|key| key.to_uppercase());
                let triggers = process.triggers.iter().flat_map(|trigger| {
                    let name = trigger.names.last().map(String::as_str).unwrap_or_default();
                    trigger
                        .settings
                        .iter()
                        .map(move |(_, key)| format!("{}__{}", capitals(name), capitals(key)))
                });
                let known = settings.chain(triggers).collect::<Vec<_>>().join(", ");
                let prefix = variable(&[process.name]);
                format!("no setting has this name; after `{prefix}__` comes one of: {known}")
            }
            None => {
                let processes = self.processes.iter().map(|process| variable(&[process.name]) + "__..");
                let known = RUNTIME_SETTINGS.iter().map(|key| variable(&[key])).chain(processes);
                format!("no setting has this name; the names are: {}", known.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn shown(&self, target: &Target) -> String {
        let key = target.key;
        let Some(process) = target.process.map(|index| &self.processes[index]) else {
            return format!("`{key}` of the runtime");
        };
        let trigger = target.trigger.and_then(|at| process.triggers[at].names.first());
        match trigger {
            Some(trigger) => format!("`{key}` of the trigger `{trigger}` of `{}`", process.name),
            None => format!("`{key}` of the process `{}`", process.name),
        }
    }
}

impl<'a> Process<'a> {
    fn of(declaration: &Declaration, name: &'a str) -> Process<'a> {
        let configs = &declaration.config.triggers;
        let of_kind = |kind| configs.iter().filter(|config| config.kind() == kind).count();
        let triggers = configs.iter().zip(unique_ids(configs)).map(|(config, id)| {
            let kind = (of_kind(config.kind()) == 1).then(|| config.kind().as_str().to_owned());
            Trigger { names: [id].into_iter().chain(kind).collect(), settings: trigger_settings(config) }
        });
        Process { name, triggers: triggers.collect() }
    }

    fn trigger(&self, name: &str) -> Result<(usize, &Trigger), String> {
        let has_name = |trigger: &Trigger| trigger.names.iter().any(|known| known == name);
        let found = self.triggers.iter().enumerate().find(|(_, trigger)| has_name(trigger));
        found.ok_or_else(|| {
            let known = self.triggers.iter().flat_map(|trigger| &trigger.names).map(String::as_str);
            unknown(&format!("the process `{}`", self.name), "trigger", name, known)
        })
    }
}

impl Trigger {
    fn unknown(&self, key: &str) -> String {
        let id = self.names.first().map(String::as_str).unwrap_or_default();
        unknown(&format!("the trigger `{id}`"), "setting", key, self.settings.iter().map(|(_, key)| *key))
    }
}

fn unknown_of_process(process: &str, key: &str) -> String {
    unknown(&format!("the process `{process}`"), "setting", key, PROCESS_SETTINGS.iter().copied())
}

/// Returns the fault of a name that its owner does not have.
fn unknown<'n>(owner: &str, what: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    let meant = meant(name, known.clone()).map(|near| format!("did you mean `{near}`? "));
    let meant = meant.unwrap_or_default();
    match known.collect::<Vec<_>>().join(", ") {
        known if known.is_empty() => format!("{owner} has no {what} `{name}`, and none that could be set"),
        known => format!("{owner} has no {what} `{name}`; {meant}known: {known}"),
    }
}

/// Returns the variable of these names.
fn variable(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| capitals(name)).collect();
    format!("{PREFIX}{}", names.join("__"))
}

/// Returns a name in capitals, with `_` for every character that the name of a variable cannot have.
fn capitals(name: &str) -> String {
    let capital = |one: char| if one.is_ascii_alphanumeric() { one.to_ascii_uppercase() } else { '_' };
    name.chars().map(capital).collect()
}
