//! The settings, the claims and the rules of a kind of source that a program adds.

use std::borrow::Cow;

use serde_json::json;
use tokio::sync::mpsc;
use triggers::{
    BoxSource, Choice, ClaimedKeys, ConfigErrorKind, Headers, Overflow, ProcessConfig, Result, Runtime,
    Setting, SourceContext, SourceKind, Text, TriggerConfig, TriggerSource, source_kind,
};

use crate::common::config;

const KEYS: &[Setting] = &[
    Setting::topic("subject", "subject of the mail"),
    Setting::host("mail_host", "host of the mail").default("0.0.0.0"),
    Setting::port("mail_port", "port of the mail").default("25"),
    Setting::name("sender", "sender of the mail").optional("every sender"),
    Setting::process("after", "process before it").optional("no process"),
    Setting::size("mail_limit", "size limit of a mail").default("1KiB"),
    Setting::choice("verify", "proof of the sender", PROOFS).optional("no proof"),
    Setting::names("folders", "folders of the mail").optional("every folder"),
    Setting::words("flags", "flags of a mail", &["seen", "draft"]).optional("every flag"),
    Setting::flag("unread", "unread mails alone"),
    Setting::one_of("priority", "priority of a mail", &[1, 3, 5]).optional("every priority"),
    Setting::choice("order", "order of the mails", ORDERS)
        .tag("by")
        .or_code("a `Sorter`")
        .such_as("{ by = \"date\", newest = true }")
        .optional("as they come"),
];

const ORDERS: &[Choice] = &[Choice::new(
    "date",
    &[Setting::flag("newest", "newest first"), Setting::flag("oldest", "oldest first")],
)
.one_of(&[&["newest", "oldest"]])
.never(&[("desc", "write `newest = true`")])];

/// A value of the program, as the setting `order` takes one.
struct Sorter(&'static str);

const PROOFS: &[Choice] = &[
    Choice::new(
        "signature",
        &[
            Setting::name("env", "variable of the key"),
            Setting::duration("tolerance", "age of a signature").default("5m").between("1s", "1h"),
        ],
    ),
    Choice::new("none", &[]),
];

source_kind! {
    /// Mails to a port.
    static MAIL: SourceKind = SourceKind::new("mail", "a mail")
        .settings(KEYS, |settings| {
            Ok(BoxSource::new(Mail {
                subject: settings.text("subject")?.to_owned(),
                shown: match settings.choice("verify")? {
                    _ if settings.flag("unread")? => {
                        let (folders, flags) = (settings.texts("folders")?, settings.texts("flags")?);
                        format!("unread {folders:?} {flags:?} {:?}", settings.optional_number("priority")?)
                    }
                    _ if let Some(sorter) = settings.code::<Sorter>("order")? => sorter.0.to_owned(),
                    Some(("signature", own)) => {
                        format!("by {} within {:?}", own.text("env")?, own.duration("tolerance")?)
                    }
                    _ => format!("{} by {:?}", settings.port("mail_port")?, settings.optional_text("sender")?),
                },
            }))
        })
        .claims(ClaimedKeys::of_runtime(&["subject", "mail_port"]).on_host("mail_host", "mail_port"))
        .overflow(Overflow::Wait)
        .refuses(&[("drop_newest", "a mail is never dropped"), ("wait", "leave it out")], Some("delayed when full"))
        .largest_body("mail_limit")
        .relays();
}

struct Mail {
    subject: String,
    shown: String,
}

impl TriggerSource for Mail {
    fn kind(&self) -> &'static SourceKind {
        &MAIL
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.subject)
    }

    fn default_id(&self) -> String {
        format!("mail-of-{}", self.subject)
    }

    fn description(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.shown)
    }

    fn accept(&self, _: &SourceContext) {}
}

fn mail(subject: &str) -> TriggerConfig {
    TriggerConfig::of(&MAIL).setting("subject", subject)
}

