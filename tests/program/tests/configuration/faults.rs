//! Every fault has its place and the right form.

use super::Folder;

/// Faults of a file, each with the line and the message.
const WRONG_FILES: &[(&str, usize, &str)] = &[
    ("concurrency = 1", 1, "unknown key `concurrency`; the keys of a file are: drain_deadline, processes"),
    ("drain_dedline = \"1s\"", 1, "unknown key `drain_dedline`; did you mean `drain_deadline`?"),
    ("drain_deadline = 30", 1, "field `drain_deadline`: \"30\": use a duration such as `\"30s\"`"),
    ("processes = 1", 1, "`processes` takes a table for each name"),
    ("[processes]\ncharge = 1", 2, "`processes.charge` takes a table of settings"),
    (
        "[processes.chrge]\nretry = 1",
        2,
        "the program has no process `chrge`; did you mean `charge`? known: receive, charge,",
    ),
    (
        "[processes.charge]\nretries = 1",
        2,
        "the process `charge` has no setting `retries`; did you mean `retry`?",
    ),
    ("[processes.charge]\nkey = \"/a\"", 2, "the process `charge` has no setting `key`"),
    ("[processes.charge]\nconcurrency = 1_000_001", 2, "field `concurrency`: \"1000001\": use 1 to 1000000"),
    (
        "[processes.charge]\nconcurrency = \"8\"",
        2,
        "field `concurrency`: \"8\": use a whole number, without quotes",
    ),
    (
        "[processes.charge]\ntimeout = 30",
        2,
        "field `timeout`: \"30\": use a duration such as `\"30s\"`, in quotes and with its unit",
    ),
    ("[processes.charge]\nbackoff = \"5s\"", 2, "field `backoff`: \"5s\""),
    (
        "[processes.charge.triggers.message]\nqueue = 1",
        2,
        "the process `charge` has no trigger `message`; known: event-order.placed, event",
    ),
    (
        "[processes.archive.triggers.message]\nqueue = 1",
        2,
        "the process `archive` has no trigger `message`; known: message-reports.*.done, audit",
    ),
    (
        "[processes.charge.triggers.event]\nevent_type = \"x\"",
        2,
        "the trigger `event-order.placed` has no setting `event_type`",
    ),
    (
        "[processes.charge.triggers.event]\nid = \"x\"",
        2,
        "the trigger `event-order.placed` has no setting `id`",
    ),
    ("[processes.charge.triggers.event]\noverflow = \"drop\"", 2, "field `overflow`: \"drop\""),
    (
        "[processes.receive.triggers.webhook]\nport = 70000",
        2,
        "field `webhook_port`: \"70000\": use 1 to 65535",
    ),
    (
        "[processes.hook.triggers.webhook]\npath = \"/v2/hooks\"",
        2,
        "field `webhook_path`: \"/v2/hooks\": the declared path /hooks/{tenant} captures `{tenant}`; keep it as a segment",
    ),
    (
        "[processes.receive.triggers.webhook]\nport = 1\nwebhook_port = 2",
        3,
        "`webhook_port` is given a second time, after triggers.toml:2",
    ),
    ("[processes.charge]\nretry = 1\nretry = 2", 3, "duplicate key"),
    ("[processes.charge\nretry = 1", 1, "unclosed table"),
];

#[test]
fn each_fault_of_a_file_has_its_line_and_the_right_form() {
    let folder = Folder::new("wrong-files");
    for (text, line, message) in WRONG_FILES {
        folder.write("triggers.toml", text);
        let why = folder.check(&[], &[]);
        assert!(why.contains(&format!("triggers.toml:{line}: {message}")), "{text}\n{why}");
    }
}

/// A value is checked with the others of its trigger, so the message has the handler too.
#[test]
fn fault_of_a_value_names_the_handler_and_who_has_set_it() {
    let folder = Folder::new("wrong-values");
    for (text, message) in [
        (
            "[processes.receive.triggers.webhook]\nwebhook_path = \"in\"",
            "field `webhook_path`: \"in\": a path begins with `/`",
        ),
        (
            "[processes.receive.triggers.webhook]\nqueue_bytes = \"1KiB\"",
            "field `queue_bytes`: \"1KiB\": a body may have 1MiB",
        ),
        (
            "[processes.receive.triggers.webhook]\noverflow = \"reject\"",
            "field `overflow`: \"reject\": a webhook answers 503",
        ),
        ("[processes.charge]\ntimeout = \"0s\"", "field `timeout`: \"0s\": no attempt could succeed"),
    ] {
        folder.write("triggers.toml", text);
        let why = folder.check(&[], &[]);
        let (before, after) = why.split_once(message).unwrap_or_else(|| panic!("{message} in {why}"));
        assert!(before.contains("at tests/program/src/configured.rs:"), "{why}");
        assert!(after.contains("; triggers.toml:2 sets it"), "{why}");
    }
}

