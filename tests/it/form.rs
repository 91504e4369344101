//! `Form<T>`: the body of a request as the fields of a form, with repeated keys, and its rejections.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use triggers::{
    Context, Form, FromTrigger, Headers, Rejection, Result, Runtime, TriggerEvent, WebhookTrigger,
};

use crate::common::hook;
use crate::http;

const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Debug, Deserialize, PartialEq)]
struct Command {
    text: String,
    #[serde(default)]
    tag: Vec<String>,
    count: Option<u8>,
}

fn command(text: &str, tag: &[&str], count: Option<u8>) -> Command {
    Command { text: text.to_owned(), tag: tag.iter().map(|&tag| tag.to_owned()).collect(), count }
}

fn event(content_type: Option<&str>, body: &str) -> TriggerEvent {
    let headers = content_type.map(|content_type| ("content-type", content_type)).into_iter().collect();
    WebhookTrigger::event("/in", headers, body.to_owned())
}

fn decoded<T: DeserializeOwned>(content_type: &str, body: &str) -> Result<T, Rejection> {
    let event = event(Some(content_type), body);
    Form::from_trigger(&Context::new(&event)).map(|Form(form)| form)
}

#[track_caller]
fn assert_rejects<T: Debug + DeserializeOwned>(body: &str, text: &str) {
    let rejection = decoded::<T>(FORM, body).expect_err(body);
    assert!(!rejection.is_absent() && rejection.to_string().contains(text), "{body}: {rejection}");
}

#[test]
fn form_is_decoded_with_every_value_of_a_list() {
    for (body, expected) in [
        ("text=to+production", command("to production", &[], None)),
        ("tag=a&text=%E4%BD%A0&tag=b&count=7", command("你", &["a", "b"], Some(7))),
        ("text=&other=1&other=2&t%61g=", command("", &[""], None)),
        ("text=a&token=secret", command("a", &[], None)),
    ] {
        assert_eq!(decoded(FORM, body), Ok(expected), "{body}");
    }
}

#[test]
fn content_type_is_compared_without_its_case_and_its_charset_is_utf_8() {
    let body = "text=a";
    for content_type in
        ["Application/X-WWW-Form-URLencoded", "application/x-www-form-urlencoded;charset=\"UTF-8\""]
    {
        assert_eq!(decoded(content_type, body), Ok(command("a", &[], None)), "{content_type}");
    }
    for content_type in [
        "application/json",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded; charset=latin1",
        "form",
    ] {
        let rejection = decoded::<Command>(content_type, body).expect_err(content_type);
        let text = format!("the body is `{content_type}`, and a form is `{FORM}`");
        assert_eq!((rejection.is_absent(), rejection.to_string()), (false, text));
    }
    let rejection = Form::<Command>::from_trigger(&Context::new(&event(None, body))).expect_err("no type");
    let text = "the request has no content type, and that of a form is `application/x-www-form-urlencoded`";
    assert_eq!((rejection.is_absent(), &*rejection.to_string()), (false, text));
}

#[test]
fn rejection_of_a_form_names_its_field() {
    assert_rejects::<Command>("text=a&count=x", "`count` of the form: invalid digit");
    assert_rejects::<Command>("count=1", "the form: missing field `text`");
    assert_rejects::<Command>(
        "text=a&t%65xt=b",
        "the form has `text` more than once, and one value is expected",
    );
    assert_rejects::<Vec<(String, u8)>>("a=1&b=x", "of the form: ");
}

#[test]
fn optional_form_is_absent_in_a_request_without_a_body() -> Result<(), Rejection> {
    for content_type in [None, Some(FORM), Some("application/json")] {
        let event = event(content_type, "");
        assert_eq!(Option::<Form<Command>>::from_trigger(&Context::new(&event))?, None);
    }
    let event = TriggerEvent::new("test", "text=a", Default::default());
    assert_eq!(Option::<Form<Command>>::from_trigger(&Context::new(&event))?, None);
    Ok(())
}

#[test]
fn data_of_a_cloudevent_can_be_a_form() -> Result<(), Rejection> {
    let headers = Headers::from_iter([("content-type", "application/cloudevents+json")]);
    let body = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t",
        "datacontenttype":"application/x-www-form-urlencoded","data":"text=a"}"#;
    let event = WebhookTrigger::cloudevent("/in", headers, body)?;
    assert_eq!(Form::from_trigger(&Context::new(&event))?, Form(command("a", &[], None)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handler_gets_the_form_of_a_request() -> Result {
    let seen = Arc::<Mutex<Vec<Command>>>::default();
    let list = Arc::clone(&seen);
    let handler = move |Form(command): Form<Command>| {
        list.lock().expect("the list").push(command);
        async {}
    };
    let runtime = Runtime::builder().process("form", hook("/form"), handler).start().await?;
    let address = runtime.local_addr("webhook-0/form").expect("an address");
    for content_type in [FORM, "text/plain"] {
        let request = http::post_with("/form", format!("Content-Type: {content_type}\r\n"), "text=a+b&tag=c");
        assert_eq!(http::request(address, request).await.status, 202, "{content_type}");
    }
    runtime.shutdown().await;
    assert_eq!(*seen.lock().expect("the list"), [command("a b", &["c"], None)]);
    let [dead_letter] = &runtime.dead_letters().list().await[..] else { panic!("one dead letter") };
    assert!(dead_letter.error.contains("the body is `text/plain`"), "{}", dead_letter.error);
    Ok(())
}