fn problems(triggers: impl IntoIterator<Item = TriggerConfig>) -> String {
    let builder = triggers.into_iter().enumerate().fold(Runtime::builder(), |builder, (number, trigger)| {
        builder.process(format!("p{number}"), config([trigger]), |_: Text| async {})
    });
    builder.check().err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn triggers_of_a_kind_exclude_each_other_by_the_keys_that_it_claims() {
    let on = |host: &str, port: u16| mail("a").setting("mail_host", host).setting("mail_port", port);
    let clash = problems([on("localhost", 25), on("localhost", 25)]);
    assert!(
        clash.contains("the subject of the mail a of localhost:25 is taken by `p0` at tests/it"),
        "{clash}"
    );
    let every = problems([on("localhost", 25), mail("a")]);
    assert!(every.contains("on localhost:25, and 0.0.0.0 is every address"), "{every}");
    for fine in [
        [on("localhost", 25), on("localhost", 26)],
        [on("localhost", 25), on("127.0.0.1", 25)],
        [on("localhost", 0), on("0.0.0.0", 0)],
        [mail("a"), mail("b")],
    ] {
        assert_eq!(problems(fine), "");
    }
}

#[test]
fn settings_in_code_are_checked_as_those_of_a_file() {
    let wrong = |key: &str, value: serde_json::Value| {
        let mut file = json!({"type": "mail", "subject": "a"});
        file[key] = value.clone();
        let of_file = TriggerConfig::try_from(file).expect_err(key);
        let of_code = mail("a").setting(key, value).validate().expect_err(key);
        assert_eq!(of_file, of_code);
        (of_code.kind(), of_code.to_string())
    };
    for (key, value, kind, part) in [
        ("subject", json!("a.*"), ConfigErrorKind::Invalid, "name one topic"),
        ("mail_port", json!(70000), ConfigErrorKind::OutOfRange, "1 to 65535"),
        ("mail_host", json!("a b"), ConfigErrorKind::Invalid, "127.0.0.1"),
        ("sender", json!(""), ConfigErrorKind::Invalid, "leave the key out to take every sender"),
        ("mail_limit", json!(0), ConfigErrorKind::OutOfRange, "at least 1 byte"),
    ] {
        let (found, text) = wrong(key, value);
        assert_eq!(found, kind, "{text}");
        assert!(text.contains(part), "{text}");
    }
    let missing = TriggerConfig::of(&MAIL).validate().expect_err("no subject");
    assert_eq!((missing.kind(), missing.field()), (ConfigErrorKind::Missing, "subject"));
    let unknown = mail("a").setting("mial_port", 1).validate().expect_err("no such key");
    assert_eq!(unknown.kind(), ConfigErrorKind::UnknownKey);
    assert!(
        unknown
            .reason()
            .contains("did you mean `mail_port`? the keys of a trigger of type `mail` are: subject,"),
        "{unknown}"
    );
    let common = mail("a").setting("queue", 5).validate().expect_err("a key of every trigger");
    assert!(common.reason().contains("use the method `queue(..)`"), "{common}");
    let made = TriggerConfig::custom(Mail { subject: "a".to_owned(), shown: String::new() });
    let made = made.setting("subject", "b").validate().expect_err("the source is made");
    assert!(made.reason().contains("set it where the source is made"), "{made}");
    let misplaced = mail("a").source("shop").validate().expect_err("a setting of another kind");
    assert_eq!(misplaced.kind(), ConfigErrorKind::Misplaced);
    assert!(misplaced.reason().contains("`type = \"event\"`, and this trigger is `mail`"), "{misplaced}");
}

#[test]
fn kind_decides_policies_sizes_and_arguments_of_its_triggers() {
    let refused = mail("a").overflow(Overflow::DropNewest).validate().expect_err("a refused policy");
    assert_eq!((refused.kind(), refused.reason()), (ConfigErrorKind::Conflict, "a mail is never dropped"));
    let small = mail("a").queue_bytes(1023).validate().expect_err("no room for a mail");
    assert!(small.reason().contains("`mail_limit`"), "{small}");
    assert_eq!(mail("a").queue_bytes(1024).validate(), Ok(()));
    let unknown = problems([mail("a").setting("after", "p7")]);
    assert!(unknown.contains("asks for events of the process `p7`, which does not exist"), "{unknown}");
    // It relays the events of every kind, so their arguments may come with it.
    let builder = Runtime::builder().process("p", config([mail("a")]), |_: Headers| async {});
    assert!(builder.check().is_ok());
}

#[test]
fn kind_is_described_by_its_source_and_its_settings() {
    let trigger = mail("a").setting("sender", "ada");
    let description = Runtime::builder().process("p", config([trigger]), |_: Text| async {}).describe();
    let text = description.to_string();
    let shown = "mail         25 by Some(\"ada\")  id mail-of-a, queue 100, queue_bytes 64MiB, delayed when full, mail_limit 1KiB";
    assert!(text.contains(shown), "{text}");
    let json = serde_json::to_value(&description.processes[0].triggers[0]).expect("JSON");
    let expected = json!({
        "type": "mail", "subject": "a", "mail_host": "0.0.0.0", "mail_port": 25, "sender": "ada", "mail_limit": "1KiB",
        "id": "mail-of-a", "queue": 100, "queue_bytes": "64MiB",
    });
    assert_eq!(json, expected);
}

#[tokio::test(start_paused = true)]
async fn clone_of_a_configuration_has_a_source_of_its_own() -> Result {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let handler = |name: &'static str| {
        let sender = sender.clone();
        move |Text(text): Text| {
            drop(sender.send(format!("{name} {text}")));
            async {}
        }
    };
    let settings = ProcessConfig::new().trigger(TriggerConfig::event("a"));
    // The check makes the source.
    assert_eq!(settings.triggers[0].validate(), Ok(()));
    let runtime = Runtime::builder()
        .process("one", settings.clone(), handler("one"))
        .process("two", settings, handler("two"))
        .start()
        .await?;
    runtime.bus().emit("a", "x").await?;
    assert_eq!(runtime.shutdown().await.left, 0);
    let mut both = [seen.try_recv(), seen.try_recv()].map(|text| text.expect("an event"));
    both.sort_unstable();
    assert_eq!(both, ["one x", "two x"]);
    Ok(())
}

