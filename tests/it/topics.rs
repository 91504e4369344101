//! Topics and patterns, by `tests/vectors/topics.json`: the tables of other brokers, with the expected results.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use triggers::{FaultKind, Topic, TopicPattern};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/topics.json")).expect("the vectors are JSON")
}

fn rows<'a>(vectors: &'a Value, section: &str) -> &'a [Value] {
    let section = &vectors[section];
    let rows = section.as_array().or(section["vectors"].as_array()).expect("a list of rows");
    assert!(!rows.is_empty());
    rows
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {row}"))
}

fn pattern(text: &str) -> TopicPattern {
    TopicPattern::parse(text).unwrap_or_else(|error| panic!("{}", error.explain(text)))
}

#[test]
fn patterns_match_as_the_tables_say() {
    let vectors = vectors();
    for section in ["match_public_nats", "match_from_amqp", "match_computed"] {
        for row in rows(&vectors, section) {
            let matches = pattern(text(row, "pattern")).matches(text(row, "subject"));
            assert_eq!(row["matches"], matches, "{section}: {row}");
        }
    }
}

#[test]
fn parser_accepts_or_refuses_names_as_the_table_says() {
    let vectors = vectors();
    for row in rows(&vectors, "validity") {
        let name = text(row, "text");
        let error = match text(row, "kind") {
            "pattern" => TopicPattern::parse(name).map(|p| assert_eq!(p.to_string(), name)).err(),
            "subject" => Topic::parse(name).map(|t| assert_eq!(t.to_string(), name)).err(),
            kind => panic!("{kind}"),
        };
        let expected = (row["valid"] == false).then(|| match text(row, "error") {
            "empty" => FaultKind::Empty,
            "empty token" => FaultKind::EmptyToken,
            "'>' not last" => FaultKind::RestNotLast,
            "wildcard inside token" => FaultKind::WildcardInToken,
            "wildcard in subject" => FaultKind::Wildcard,
            "bad character" => FaultKind::BadCharacter,
            "reserved" => FaultKind::Reserved,
            "too long" | "longer than 249 bytes" => FaultKind::TooLong,
            "too many tokens" => FaultKind::TooManyTokens,
            other => panic!("{other}"),
        });
        assert_eq!(error.map(|error| error.kind()), expected, "{row}");
    }
}

#[test]
fn parser_refuses_wildcards_that_nats_takes_literally() {
    for row in rows(&vectors(), "nats_literals_we_refuse") {
        let error = TopicPattern::parse(text(row, "pattern")).expect_err(text(row, "pattern"));
        assert_eq!(error.kind(), FaultKind::WildcardInToken, "{row}");
    }
}

#[test]
fn topic_with_an_empty_token_matches_no_pattern_and_does_not_parse() {
    for row in rows(&vectors(), "empty_token_subjects") {
        assert!(!pattern(text(row, "pattern")).matches(text(row, "subject")), "{row}");
        let error = Topic::parse(text(row, "subject")).expect_err("an empty token");
        assert_eq!(error.kind(), FaultKind::EmptyToken, "{row}");
    }
}

#[test]
fn patterns_overlap_as_the_table_says_in_both_directions() {
    for row in rows(&vectors(), "overlap") {
        let (a, b) = (pattern(text(row, "a")), pattern(text(row, "b")));
        assert_eq!(row["overlap"], a.overlaps(&b), "{row}");
        assert_eq!(row["overlap"], b.overlaps(&a), "{row}");
    }
}

/// A narrow pattern is a subset of a wide one if the wide one matches its instances, made with tokens used nowhere
/// else.
#[test]
fn wide_pattern_matches_the_instances_of_a_narrow_one() {
    for row in rows(&vectors(), "subset_public") {
        let wide = pattern(text(row, "wide"));
        let instance = |rest: &str| text(row, "narrow").replace('*', "unheard-of").replace('>', rest);
        let subset = ["u", "u.u"].iter().all(|rest| wide.matches(&instance(rest)));
        assert_eq!(row["subset"], subset, "{row}");
    }
}

#[test]
fn error_of_each_bad_form_has_its_hint() {
    for (bad, hint) in [
        ("reports.#", "AMQP and MQTT syntax"),
        ("reports.+", "AMQP and MQTT syntax"),
        ("reports.**", "use `>` as the last token"),
        ("reports.>>", "use `>` as the last token"),
        ("rep*", "a wildcard must be a whole token"),
        ("*orts", "a wildcard must be a whole token"),
        ("a.>.b", "`>` must be the last token"),
        ("a/b", "join tokens with `.`"),
        ("a..b", "remove the extra dot"),
        (".a", "remove the extra dot"),
        ("a.", "remove the extra dot"),
        ("a b", "white space"),
        ("$SYS.x", "brokers keep"),
        ("_INBOX.x", "reserved"),
        ("a.{b", "{name}"),
        ("a.{}", "{name}"),
        ("a.{1b}", "{name}"),
        ("{a}.{a}", "captured twice"),
    ] {
        let error = TopicPattern::parse(bad).expect_err(bad);
        let explained = error.explain(bad);
        assert!(explained.contains(hint), "{bad}: {explained}");
        assert!(explained.contains('^') && explained.contains(bad), "{explained}");
    }
}

