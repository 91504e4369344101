//! `Query<T>`: the query of a request as a type, with repeated keys, and its rejections.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use triggers::{Context, FromTrigger, Headers, Query, RejectionKind, Result, Runtime, WebhookTrigger};

use crate::common::hook;
use crate::http;

#[derive(Debug, Deserialize, PartialEq)]
struct Search {
    #[serde(default)]
    tag: Vec<String>,
    page: Option<u32>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Sizes {
    size: Vec<u8>,
    unit: Option<Vec<String>>,
}

fn decoded<T: DeserializeOwned>(query: &str) -> Result<T, String> {
    let event = WebhookTrigger::event(&format!("/in{query}"), Headers::default(), "");
    let query = Query::<T>::from_trigger(&Context::new(&event));
    query.map(|query| query.0).map_err(|rejection| {
        assert_eq!(rejection.kind(), RejectionKind::Invalid);
        rejection.to_string()
    })
}

#[track_caller]
fn assert_rejects<T: Debug + DeserializeOwned>(query: &str, text: &str) {
    let rejection = decoded::<T>(query).expect_err(query);
    assert!(rejection.contains(text), "{query}: {rejection}");
}

fn search(tag: &[&str], page: Option<u32>) -> Search {
    Search { tag: tag.iter().map(|&tag| tag.to_owned()).collect(), page }
}

#[tokio::test(start_paused = true)]
async fn handler_gets_every_value_of_a_repeated_key() -> Result {
    let seen = Arc::<Mutex<Vec<Search>>>::default();
    let list = Arc::clone(&seen);
    let handler = move |Query(query): Query<Search>| {
        list.lock().expect("the list").push(query);
        async {}
    };
    let runtime = Runtime::builder().process("search", hook("/search"), handler).start().await?;
    let address = runtime.local_addr("webhook-0/search").expect("an address");
    for query in
        ["tag=a&tag=b", "tag=b&page=2&tag=a&tag=b", "tag=a", "token=t&tag=a&token=t", "page=1&page=2"]
    {
        assert_eq!(http::post(address, &format!("/search?{query}"), "").await.status, 202, "{query}");
    }
    runtime.shutdown().await;
    let expected = [
        search(&["a", "b"], None),
        search(&["b", "a", "b"], Some(2)),
        search(&["a"], None),
        search(&["a"], None),
    ];
    assert_eq!(*seen.lock().expect("the list"), expected);
    let [dead_letter] = &runtime.dead_letters().list().await[..] else { panic!("one dead letter") };
    assert!(dead_letter.error.contains("`page`"), "{}", dead_letter.error);
    Ok(())
}

#[test]
fn list_takes_any_number_of_values_in_order() {
    for (query, expected) in [
        ("?tag=", search(&[""], None)),
        ("?tag=a&tag=&tag=a", search(&["a", "", "a"], None)),
        ("?tag=%E4%BD%A0&t%61g=a+b", search(&["你", "a b"], None)),
        ("?other=1&other=2&tag=a", search(&["a"], None)),
        ("", search(&[], None)),
    ] {
        assert_eq!(decoded::<Search>(query), Ok(expected), "{query}");
    }
    assert_eq!(decoded("?size=1&size=2"), Ok(Sizes { size: vec![1, 2], unit: None }));
    let unit = Some(vec!["cm".to_owned()]);
    assert_eq!(decoded("?size=1&unit=cm"), Ok(Sizes { size: vec![1], unit }));
    let lists = json!({"a": ["1", "3"], "b": ["2"]});
    let map = decoded::<BTreeMap<String, Vec<String>>>("?a=1&b=2&a=3");
    assert_eq!(map.map(|map| json!(map)), Ok(lists));
    let pairs = decoded::<Vec<(String, u8)>>("?a=1&b=2&a=3");
    assert_eq!(pairs.map(|pairs| json!(pairs)), Ok(json!([["a", 1], ["b", 2], ["a", 3]])));
}

#[test]
fn repeated_key_of_a_field_that_is_no_list_is_rejected_by_name() {
    let text = "the query has `page` more than once, and one value is expected";
    for query in ["?page=1&page=2", "?page=1&tag=a&tag=b&page=1", "?page=&p%61ge="] {
        assert_rejects::<Search>(query, text);
    }
    assert_rejects::<BTreeMap<String, String>>("?a=1&b=2&a=3", "has `a` more than once");
}

#[test]
fn rejection_of_a_value_names_its_key() {
    assert_rejects::<Search>("?page=x", "`page` of the query: invalid digit");
    assert_rejects::<Sizes>("?size=1&size=x", "`size[1]` of the query: invalid digit");
    assert_rejects::<Sizes>("?unit=cm", "the query: missing field `size`");
}