#[test]
fn choice_has_keys_of_its_own_in_a_file_and_in_code() {
    let file = r#"
        type = "mail"
        subject = "a"
        verify = { type = "signature", env = "MAIL_KEY" }
    "#;
    let config: TriggerConfig = toml::from_str(file).expect("a valid table");
    let value = json!({"type": "signature", "env": "MAIL_KEY"});
    assert_eq!(config, mail("a").setting("verify", value));
    assert_ne!(config, mail("a").setting("verify", json!({"type": "signature", "env": "OTHER"})));
    assert_eq!(mail("a").setting("verify", "none").validate(), Ok(()));
    let description =
        Runtime::builder().process("p", ProcessConfig::new().trigger(config), |_: Text| async {}).describe();
    assert!(description.to_string().contains("by MAIL_KEY within 300s"), "{description}");
    let shown = description.processes[0].triggers[0].source.setting("verify");
    assert_eq!(shown, Some(&json!({"type": "signature", "env": "MAIL_KEY", "tolerance": "5m"})));
}

#[test]
fn mistake_in_a_choice_has_the_path_of_its_key() {
    for (value, field, kind, part) in [
        (json!({"type": "signatrue"}), "verify.type", ConfigErrorKind::Invalid, "did you mean `signature`?"),
        (json!({"env": "X"}), "verify.type", ConfigErrorKind::Invalid, "use one of: signature, none"),
        (json!({"type": "signature"}), "verify.env", ConfigErrorKind::Missing, "variable of the key"),
        (
            json!({"type": "signature", "env": ""}),
            "verify.env",
            ConfigErrorKind::Invalid,
            "the name is empty",
        ),
        (
            json!({"type": "signature", "env": "X", "tolerence": "1m"}),
            "verify.tolerence",
            ConfigErrorKind::UnknownKey,
            "did you mean `tolerance`?",
        ),
        (
            json!({"type": "signature", "env": "X", "tolerance": 5}),
            "verify.tolerance",
            ConfigErrorKind::WrongType,
            "in quotes",
        ),
        (
            json!({"type": "signature", "env": "X", "tolerance": "2h"}),
            "verify.tolerance",
            ConfigErrorKind::OutOfRange,
            "use 1s to 1h",
        ),
        (json!(7), "verify", ConfigErrorKind::WrongType, "use a table"),
    ] {
        let error = mail("a").setting("verify", value).validate().expect_err(field);
        assert_eq!((error.field(), error.kind()), (field, kind), "{error}");
        assert!(error.reason().contains(part), "{error}");
    }
}