/// AMQP bindings without `#` are valid patterns with the same meaning. Bindings with `#` are refused.
#[test]
fn amqp_bindings_mean_the_same_or_are_refused() {
    let mut seen = BTreeMap::new();
    for row in rows(&vectors(), "amqp_public") {
        let (binding, key) = (text(row, "binding"), text(row, "routing_key"));
        let verdict = match TopicPattern::parse(binding) {
            Ok(pattern) if Topic::parse(key).is_ok() => {
                assert_eq!(row["matches"], pattern.matches(key), "{row}");
                "same"
            }
            Ok(_) => "invalid topic",
            Err(error) => {
                let ours =
                    binding.contains('#') || binding.is_empty() || error.kind() == FaultKind::EmptyToken;
                assert!(ours, "{row}: {error}");
                "refused"
            }
        };
        *seen.entry(verdict).or_insert(0) += 1;
    }
    assert!(seen["same"] > 50 && seen["refused"] > 50, "{seen:?}");
}

/// MQTT filters use `/`, `+` and `#`, which no valid pattern contains.
#[test]
fn parser_refuses_mqtt_filters() {
    for row in rows(&vectors(), "mqtt_public") {
        let filter = text(row, "filter");
        if filter.contains(['/', '+', '#']) {
            assert!(TopicPattern::parse(filter).is_err(), "{row}");
        }
    }
}

/// A Redis glob that is a valid pattern matches at least as much as the pattern, so a second filter is enough.
#[test]
fn redis_glob_matches_at_least_what_its_pattern_matches() {
    for row in rows(&vectors(), "redis_glob") {
        if let Ok(pattern) = TopicPattern::parse(text(row, "glob")) {
            let ours = pattern.matches(text(row, "channel"));
            assert!(!ours || row["matches"] == true, "{row}");
        }
    }
}

/// The translations that a transport needs. They show that each pattern has one.
#[test]
fn every_pattern_has_its_form_on_each_broker() {
    for row in rows(&vectors(), "translations") {
        let ours = pattern(text(row, "ours"));
        let tokens: Vec<_> = ours.tokens().collect();
        let joined = |separator: &str, one: &str, rest: &str| {
            let translate = |token: &&str| match *token {
                "*" => one.to_owned(),
                ">" => rest.to_owned(),
                token => token.to_owned(),
            };
            tokens.iter().map(translate).collect::<Vec<_>>().join(separator)
        };
        assert_eq!(row["nats"], ours.as_str(), "{row}");
        assert_eq!(row["amqp_binding"], joined(".", "*", "*.#"), "{row}");
        assert_eq!(row["mqtt_filter"], joined("/", "+", "+/#"), "{row}");
        assert_eq!(row["kafka_regex"], format!("^{}$", joined("\\.", "[^.]+", "[^.]+(\\.[^.]+)*")), "{row}");
        assert_eq!(row["redis_psubscribe"], joined(".", "*", "*"), "{row}");
    }
}

#[test]
fn captures_are_named_tokens_of_the_topic() {
    let pattern = pattern("reports.{region}.{kind}.>");
    let captures: Vec<_> = pattern.captures("reports.eu.daily.x.y").collect();
    assert_eq!(captures, [("region", "eu"), ("kind", "daily")]);
    assert_eq!(pattern.captures("reports.eu.daily").count(), 0);
}

#[test]
fn topic_has_at_most_249_bytes_and_32_tokens() {
    assert!(Topic::parse(&"x".repeat(249)).is_ok());
    assert_eq!(Topic::parse(&"x".repeat(250)).map_err(|e| e.kind()), Err(FaultKind::TooLong));
    assert!(TopicPattern::parse(&["*"; 32].join(".")).is_ok());
    assert_eq!(
        TopicPattern::parse(&["*"; 33].join(".")).map_err(|e| e.kind()),
        Err(FaultKind::TooManyTokens)
    );
}

#[test]
fn parser_reserves_inbox_only_as_the_whole_first_token() {
    for topic in ["_", "_inbox.a", "_INBO.a", "_INBOXES.a", "a._INBOX"] {
        assert!(Topic::parse(topic).is_ok(), "{topic}");
    }
}