/// Faults of variables: the name, the value, and the message.
const WRONG_VARIABLES: &[(&str, &str, &str)] = &[
    (
        "TRIGGERS__CHARGE__CONCURENCY",
        "1",
        "no setting has this name; did you mean `TRIGGERS__CHARGE__CONCURRENCY`?",
    ),
    ("TRIGGERS__DRAIN_DEADLIN", "1s", "no setting has this name; did you mean `TRIGGERS__DRAIN_DEADLINE`?"),
    (
        "TRIGGERS__CHARGE__SOMETHING_ELSE_ENTIRELY",
        "1",
        "no setting has this name; after `TRIGGERS__CHARGE__` comes one of: CONCURRENCY, TIMEOUT, RETRY, BACKOFF, EVENT__SOURCE, EVENT__QUEUE,",
    ),
    (
        "TRIGGERS__X",
        "1",
        "no setting has this name; the names are: TRIGGERS__DRAIN_DEADLINE, TRIGGERS__RECEIVE__.., TRIGGERS__CHARGE__..",
    ),
    ("TRIGGERS__", "1", "no setting has this name"),
    ("TRIGGERS__CHARGE__CONCURRENCY", "many", "field `concurrency`: \"many\": use a whole number"),
    ("TRIGGERS__CHARGE__CONCURRENCY", "", "field `concurrency`: \"\": use a whole number"),
    ("TRIGGERS__CHARGE__CONCURRENCY", "-1", "field `concurrency`: \"-1\": use 1 to 1000000"),
    ("TRIGGERS__CHARGE__TIMEOUT", "30", "field `timeout`: \"30\": "),
    (
        "TRIGGERS__CHARGE__EVENT__OVERFLOW",
        "drop_old",
        "field `overflow`: \"drop_old\": did you mean `drop_oldest`?",
    ),
    ("TRIGGERS__RECEIVE__WEBHOOK__PORT", "http", "field `webhook_port`: \"http\": use 1 to 65535"),
    (
        "TRIGGERS__A_B__RETRY",
        "1",
        "the variable means `retry` of the process `a-b` and `retry` of the process `a_b`; set them in a file",
    ),
];

#[test]
fn each_fault_of_a_variable_has_its_name_and_the_right_form() {
    let folder = Folder::new("wrong-variables");
    for (name, value, message) in WRONG_VARIABLES {
        let why = folder.check(&[], &[(name, value)]);
        assert!(why.contains(&format!("{name}: {message}")), "{why}");
    }
    let twice =
        [("TRIGGERS__RECEIVE__WEBHOOK__PORT", "1"), ("TRIGGERS__RECEIVE__WEBHOOK__WEBHOOK_PORT", "2")];
    let why = folder.check(&[], &twice);
    assert!(
        why.contains("`webhook_port` is given a second time, after TRIGGERS__RECEIVE__WEBHOOK__PORT"),
        "{why}"
    );
    let why = folder.check(&[], &[("TRIGGERS__BUILT__BACKOFF", "1s..2s")]);
    assert!(
        why.contains(
            "TRIGGERS__BUILT__BACKOFF: field `backoff`: \"1s..2s\": it has no effect without `retry`"
        ),
        "{why}"
    );
}

/// All at once, because an operator mends them all before the next try.
#[test]
fn check_tells_every_fault_and_a_start_refuses_them() {
    let folder = Folder::new("all-faults");
    folder.write("triggers.toml", "a = 1\n[processes.b]\nc = 1\n[processes.charge]\nconcurrency = -1");
    let variables = [("TRIGGERS__NO", "1"), ("TRIGGERS__CHARGE__RETRY", "x")];
    let expected =
        ["triggers.toml:1", "triggers.toml:3", "triggers.toml:5", "TRIGGERS__NO", "TRIGGERS__CHARGE__RETRY"];
    let started = folder.run(&["starts"], &variables);
    assert_eq!((started.code, &*started.stdout), (Some(1), ""));
    for why in [folder.check(&[], &variables), started.stderr] {
        assert!(why.contains("there are 5 problems"), "{why}");
        assert!(expected.iter().all(|place| why.contains(place)), "{why}");
    }
}

/// What is set under an unknown name may be a secret that was meant for something else.
#[test]
fn value_of_an_unknown_name_is_not_shown() {
    let folder = Folder::new("secrets");
    let secret = "hunter2";
    folder.write(
        "triggers.toml",
        &format!("token = \"{secret}\"\n[processes.charge]\npassword = \"{secret}\"\n[processes.other]\na = \"{secret}\""),
    );
    let variables = [("TRIGGERS__SECRET", secret), ("TRIGGERS__CHARGE__TOKEN", secret)];
    let why = folder.check(&[], &variables);
    assert!(why.contains("there are 5 problems") && !why.contains(secret), "{why}");
}
