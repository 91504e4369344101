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
            row(f, label(&trigger.source), format_args!("{source:<width$}  {}", trigger.settings()))?;
            if let Some(filter) = &trigger.filter {
                row(f, "  filter", format_args!("{filter}"))?;
            }
        }
        if !self.arguments.is_empty() {
            let arguments: Vec<_> = self.arguments.iter().map(ToString::to_string).collect();
            row(f, "takes", format_args!("{}", arguments.join(", ")))?;
        }
        row(f, "runs", format_args!("{}", self.policy()))?;
        match &self.key {
            Some(key) => row(f, "key", format_args!("{key}")),
            None => Ok(()),
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, label: &str, value: fmt::Arguments<'_>) -> fmt::Result {
    write!(f, "\n  {label:<LABEL$}  {value}")
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

fn label(source: &SourceDescription) -> &'static str {
    match source {
        SourceDescription::Event { .. } => "event",
        SourceDescription::Message { .. } => "message",
        SourceDescription::Webhook { .. } => "webhook",
        SourceDescription::DeadLetter { .. } => "dead letter",
        SourceDescription::Custom { kind, .. } => kind.as_str(),
    }
}

impl fmt::Display for SourceDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceDescription::Event { event_type, event_source: Some(source) } => {
                write!(f, "{event_type} from {source}")
            }
            SourceDescription::Event { event_type, event_source: None } => f.write_str(event_type),
            SourceDescription::Message { topic } => f.write_str(topic),
            SourceDescription::Webhook {
                webhook_path: path, webhook_port: port, webhook_host: host, ..
            } => {
                // Brackets separate the colons of an IPv6 address from that of the port.
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{open}{host}{close}:{port}{path}")
            }
            SourceDescription::DeadLetter { process: Some(process) } => write!(f, "of {process}"),
            SourceDescription::DeadLetter { process: None } => f.write_str("of every process"),
            SourceDescription::Custom { pattern, .. } if pattern.is_empty() => f.write_str("a `Trigger`"),
            SourceDescription::Custom { pattern, .. } => f.write_str(pattern),
        }
    }
}

impl TriggerDescription {
    fn settings(&self) -> String {
        let bytes = |bytes: usize| size::show_size(bytes as u64);
        let mut settings = vec![format!("id {}", self.id)];
        settings.extend(self.queue.map(|queue| format!("queue {queue}")));
        settings.extend(self.queue_bytes.map(|limit| format!("queue_bytes {}", bytes(limit))));
        match (&self.source, self.overflow) {
            (_, Some(overflow)) => settings.push(format!("overflow {overflow}")),
            (SourceDescription::Webhook { .. }, None) => settings.push("503 when full".to_owned()),
            (_, None) => {}
        }
        if let SourceDescription::Webhook { body_limit, .. } = self.source {
            settings.push(format!("body_limit {}", bytes(body_limit)));
        }
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