/// A plain implementation of the rules, as the reference.
fn reference_matches(pattern: &[&str], topic: &[&str]) -> bool {
    match (pattern, topic) {
        ([], []) => true,
        ([">"], [_, ..]) => true,
        ([p, ps @ ..], [t, ts @ ..]) => {
            (*p == "*" || p.starts_with('{') || p == t) && reference_matches(ps, ts)
        }
        _ => false,
    }
}

fn pattern_text() -> impl Strategy<Value = String> {
    let token = prop_oneof![Just("a"), Just("ab"), Just("*")];
    let tail = prop_oneof![Just(""), Just(".>"), Just(".{x}"), Just(".{x}.a.>")];
    (prop::collection::vec(token, 1..5), tail).prop_map(|(tokens, tail)| tokens.join(".") + tail)
}

fn topic_text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![Just("a"), Just("ab"), Just("b")], 1..6)
        .prop_map(|tokens| tokens.join("."))
}

proptest! {
    #[test]
    fn pattern_matches_as_the_reference_does(wanted in pattern_text(), topic in topic_text()) {
        let expected =
            reference_matches(&wanted.split('.').collect::<Vec<_>>(), &topic.split('.').collect::<Vec<_>>());
        prop_assert_eq!(pattern(&wanted).matches(&topic), expected);
    }

    #[test]
    fn capture_is_the_token_at_its_position(wanted in pattern_text(), topic in topic_text()) {
        let wanted = pattern(&wanted);
        let place = wanted.tokens().position(|token| token == "{x}").filter(|_| wanted.matches(&topic));
        let there = place.and_then(|place| topic.split('.').nth(place)).map(|token| ("x", token));
        prop_assert_eq!(wanted.captures(&topic).collect::<Vec<_>>(), Vec::from_iter(there));
    }

    #[test]
    fn patterns_that_share_a_topic_overlap(a in pattern_text(), b in pattern_text(), topic in topic_text()) {
        let (a, b) = (pattern(&a), pattern(&b));
        prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
        prop_assert!(a.overlaps(&b) || !(a.matches(&topic) && b.matches(&topic)));
    }

    #[test]
    fn broker_delivers_a_topic_to_every_pattern_that_matches(
        patterns in prop::collection::vec(pattern_text(), 1..12),
        left in prop::collection::vec(any::<bool>(), 12),
        topics in prop::collection::vec(topic_text(), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            use triggers::{MessageBroker, MessageTrigger, Trigger};
            let broker = MessageBroker::new();
            let mut triggers = Vec::new();
            for pattern in &patterns {
                let trigger = MessageTrigger::new(&broker, pattern);
                trigger.start().await.expect("a valid pattern");
                triggers.push(trigger);
            }
            for (trigger, left) in triggers.iter().zip(&left) {
                if *left {
                    trigger.stop().await;
                }
            }
            for topic in &topics {
                let wanted = patterns.iter().zip(&left).filter(|(p, left)| !**left && pattern(p).matches(topic));
                let sent = broker.publish(topic, 1).await.expect("a valid topic");
                prop_assert_eq!(sent.matched(), Some(wanted.count()));
            }
            Ok(())
        })?;
    }
}

proptest! {
    #[test]
    fn every_text_makes_a_token_that_is_a_whole_topic(text in "(?s).{0,100}") {
        let token = Topic::token(&text);
        prop_assert!(token.len() <= 64 && !token.contains('.'));
        let topic = Topic::parse(&token).expect("a topic");
        prop_assert_eq!(topic.tokens().count(), 1);
        prop_assert_eq!(Topic::token(&token), &*token, "a token stays as it is");
    }
}

#[test]
fn token_keeps_what_a_topic_may_hold() {
    let long = "x".repeat(65);
    for (text, token) in [
        ("Nightly_build-7", "Nightly_build-7"),
        ("nightly build #7", "nightly-build--7"),
        ("a.b", "a-b"),
        ("*", "-"),
        (">", "-"),
        ("{job}", "-job-"),
        ("\u{e9}\u{1f600}\n", "---"),
        ("", "-"),
        ("_INBOX", "-INBOX"),
        (&long, &long[..64]),
        (&format!(" {long}"), &format!("-{}", &long[..63])),
    ] {
        assert_eq!(Topic::token(text), token, "{text:?}");
    }
    // Three of them and the dots leave room for other tokens.
    let full = format!("{0}.{0}.{0}.{1}", Topic::token(&long), "x".repeat(54));
    assert_eq!(full.len(), 249);
    assert!(Topic::parse(&full).is_ok());
}
