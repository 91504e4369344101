//! What an agent does with the events of its triggers, and with the answers of its model.

use agent::{Turn, add_agents};
use rig_core::providers::openai::OpenAIConfig;
use serde_json::json;
use tokio::sync::mpsc;
use triggers::DeadLetterReason;
use triggers::prelude::*;

use crate::http::post;
use crate::model::{Request, StandIn};
use crate::soon;

const TRIAGE: &str = r#"
    [agents.triage]
    model = "openai:gpt-5-mini"
    instructions = "You sort tickets."
    publish = "answers.triage"

    [agents.triage.process]
    concurrency = 4
    timeout = "10s"
    retry = 2
    backoff = "1ms..1ms"
    key = "/conversation"
    triggers = [
        { type = "event", event_type = "ticket.opened" },
        { type = "webhook", webhook_path = "/tickets", port = 0, host = "127.0.0.1" },
        { type = "message", topic = "tickets.*" },
    ]
"#;

/// The agent `triage` on a stand-in of its model.
struct Triage {
    runtime: Runtime,
    model: StandIn,
    answers: mpsc::UnboundedReceiver<(String, Turn)>,
    dead_letters: mpsc::UnboundedReceiver<DeadLetter>,
}

impl Triage {
    async fn start(file: &str) -> Triage {
        let model = StandIn::start().await;
        let openai = OpenAIConfig::new("a key").with_base_url(model.base_url()).client();
        let (answered, answers) = mpsc::unbounded_channel();
        let (given_up, dead_letters) = mpsc::unbounded_channel();
        let runtime = add_agents(Runtime::builder(), file, &openai)
            .expect("a file of agents")
            .process(
                "answers",
                ProcessConfig::new().trigger(TriggerConfig::message("answers.triage")),
                move |sender: Sender, Json(turn): Json<Turn>| {
                    let sent = answered.send((sender.0, turn)).map_err(Error::permanent);
                    async { sent }
                },
            )
            .process(
                "dead-letters",
                ProcessConfig::new().trigger(TriggerConfig::dead_letter()),
                move |dead_letter: DeadLetter| {
                    let sent = given_up.send(dead_letter).map_err(Error::permanent);
                    async { sent }
                },
            )
            .start()
            .await
            .expect("a runtime");
        Triage { runtime, model, answers, dead_letters }
    }

    async fn emit(&self, conversation: &str, text: &str) {
        let bus = self.runtime.bus();
        bus.emit("ticket.opened", turn(conversation, text)).await.expect("a valid event type");
    }

    async fn answer(&mut self) -> Turn {
        let (sender, turn) = soon(self.answers.recv()).await;
        assert_eq!(sender, "triage");
        turn
    }

    async fn dead_letter(&mut self) -> DeadLetter {
        let dead_letter = soon(self.dead_letters.recv()).await;
        assert_eq!(dead_letter.process, "triage");
        dead_letter
    }

    /// Returns the number of events that wait for the handler.
    fn waiting(&self) -> usize {
        let status = self.runtime.status();
        let triage = status.processes.iter().find(|process| process.name == "triage");
        triage.expect("the process").triggers.iter().map(|trigger| trigger.queue_size).sum()
    }

    async fn shutdown(self) {
        let report = self.runtime.shutdown().await;
        assert_eq!(report.left, 0, "{report}");
    }
}

fn turn(conversation: &str, text: &str) -> Turn {
    Turn { conversation: conversation.to_owned(), text: text.to_owned() }
}

