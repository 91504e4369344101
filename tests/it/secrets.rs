//! The secrets of sources: where they are read, and that a missing one is a problem before anything is bound.

use std::borrow::Cow;
use std::fs;
use std::sync::{Arc, Mutex};

use triggers::{
    Outcome, ProblemKind, Result, Runtime, Secrets, SourceContext, SourceKind, StandaloneTrigger, Text,
    Trigger, TriggerConfig, TriggerError, TriggerSource, handlers, on_event, on_source,
};

use crate::common::{config, on};

static VAULT: SourceKind = SourceKind::new("vault", "an entry of a vault");

/// A source that needs secrets. It notes each call of the runtime, and the values that it reads when it accepts.
#[derive(Clone, Default)]
struct Vault {
    needs: &'static [&'static str],
    panics: bool,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Vault {
    fn of(needs: &'static [&'static str]) -> Vault {
        Vault { needs, ..Vault::default() }
    }

    fn note(&self, call: impl Into<String>) {
        self.calls.lock().expect("the calls").push(call.into());
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().expect("the calls"))
    }
}

impl TriggerSource for Vault {
    fn kind(&self) -> &'static SourceKind {
        &VAULT
    }

    fn pattern(&self) -> Cow<'_, str> {
        "v".into()
    }

    fn check(&self, secrets: &Secrets) -> Vec<String> {
        self.note("check");
        assert!(!self.panics, "{SECRET} is no key");
        let missing = self.needs.iter().filter(|name| secrets.read(name).is_none());
        missing.map(|name| format!("the secret `{name}` is missing")).collect()
    }

    async fn bind(&self, _: &SourceContext) -> Result<(), TriggerError> {
        self.note("bind");
        Ok(())
    }

    fn accept(&self, cx: &SourceContext) {
        for name in self.needs {
            self.note(cx.secrets().read(name).unwrap_or_default());
        }
    }
}

const SECRET: &str = "correct horse battery staple";

/// Returns the value of the names that begin with `KNOWN`.
fn known(name: &str) -> Option<String> {
    name.starts_with("KNOWN").then(|| format!("{SECRET}\n"))
}

#[on_source(Vault::of(&["TRIGGERS_TEST_MISSING", "/no/such/secret"]))]
#[on_event("e")]
async fn read(_: Text) {}

#[tokio::test]
async fn every_missing_secret_is_a_problem_of_the_check_and_of_the_start() {
    let builder = || {
        let trigger = TriggerConfig::custom(Vault::of(&["KNOWN_NOT"])).id("other");
        Runtime::builder().handlers(handlers![read]).process("p", config([trigger]), |_: Text| async {})
    };
    let checked = builder().check().expect_err("secrets are missing");
    let started = builder().start().await.expect_err("secrets are missing");
    assert_eq!(checked.problems(), started.problems());
    let shown: Vec<_> = checked.problems().iter().map(ToString::to_string).collect();
    for (problem, (place, rest)) in shown.iter().zip([
        (
            "read` at tests/it/secrets.rs:",
            "its trigger `vault-v`: the secret `TRIGGERS_TEST_MISSING` is missing",
        ),
        ("read` at tests/it/secrets.rs:", "its trigger `vault-v`: the secret `/no/such/secret` is missing"),
        ("`p` at tests/it/secrets.rs:", "its trigger `other`: the secret `KNOWN_NOT` is missing"),
    ]) {
        assert!(problem.contains(place) && problem.ends_with(rest), "{problem}");
    }
    assert_eq!(shown.len(), 3, "{shown:?}");
    assert!(checked.problems().iter().all(|problem| problem.kind() == ProblemKind::Source));
}

#[tokio::test]
async fn missing_secret_is_reported_before_a_source_is_opened_and_with_every_other_problem() {
    let vault = Vault::of(&["KNOWN", "UNKNOWN"]);
    let trigger = TriggerConfig::custom(vault.clone()).queue(0);
    let builder = Runtime::builder().secrets(known).process("p", config([trigger]), |_: Text| async {});
    let kinds: Vec<_> =
        builder.start().await.expect_err("two problems").problems().iter().map(|one| one.kind()).collect();
    assert_eq!(kinds, [ProblemKind::Config, ProblemKind::Source]);
    // The start binds it too, to report every port that is taken.
    assert_eq!(vault.calls(), ["check", "bind"]);
}

