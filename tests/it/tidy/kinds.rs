//! Which files name a built-in kind of source. A kind is to be one module, as a kind of another crate is.

use super::{code, rust_files, without_tests};

/// The modules of the kinds themselves, and the handles that publish to them.
const OWN: &[&str] = &[
    "trigger-core/src/event/dead_letter.rs",
    "trigger-core/src/event/published.rs",
    "trigger-core/src/event/request.rs",
    "trigger-core/src/publish.rs",
    "trigger-core/src/source/dead_letter.rs",
    "trigger-core/src/source/subscription.rs",
    "trigger-core/src/trigger/event.rs",
    "trigger-core/src/trigger/message.rs",
    "trigger-core/src/trigger/webhook.rs",
    "trigger-core/src/webhook/",
];

/// Other files that name one. The list may only shrink: a file is removed when it names none any more.
const KNOWN: &[&str] = &[
    "trigger-core/src/config.rs",
    "trigger-core/src/config/read.rs",
    "trigger-core/src/dead_letter.rs",
    "trigger-core/src/description.rs",
    "trigger-core/src/description/overlaps.rs",
    "trigger-core/src/description/text.rs",
    "trigger-core/src/event/frame.rs",
    "trigger-core/src/event/trigger_event.rs",
    "trigger-core/src/handler/argument.rs",
    "trigger-core/src/handler/extract.rs",
    "trigger-core/src/registry/check.rs",
    "trigger-core/src/registry/clash.rs",
    "trigger-core/src/registry/clash/find.rs",
    "trigger-core/src/registry/record.rs",
    "trigger-core/src/source/any.rs",
    "trigger-core/src/source/bound_trigger.rs",
    "trigger-core/src/trigger.rs",
    "trigger-macros/src/args.rs",
    "trigger-macros/src/check.rs",
    "trigger-macros/src/expand.rs",
    "trigger-macros/src/lib.rs",
    "trigger-macros/src/model.rs",
    "trigger-macros/src/value.rs",
];

#[test]
fn built_in_kinds_are_named_in_no_new_file() {
    let enums = ["TriggerKind", "SourceConfig", "SourceRecord", "SourceDescription"];
    let kinds = ["Event", "Message", "Webhook", "DeadLetter"];
    let names: Vec<String> =
        enums.iter().flat_map(|name| kinds.iter().map(move |kind| format!("{name}::{kind}"))).collect();
    let files = ["trigger-core/src", "trigger-macros/src"].into_iter().flat_map(rust_files);
    let naming = files.filter(|(_, text)| {
        let text = code(without_tests(text));
        names.iter().any(|name| text.contains(name.as_str()))
    });
    let mut naming: Vec<String> = naming.map(|(name, _)| name).collect();
    naming.sort();
    let others: Vec<&String> =
        naming.iter().filter(|name| !OWN.iter().any(|own| name.starts_with(own))).collect();
    assert_eq!(others, KNOWN, "files that name a built-in kind");
}