#[tokio::test]
async fn an_event_a_request_and_a_message_each_get_an_answer() {
    let mut triage = Triage::start(TRIAGE).await;
    let answered = async |triage: &mut Triage, question: &str| {
        let request = triage.model.next().await;
        assert_eq!(request.body["model"], "gpt-5-mini");
        let instructions = ("system", "You sort tickets.".to_owned());
        assert_eq!(request.messages(), [instructions, ("user", question.to_owned())]);
        request.answer("billing");
        assert_eq!(triage.answer().await, turn("c1", "billing"));
    };

    triage.emit("c1", "an event").await;
    answered(&mut triage, "an event").await;

    let address = triage.runtime.local_addr("webhook-0/tickets").expect("an address");
    post(address, "/tickets", r#"{"conversation": "c1", "text": "a request"}"#).await;
    answered(&mut triage, "a request").await;

    let message = json!({"conversation": "c1", "text": "a message"});
    triage.runtime.broker().publish("tickets.mail", &message).await.expect("a valid topic");
    answered(&mut triage, "a message").await;
    triage.shutdown().await;
}

#[tokio::test]
async fn a_request_that_fails_is_made_again() {
    let mut triage = Triage::start(TRIAGE).await;
    triage.emit("c1", "where is my order?").await;
    triage.model.next().await.fail(500, "overloaded");
    let second = triage.model.next().await;
    assert_eq!(second.question(), "where is my order?");
    second.answer("shipping");
    assert_eq!(triage.answer().await, turn("c1", "shipping"));
    triage.shutdown().await;
}

#[tokio::test]
async fn turns_of_one_conversation_are_answered_in_order_and_others_meanwhile() {
    let mut triage = Triage::start(TRIAGE).await;
    triage.emit("c1", "first").await;
    triage.emit("c1", "second").await;
    triage.emit("c2", "other").await;
    let mut requests = [triage.model.next().await, triage.model.next().await];
    requests.sort_by_key(Request::question);
    let [first, other] = requests;
    assert_eq!([first.question(), other.question()], ["first", "other"]);

    other.answer("of c2");
    assert_eq!(triage.answer().await, turn("c2", "of c2"));
    assert_eq!(triage.waiting(), 1, "the second turn of c1");
    assert!(triage.model.is_idle());

    // The second turn also waits for the retry of the first.
    first.fail(500, "overloaded");
    let again = triage.model.next().await;
    assert_eq!(again.question(), "first");
    again.answer("one");
    assert_eq!(triage.answer().await, turn("c1", "one"));
    let second = triage.model.next().await;
    assert_eq!(second.question(), "second");
    second.answer("two");
    assert_eq!(triage.answer().await, turn("c1", "two"));
    triage.shutdown().await;
}

#[tokio::test]
async fn a_model_that_always_fails_ends_in_a_dead_letter() {
    let mut triage = Triage::start(TRIAGE).await;
    triage.emit("c1", "hello").await;
    for _ in 0..3 {
        triage.model.next().await.fail(503, "overloaded");
    }
    let dead_letter = triage.dead_letter().await;
    assert_eq!(dead_letter.reason, DeadLetterReason::RetriesExhausted);
    assert_eq!(dead_letter.attempts, 3);
    assert!(dead_letter.error.contains("503") && dead_letter.error.contains("overloaded"), "{dead_letter:?}");
    triage.shutdown().await;
}

#[tokio::test]
async fn a_refused_key_ends_in_a_dead_letter_at_once() {
    let mut triage = Triage::start(TRIAGE).await;
    triage.emit("c1", "hello").await;
    triage.model.next().await.fail(401, "incorrect API key");
    let dead_letter = triage.dead_letter().await;
    assert_eq!(dead_letter.reason, DeadLetterReason::Rejected);
    assert_eq!(dead_letter.attempts, 1);
    assert!(dead_letter.error.contains("incorrect API key"), "{dead_letter:?}");
    triage.shutdown().await;
}

#[tokio::test]
async fn a_slow_model_times_out() {
    let mut triage = Triage::start(&TRIAGE.replace("retry = 2\n    backoff = \"1ms..1ms\"", "")).await;
    triage.emit("c1", "hello").await;
    let request = triage.model.next().await;
    // Nothing but the timeout of the agent is left to happen, so the paused clock jumps to it.
    tokio::time::pause();
    let dead_letter = triage.dead_letter().await;
    assert_eq!(dead_letter.reason, DeadLetterReason::TimedOut);
    request.answer("too late");
    triage.shutdown().await;
}

#[test]
fn a_mistake_in_the_file_is_an_error() {
    let openai = OpenAIConfig::new("a key").client();
    for (right, wrong, error) in [
        ("timeout", "timout", "field `timout`: \"10s\": unknown key; did you mean `timeout`?"),
        ("instructions", "instruction", "unknown field `instruction`"),
        ("openai:gpt-5-mini", "gpt-5-mini", "agent `triage`: `gpt-5-mini` is not like `openai:gpt-5-mini`"),
        ("answers.triage", "answers.*", "answers.*"),
    ] {
        let refused = add_agents(Runtime::builder(), &TRIAGE.replace(right, wrong), &openai);
        let refused = refused.err().unwrap_or_else(|| panic!("`{wrong}` is accepted")).to_string();
        assert!(refused.contains(error), "{refused}");
    }
}