#[tokio::test(start_paused = true)]
async fn builder_replaces_the_environment() -> Result {
    // Every test has the variable `PATH`, which cargo sets.
    let (known_to_both, vault) = (Vault::of(&["PATH"]), Vault::of(&["KNOWN_KEY"]));
    let builder = |vault: &Vault| {
        let trigger = TriggerConfig::custom(vault.clone());
        Runtime::builder().process("p", config([trigger]), |_: Text| async {})
    };
    builder(&known_to_both).check()?;
    let error = builder(&known_to_both).secrets(known).check().expect_err("no such secret").to_string();
    assert!(error.contains("`PATH` is missing"), "{error}");
    let runtime = builder(&vault).secrets(known).start().await?;
    assert_eq!(vault.calls(), ["check", "bind", &format!("{SECRET}\n")]);
    runtime.shutdown().await;
    Ok(())
}

#[test]
fn name_with_a_slash_is_a_file() -> Result {
    let folder = std::env::temp_dir().join(format!("triggers-secrets-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let file = |name: &str| folder.join(name).display().to_string();
    fs::write(file("key"), "two\nlines\n")?;
    fs::write(file("large"), "x".repeat(65_537))?;
    fs::write(file("largest"), "x".repeat(65_536))?;
    fs::write(file("binary"), [0xff, 0xfe])?;
    let secrets = Secrets::default();
    assert_eq!(secrets.read(&file("key")).as_deref(), Some("two\nlines\n"));
    assert_eq!(secrets.read(&file("largest")).map(|text| text.len()), Some(65_536));
    for name in ["large", "binary", "missing", ""] {
        assert_eq!(secrets.read(&file(name)), None, "{name}");
    }
    fs::remove_dir_all(folder)?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn value_is_in_no_text_of_the_framework() -> Result {
    let vault = Vault::of(&["KNOWN_KEY"]);
    let builder = || {
        let trigger = TriggerConfig::custom(vault.clone());
        Runtime::builder().secrets(known).process("p", config([trigger]), |_: Text| async {})
    };
    let description = builder().describe();
    assert!(vault.calls().is_empty(), "a description reads no secret");
    let mut shown =
        vec![description.to_string(), serde_json::to_string(&description)?, format!("{:?}", builder())];
    shown.push(format!("{:?}", Secrets::new(known)));
    let runtime = builder().start().await?;
    shown.push(serde_json::to_string(&runtime.status())?);
    shown.push(format!("{:?} {:?}", runtime.status(), runtime));
    shown.push(runtime.describe().to_string());
    runtime.shutdown().await;
    let trigger = TriggerConfig::custom(Vault { panics: true, ..Vault::default() });
    let broken = || Runtime::builder().process("p", config([trigger.clone()]), |_: Text| async {});
    let error = broken().check().expect_err("a panic");
    assert!(error.to_string().contains("the check of its source panicked"), "{error}");
    shown.push(format!("{error} {error:?}"));
    for text in shown {
        assert!(!text.contains("horse"), "{text}");
    }
    Ok(())
}

#[test]
fn panic_of_the_function_counts_as_a_missing_secret() {
    let secrets = Secrets::new(|name| panic!("{SECRET} of {name}"));
    assert_eq!(secrets.read("KEY"), None);
    let trigger = TriggerConfig::custom(Vault::of(&["KEY"]));
    let builder = Runtime::builder().secrets(|name| panic!("{name}"));
    let error = builder.process("p", config([trigger]), |_: Text| async {}).check().expect_err("missing");
    assert!(error.to_string().contains("the secret `KEY` is missing"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn source_of_an_added_process_is_checked_alone() -> Result {
    let first = Vault::of(&["KNOWN_KEY"]);
    let trigger = TriggerConfig::custom(first.clone());
    let builder = Runtime::builder().secrets(known).process("p", config([trigger]), |_: Text| async {});
    let runtime = builder.start().await?;
    first.calls();
    let trigger = TriggerConfig::custom(Vault::of(&["UNKNOWN"]));
    let error = runtime.add_process("q", config([trigger]), |_: Text| async {}).await.expect_err("missing");
    assert!(error.to_string().contains("`UNKNOWN` is missing"), "{error}");
    runtime.add_process("r", on("e"), |_: Text| async { Outcome::Done }).await?;
    assert!(first.calls().is_empty(), "its secrets may be gone since the start");
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn standalone_trigger_without_its_secret_does_not_start() {
    let vault = Vault::of(&["TRIGGERS_TEST_MISSING"]);
    let trigger = StandaloneTrigger::new(TriggerConfig::custom(vault.clone()));
    let error = trigger.start().await.expect_err("missing").to_string();
    assert_eq!(error, "the secret `TRIGGERS_TEST_MISSING` is missing");
    assert_eq!(vault.calls(), ["check"]);
}
