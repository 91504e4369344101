//! The layers and their precedence.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::Folder;

/// Returns a process of a description.
fn process<'a>(description: &'a Value, name: &str) -> &'a Value {
    let processes = description["processes"].as_array().expect("a list");
    processes.iter().find(|process| process["name"] == name).expect("a process")
}

/// A setting: the process, the trigger by its index, the key in a description, the values of the program, the file and the
/// variable, and the name of the variable.
type Layers = (&'static str, Option<usize>, &'static str, [&'static str; 3], &'static str);

const PRECEDENCE: &[Layers] = &[
    ("charge", None, "concurrency", ["2", "4", "8"], "TRIGGERS__CHARGE__CONCURRENCY"),
    ("charge", None, "retry", ["1", "5", "0"], "TRIGGERS__CHARGE__RETRY"),
    ("charge", None, "backoff", ["\"1s..2s\"", "\"3s..4s\"", "\"5s..6s\""], "TRIGGERS__CHARGE__BACKOFF"),
    ("charge", None, "timeout", ["null", "\"10s\"", "\"1m\""], "TRIGGERS__CHARGE__TIMEOUT"),
    ("built", None, "concurrency", ["3", "4", "8"], "TRIGGERS__BUILT__CONCURRENCY"),
    ("charge", Some(0), "queue", ["10", "20", "30"], "TRIGGERS__CHARGE__EVENT__QUEUE"),
    (
        "charge",
        Some(0),
        "queue_bytes",
        ["\"64MiB\"", "\"1MiB\"", "\"4KiB\""],
        "TRIGGERS__CHARGE__EVENT__QUEUE_BYTES",
    ),
    (
        "charge",
        Some(0),
        "overflow",
        ["\"drop_newest\"", "\"wait\"", "\"reject\""],
        "TRIGGERS__CHARGE__EVENT__OVERFLOW",
    ),
    ("charge", Some(0), "event_source", ["\"shop\"", "\"web\"", "\"7\""], "TRIGGERS__CHARGE__EVENT__SOURCE"),
    ("receive", Some(0), "webhook_port", ["9090", "8080", "0"], "TRIGGERS__RECEIVE__WEBHOOK__PORT"),
    (
        "receive",
        Some(0),
        "webhook_host",
        ["\"127.0.0.1\"", "\"::1\"", "\"0.0.0.0\""],
        "TRIGGERS__RECEIVE__WEBHOOK__HOST",
    ),
    (
        "receive",
        Some(0),
        "webhook_path",
        ["\"/in\"", "\"/a\"", "\"/b\""],
        "TRIGGERS__RECEIVE__WEBHOOK__WEBHOOK_PATH",
    ),
    (
        "receive",
        Some(0),
        "body_limit",
        ["\"1MiB\"", "\"2KiB\"", "\"3KiB\""],
        "TRIGGERS__RECEIVE__WEBHOOK__BODY_LIMIT",
    ),
    (
        "hook",
        Some(0),
        "webhook_path",
        ["\"/hooks/{tenant}\"", "\"/a/{tenant}\"", "\"/b/{c}/{tenant}\""],
        "TRIGGERS__HOOK__WEBHOOK__PATH",
    ),
];

#[test]
fn variable_is_stronger_than_the_file_and_the_file_than_the_program() {
    let folder = Folder::new("precedence");
    for (name, trigger, key, values, variable) in PRECEDENCE {
        let shown = |variables: &[(&str, &str)]| {
            let description = folder.describe(variables);
            let process = process(&description, name);
            let found = trigger.map_or(process, |index| &process["triggers"][index]);
            (found[*key].to_string(), found["origins"][*key].as_str().unwrap_or_default().to_owned())
        };
        let _ = fs::remove_file(folder.0.join("triggers.toml"));
        let given = values[2].trim_matches('"');
        assert_eq!(shown(&[]), (values[0].to_owned(), String::new()), "{name} {key}");
        if *key != "backoff" {
            assert_eq!(
                shown(&[(variable, given)]),
                (values[2].to_owned(), (*variable).to_owned()),
                "{name} {key}"
            );
        }
        let place = match trigger {
            None => format!("[processes.{name}]"),
            Some(_) if *name == "receive" => format!("[processes.{name}.triggers.\"webhook-9090/in\"]"),
            Some(_) if *name == "hook" => format!("[processes.{name}.triggers.webhook]"),
            Some(_) => format!("[processes.{name}.triggers.event]"),
        };
        folder.write(
            "triggers.toml",
            &format!("# The settings of this machine.\n{place}\n{key} = {}\n", values[1]),
        );
        assert_eq!(shown(&[]), (values[1].to_owned(), "triggers.toml:3".to_owned()), "{name} {key}");
        assert_eq!(
            shown(&[(variable, given)]),
            (values[2].to_owned(), (*variable).to_owned()),
            "{name} {key}"
        );
    }
}

#[test]
fn file_is_that_of_the_command_line_then_of_the_variable_then_the_default() {
    let folder = Folder::new("files");
    let concurrency = |arguments: &[&str], variables: &[(&str, &str)]| {
        let said = folder.run(&[arguments, &["--describe=json"]].concat(), variables);
        assert_eq!((said.code, &*said.stderr), (Some(0), ""));
        let description = serde_json::from_str(&said.stdout).expect("JSON");
        process(&description, "charge")["concurrency"].as_u64()
    };
    assert_eq!(concurrency(&[], &[]), Some(2), "no file is needed");
    for (name, concurrency) in [("triggers.toml", 3), ("variable.toml", 4), ("line.toml", 5)] {
        folder.write(name, &format!("processes.charge.concurrency = {concurrency}"));
    }
    let variable = [("TRIGGERS_CONFIG", "variable.toml")];
    assert_eq!(concurrency(&[], &[]), Some(3));
    assert_eq!(concurrency(&[], &[("TRIGGERS_CONFIG", "")]), Some(3));
    assert_eq!(concurrency(&[], &variable), Some(4));
    assert_eq!(concurrency(&["--config", "line.toml"], &variable), Some(5));
    assert_eq!(concurrency(&["--config=line.toml"], &variable), Some(5));
    let again = folder.run(&["--config=line.toml", "--describe", "again"], &variable);
    assert!(again.stdout.contains("5 at a time"), "{}", again.stdout);
    for (arguments, variables) in
        [(&["--config", "no.toml"][..], &[][..]), (&[], &[("TRIGGERS_CONFIG", "no.toml")])]
    {
        let why = folder.check(arguments, variables);
        assert!(why.contains("the configuration `no.toml` cannot be read: No such file"), "{why}");
    }
    assert!(
        folder
            .check(&["--config", "."], &[])
            .contains("the configuration `.` cannot be read: Is a directory")
    );
    folder.write("large.toml", &"#".repeat(1024 * 1024 + 1));
    assert!(folder.check(&["--config", "large.toml"], &[]).contains("it has more than 1 MiB"));
}

#[test]
fn changed_port_is_listened_on_and_changes_no_id() {
    let folder = Folder::new("port");
    let said = folder.run(&["starts"], &[("TRIGGERS__RECEIVE__WEBHOOK__PORT", "0")]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let port = said.stdout.trim().strip_prefix("127.0.0.1:").expect("an address of the id `webhook-9090/in`");
    assert_ne!(port, "9090");
    assert!(said.stderr.contains("configured by TRIGGERS__RECEIVE__WEBHOOK__PORT"), "{}", said.stderr);
    let by_id = folder.run(&["--describe"], &[("TRIGGERS__RECEIVE__WEBHOOK_9090_IN__WEBHOOK_PORT", "8080")]);
    let expected = "\
  webhook      127.0.0.1:8080/in  id webhook-9090/in, queue 1000, queue_bytes 64MiB, 503 when full, body_limit 1MiB
    set by     TRIGGERS__RECEIVE__WEBHOOK_9090_IN__WEBHOOK_PORT (webhook_port)
";
    assert!(by_id.stdout.contains(expected), "{}", by_id.stdout);
}

#[test]
fn drain_deadline_is_that_of_the_operator() {
    let folder = Folder::new("deadline");
    folder.write("triggers.toml", "drain_deadline = \"2h\"");
    for (variables, expected) in
        [(&[][..], "deadline=7200s"), (&[("TRIGGERS__DRAIN_DEADLINE", "70ms")], "deadline=70ms")]
    {
        let mut command = Command::new("sh");
        // The program ends by the signal that its shell sends once it has started.
        let script = "\"$0\" 2>log & until grep -q started log; do :; done; kill -TERM $!; wait $!; cat log";
        command.args(["-c", script, env!("CARGO_BIN_EXE_configured")]).current_dir(&folder.0);
        command.env("TRIGGERS__RECEIVE__WEBHOOK__PORT", "0").envs(variables.iter().copied());
        let output = command.output().expect("a shell");
        let log = String::from_utf8_lossy(&output.stdout);
        assert!(log.contains(expected) && log.contains("drained: 0 completed"), "{log}");
    }
}

#[test]
fn embedded_runtime_sees_the_layers_only_if_it_is_configured() {
    let folder = Folder::new("embedded");
    folder.write("triggers.toml", "[processes.embedded]\nconcurrency = 4");
    let variables = [("TRIGGERS__EMBEDDED__TIMEOUT", "1s")];
    let said = folder.run(&["embedded"], &variables);
    assert!(said.stdout.contains("3 at a time, no timeout, no retry"), "{}{}", said.stdout, said.stderr);
    let said = folder.run(&["configured"], &variables);
    let expected = "\
  runs         4 at a time, timeout 1s, no retry
    set by     triggers.toml:2 (concurrency), TRIGGERS__EMBEDDED__TIMEOUT (timeout)
";
    assert!(said.stdout.contains(expected), "{}{}", said.stdout, said.stderr);
}

#[test]
fn other_variables_are_not_settings() {
    let folder = Folder::new("other-variables");
    let variables = [
        // As Kubernetes sets them for a service of the name `triggers`.
        ("TRIGGERS_PORT", "tcp://10.0.0.1:80"),
        ("TRIGGERS_SERVICE_HOST", "10.0.0.1"),
        ("TRIGGERS", "x"),
        ("MY_TRIGGERS__CHARGE__RETRY", "x"),
    ];
    let said = folder.run(&["--check"], &variables);
    assert_eq!(
        (said.code, &*said.stdout),
        (Some(0), "7 processes, 8 triggers, no problem\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn options_are_the_programs_own_without_a_command_line() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_no-options"));
    let output = command.args(["--check", "--config", "--chek"]).output().expect("the program runs");
    let said = (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned());
    assert_eq!(said, (Some(0), "--check --config --chek\n".to_owned()));
}
