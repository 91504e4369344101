//! The command line of a program: `--describe` and `--check`, answered instead of a run.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const README: &str = include_str!("../../../README.md");

fn ask(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().expect("the program runs")
}

/// Runs the program `roles`, whose second argument selects what it does.
fn roles(arguments: &[&str]) -> Output {
    ask(env!("CARGO_BIN_EXE_roles"), arguments)
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("text")
}

/// Returns the text on stdout. Asserts that stderr is empty and the exit code is 0.
#[track_caller]
fn answer(output: &Output) -> &str {
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    text(&output.stdout)
}

/// Returns the text on stderr. Asserts that stdout is empty and the exit code is `code`.
#[track_caller]
fn complaint(output: &Output, code: i32) -> &str {
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(code), ""));
    text(&output.stderr)
}

#[test]
fn readme_shows_this_program_and_its_test() {
    let (program, test) =
        include_str!("../src/main.rs").split_once("\n#[test]").expect("a program and a test");
    assert!(README.contains(&format!("```rust,no_run,standalone_crate\n{program}```")), "the program");
    assert!(README.contains(&format!("```rust,no_run,test_harness\n#[test]{test}```")), "the test");
}

#[test]
fn check_of_a_valid_program_succeeds_without_binding_its_port() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    for role in ["runs", "starts"] {
        let sound = "3 processes, 3 triggers, no problem\n";
        assert_eq!(answer(&roles(&["--check", role, &port])), sound, "{role}");
        let described = roles(&["--describe", role, &port]);
        assert!(answer(&described).contains(&format!("127.0.0.1:{port}/in")), "{role}");
        assert_eq!(answer(&roles(&["--describe=text", role, &port])), answer(&described));
    }
}

#[test]
fn description_includes_what_main_adds_to_the_builder() {
    let described = roles(&["--describe", "runs"]);
    let expected = "\
charge  tests/program/src/roles.rs:15  roles::charge
  event        order.placed  id event-order.placed, queue 100, queue_bytes 64MiB, overflow drop_newest
    filter     |order: &Order| !order.customer.is_empty()
  takes        order: Json<Order>, _bank: State<Bank>
  runs         8 at a time, timeout 30s, 5 retries after 200ms..30s
  key          |order: &Order| order.customer

note  tests/program/src/roles.rs:21  roles::note
  event        order.placed  id event-order.placed, queue 100, queue_bytes 64MiB, overflow drop_newest
  takes        TriggerEvent
  runs         1 at a time, no timeout, no retry

in  tests/program/src/roles.rs:31  in
  webhook      127.0.0.1:0/in  id webhook-0/in, queue 1000, queue_bytes 64MiB, 503 when full, body_limit 1MiB
  takes        TriggerEvent
  runs         1 at a time, no timeout, no retry

overlaps
  event order.placed: charge, note
";
    assert_eq!(answer(&described), expected);
}

#[test]
fn program_prints_its_description_as_json() {
    let described = roles(&["--describe=json", "runs"]);
    let json: Value = serde_json::from_str(answer(&described)).expect("JSON");
    assert_eq!(json["processes"][0]["arguments"][0], json!({"name": "order", "type": "Json<Order>"}));
    assert_eq!(json["processes"][2]["triggers"][0]["webhook_path"], "/in");
    assert_eq!(json["overlaps"][0]["processes"], json!(["charge", "note"]));
}

#[test]
fn check_prints_every_problem_and_exits_with_1() {
    let checked = roles(&["--check", "has problems"]);
    let said = complaint(&checked, 1);
    for part in [
        "Error: the runtime cannot start, there are 2 problems:\n",
        "`roles::charge` at tests/program/src/roles.rs:15: argument `_bank` needs a `roles::Bank`",
        "the path /in of 127.0.0.1:0 is taken by `in` at tests/program/src/roles.rs:",
    ] {
        assert!(said.contains(part), "{part} in:\n{said}");
    }
    let described = roles(&["--describe", "has problems"]);
    assert!(
        text(&described.stdout).contains("\nagain  tests/program/src/roles.rs:"),
        "a program with problems can be described"
    );
    assert_eq!(text(&described.stderr), "it would not start: `--check` tells why\n");
}

#[test]
fn check_prints_the_missing_secret_of_a_source_and_a_description_reads_none() {
    let checked = roles(&["--check", "lacks a secret"]);
    let said = complaint(&checked, 1);
    let problem = "`roles::note` at tests/program/src/roles.rs:21: its trigger `feed`: the environment variable \
                   `ROLES_FEED_KEY` is not set";
    assert!(said.contains(problem), "{said}");
    let described = roles(&["--describe", "lacks a secret"]);
    assert!(answer(&described).contains("id feed"), "{}", text(&described.stdout));
}

#[test]
fn check_warns_of_a_timeout_over_the_drain_deadline_and_succeeds() {
    let checked = roles(&["--check", "has a long timeout"]);
    assert_eq!(checked.status.code(), Some(0));
    assert_eq!(text(&checked.stdout), "3 processes, 3 triggers, no problem\n");
    let said = text(&checked.stderr);
    let expected = "warning: `roles::charge` at tests/program/src/roles.rs:15: its timeout of 30s is \
                    longer than the drain deadline of 20s,";
    assert!(said.starts_with(expected) && said.lines().count() == 1, "{said}");
    assert_eq!(text(&roles(&["--describe", "has a long timeout"]).stderr), "");
}

#[test]
fn typo_of_an_option_exits_with_2_before_main_begins() {
    for (typo, meant) in
        [("--chek", "--check"), ("--desribe=json", "--describe=json"), ("--describe=yaml", "--describe")]
    {
        for role in ["starts", ""] {
            let asked = roles(&[typo, role]);
            let expected = format!(
                "Error: there is no option `{typo}`, did you mean `{meant}`? The options are:\n  --config FILE "
            );
            let said = complaint(&asked, 2);
            assert!(said.starts_with(&expected), "{said}");
            assert!(said.contains("\n  --describe=json ") && said.contains("\n  --check "), "{said}");
        }
    }
}

#[test]
fn program_that_never_starts_has_no_description_and_no_check() {
    for argument in ["--describe", "--check"] {
        let asked = roles(&[argument, "does nothing"]);
        assert_eq!(asked.status.code(), Some(1));
        let said = text(&asked.stderr);
        assert!(said.contains(argument) && said.contains("without coming to `run` or `start`"), "{said}");
    }
    let asked = roles(&["--check", "fails before"]);
    assert_eq!(complaint(&asked, 1), "Error: no database\n");
}

#[test]
fn program_keeps_its_own_arguments() {
    for arguments in
        [["run", "--describe"], ["--checkpoint", ""], ["--subscribe", ""], ["--", "--chek"], ["-", "--check"]]
    {
        assert_eq!(answer(&roles(&arguments)), "nothing started\n", "{arguments:?}");
    }
}

#[test]
fn closed_stdout_is_not_an_error() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut asked = Command::new(env!("CARGO_BIN_EXE_roles"));
    asked.args(["--describe", "runs"]).stdout(writer).stderr(Stdio::piped());
    let asked = asked.output().expect("the program runs");
    assert_eq!((asked.status.code(), text(&asked.stderr)), (Some(0), ""));
}