/// Returns what the source of a trigger has made of its settings.
fn shown(trigger: TriggerConfig) -> String {
    let described = Runtime::builder().process("p", config([trigger]), |_: Text| async {}).describe();
    let text = described.to_string();
    text.lines().find(|line| line.contains("mail  ")).unwrap_or_default().to_owned()
}

#[test]
fn lists_flags_and_values_of_the_program_reach_the_source() {
    let file = r#"
        type = "mail"
        subject = "a"
        folders = ["in", "old"]
        flags = "seen"
        unread = true
        priority = 3
    "#;
    let config: TriggerConfig = toml::from_str(file).expect("a valid table");
    let same = mail("a").setting("folders", json!(["in", "old"])).setting("flags", json!(["seen"]));
    let same = same.setting("unread", true).setting("priority", 3);
    assert_eq!(config, same);
    assert_ne!(config, mail("a").setting("unread", true));
    let written: TriggerConfig = serde_json::from_value(serde_json::to_value(&config).expect("plain values"))
        .expect("what was written is read");
    assert_eq!(written, config);
    assert!(shown(config).contains(r#"unread ["in", "old"] ["seen"] Some(3)"#));

    let coded = mail("a").value("order", Sorter("by sender"));
    assert!(shown(coded.clone()).contains("by sender"));
    let refused = serde_json::to_value(&coded).expect_err("code is not in a file").to_string();
    assert!(refused.contains("has a value of the program as `order`"), "{refused}");
    let other = mail("a").value("order", 7).validate().expect_err("another type");
    assert_eq!((other.field(), other.reason()), ("order", "it is a `Sorter`"));
    let misplaced =
        mail("a").value("folders", 7).validate().expect_err("a list takes no value of the program");
    assert_eq!(misplaced.field(), "folders");
}

#[test]
fn mistakes_in_lists_flags_and_groups_are_explained() {
    for (key, value, field, part) in [
        ("folders", json!([]), "folders", "leave the key out"),
        ("folders", json!(["in", ""]), "folders[1]", "the name is empty"),
        ("folders", json!(["in", 7]), "folders", "a list of texts"),
        ("flags", json!(["seen", "drfat"]), "flags[1]", "does not take this word"),
        ("unread", json!("yes"), "unread", "use `true` or `false`, without quotes"),
        ("priority", json!(2), "priority", "use 1, 3, 5"),
        ("order", json!({"by": "date"}), "order", "`date` needs `newest` or `oldest`"),
        ("order", json!({"by": "date", "newest": true, "oldest": true}), "order", "and not both"),
        ("order", json!({"by": "date", "desc": "hidden"}), "order.desc", "write `newest = true`"),
        ("order", json!({"type": "date"}), "order.by", "use one of: date"),
    ] {
        let error = mail("a").setting(key, value).validate().expect_err(field);
        assert_eq!(error.field(), field, "{error}");
        assert!(error.reason().contains(part), "{error}");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}
