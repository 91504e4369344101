//! A description as text, for people.

use std::fmt;

use trigger_grammar::size;

use super::*;

/// The width of the widest label.
const LABEL: usize = "dead letter".len();

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.processes.is_empty() {
            return f.write_str("no process");
        }
        for (index, process) in self.processes.iter().enumerate() {
            write!(f, "{}{process}", if index == 0 { "" } else { "\n\n" })?;
        }
        if !self.overlaps.is_empty() {
            f.write_str("\n\noverlaps")?;
        }
        self.overlaps.iter().try_for_each(|overlap| write!(f, "\n  {overlap}"))
    }
}

impl fmt::Display for ProcessDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}  {}", self.name, self.location, self.handler)?;
        let sources: Vec<_> = self.triggers.iter().map(|trigger| trigger.source.to_string()).collect();
        let width = sources.iter().map(|source| source.chars().count()).max().unwrap_or_default();
        for (trigger, source) in self.triggers.iter().zip(sources) {
            row(f, &label(&trigger.source), format_args!("{source:<width$}  {}", trigger.settings()))?;
            if let Some(filter) = &trigger.filter {
                row(f, "  filter", format_args!("{filter}"))?;
            }
            set_by(f, "  set by", &trigger.origins)?;
        }
        if !self.arguments.is_empty() {
            let arguments: Vec<_> = self.arguments.iter().map(ToString::to_string).collect();
            row(f, "takes", format_args!("{}", arguments.join(", ")))?;
        }
        row(f, "runs", format_args!("{}", self.policy()))?;
        set_by(f, "  set by", &self.origins)?;
        match &self.key {
            Some(key) => row(f, "key", format_args!("{key}")),
            None => Ok(()),
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, label: &str, value: fmt::Arguments<'_>) -> fmt::Result {
    write!(f, "\n  {label:<LABEL$}  {value}")
}

/// Shows where the settings come from that an operator has changed.
fn set_by(f: &mut fmt::Formatter<'_>, label: &str, origins: &BTreeMap<String, String>) -> fmt::Result {
    if origins.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = origins.iter().map(|(key, origin)| format!("{origin} ({key})")).collect();
    row(f, label, format_args!("{}", shown.join(", ")))
}

impl ProcessDescription {
    fn policy(&self) -> String {
        let timeout = match self.timeout {
            Some(timeout) => format!("timeout {}", policy::shown(timeout)),
            None => "no timeout".to_owned(),
        };
        let retry = match (self.retry, self.backoff) {
            (0, _) | (_, None) => "no retry".to_owned(),
            (1, Some(backoff)) => format!("1 retry after {backoff}"),
            (retry, Some(backoff)) => format!("{retry} retries after {backoff}"),
        };
        format!("{} at a time, {timeout}, {retry}", self.concurrency)
    }
}

/// Shows `name: Type`, or only the type of an argument without a name.
impl fmt::Display for ArgumentDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.name.starts_with(|first: char| first.is_ascii_digit()) {
            write!(f, "{}: ", self.name)?;
        }
        f.write_str(&self.type_name)
    }
}

/// Returns the kind in words, such as `dead letter`.
fn label(source: &SourceDescription) -> String {
    source.kind.as_str().replace('_', " ")
}

impl fmt::Display for SourceDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TriggerDescription {
    fn settings(&self) -> String {
        let bytes = |bytes: usize| size::show_size(bytes as u64);
        let mut settings = vec![format!("id {}", self.id)];
        settings.extend(self.queue.map(|queue| format!("queue {queue}")));
        settings.extend(self.queue_bytes.map(|limit| format!("queue_bytes {}", bytes(limit))));
        match self.overflow {
            Some(overflow) => settings.push(format!("overflow {overflow}")),
            None => settings.extend(self.source.when_full.map(str::to_owned)),
        }
        settings.extend(self.source.limits.iter().map(|(key, limit)| format!("{key} {limit}")));
        settings.join(", ")
    }
}

/// Shows the overlap as `event order.paid from shop: bill, ship`.
impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.patterns.join(" and "))?;
        if let Some(source) = &self.event_source {
            write!(f, " from {source}")?;
        }
        write!(f, ": {}", self.processes.join(", "))
    }
}
