//! Runs the examples. It posts requests to the quickstart and to those that verify signatures, and then interrupts them as
//! Ctrl-C does.

use std::path::PathBuf;
use std::process::Command;

use crate::server::{Server, check_log};
use crate::{Outcome, cargo, run, target};

/// The examples that end by themselves.
const SHORT: &[&str] = &[
    "direct_triggers",
    "config_driven",
    "several_triggers",
    "state_and_extractors",
    "order_pipeline",
    "custom_source",
    "deploy_hook",
    "pipeline",
    "per_environment",
    "beside_axum",
    "own_source",
    "two_crates",
    "status_page",
    "arguments",
    "cascade",
    "axum_app",
];

/// An example that verifies the signatures of a sender.
struct Signed {
    /// Its name, which is also that of its file.
    name: &'static str,
    /// The scheme, as an argument of the example `sign`.
    scheme: &'static str,
    /// The variable with its secret, and the secret.
    secret: (&'static str, &'static str),
    path: &'static str,
    /// A header that the sender does not sign.
    header: Option<&'static str>,
    body: &'static str,
    /// The status of an accepted request.
    accepted: &'static str,
    /// What the handler logs of the body.
    logged: &'static str,
}

const SIGNED: &[Signed] = &[
    Signed {
        name: "github",
        scheme: "github",
        secret: ("GITHUB_WEBHOOK_SECRET", "It's a Secret to Everybody"),
        path: "/github",
        header: Some("X-GitHub-Event: push"),
        body: "github_push.json",
        accepted: "HTTP/1.1 202 ",
        logged: "Codertocat/Hello-World is at 0d1a26e6",
    },
    Signed {
        name: "stripe",
        scheme: "stripe",
        secret: ("STRIPE_WEBHOOK_SECRET", "whsec_test"),
        path: "/stripe",
        header: None,
        body: "stripe_payment.json",
        accepted: "HTTP/1.1 202 ",
        logged: "pi_3MtwBwLkdIwHu7ix28a3tqPa is paid: 2000 eur",
    },
    Signed {
        name: "slack",
        scheme: "slack",
        secret: ("SLACK_SIGNING_SECRET", "s3cret"),
        path: "/slack",
        header: None,
        body: "slack_mention.json",
        // Slack repeats a delivery that is answered otherwise.
        accepted: "HTTP/1.1 200 ",
        logged: "U123ABC456 says in C123ABC456",
    },
    Signed {
        name: "standard_webhooks",
        scheme: "standard",
        secret: ("WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        path: "/hooks",
        header: None,
        body: "standard_invoice.json",
        accepted: "HTTP/1.1 202 ",
        logged: "invoice.paid of in_1042",
    },
];

/// The challenge of `slack_challenge.json`.
const CHALLENGE: &str = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";

pub(crate) fn run_every() -> Outcome {
    cargo(&["build", "--examples"])?;
    for name in SHORT {
        run(&mut Command::new(binary(name)))?;
    }
    SIGNED.iter().try_for_each(signed)?;
    quickstart()
}

fn binary(name: &str) -> PathBuf {
    target().join("debug/examples").join(name)
}

fn quickstart() -> Outcome {
    let body =
        std::fs::read_to_string("examples/data/github_push.json").map_err(|error| error.to_string())?;
    let quickstart = Server::start(&binary("quickstart"))?;
    quickstart.post("/github", &body)?;
    let log = quickstart.interrupt()?;
    print!("{log}");
    check_log(&log, &[("report of Hello-World: Codertocat pushed", 2), ("drained: ", 1), (" 0 left", 1)])
}

/// Posts a signed request to an example twice, and one with a wrong signature.
fn signed(example: &Signed) -> Outcome {
    let Signed { name, path, body, .. } = example;
    let folder = |file: &str| format!("examples/data/{file}");
    let body_text = std::fs::read_to_string(folder(body)).map_err(|error| format!("{body}: {error}"))?;
    let server = Server::start_on_free_port(&binary(name), example.secret)?;
    let mut headers = headers_of(example, &folder(body))?;
    headers.extend(example.header.map(str::to_owned));
    server.post_with(path, &headers, &body_text, &[example.accepted, "\"event_id\":"])?;
    server.post_with(path, &headers, &body_text, &[example.accepted, "\"duplicate\":true"])?;
    server.post_with(path, &headers, &body_text.replace(':', ": "), &["HTTP/1.1 401 "])?;
    server.post_with(path, &[], &body_text, &["HTTP/1.1 401 "])?;
    if *name == "slack" {
        let challenge = folder("slack_challenge.json");
        let headers = headers_of(example, &challenge)?;
        let body = std::fs::read_to_string(&challenge).map_err(|error| format!("{challenge}: {error}"))?;
        server.post_with(path, &headers, &body, &["HTTP/1.1 200 ", &format!("\r\n\r\n{CHALLENGE}")])?;
    }
    let log = server.interrupt()?;
    print!("{log}");
    check_log(&log, &[(example.logged, 1), ("drained: ", 1), (" 0 left", 1)])
}

/// Returns the headers of a signed request, which the example `sign` prints as arguments of `curl`.
fn headers_of(example: &Signed, file: &str) -> Result<Vec<String>, String> {
    let output = Command::new(binary("sign")).args([example.scheme, example.secret.1, file]).output();
    let output = output.map_err(|error| format!("`sign` does not start: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let headers: Vec<_> = printed.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
    if output.status.success() && !headers.is_empty() {
        Ok(headers)
    } else {
        Err(format!("`sign` ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
    }
}
