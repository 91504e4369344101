//! The setting `tls`: wrong files are problems before the start, and all webhooks of a port have the same ones.

use triggers::Text;

use super::*;

/// Returns the problems of a runtime with this webhook.
fn problems(files: &Files, hook: TriggerConfig) -> String {
    let files = files.clone();
    let builder = Runtime::builder().secrets(move |name: &str| files.read(name));
    let checked = builder.process("p", config([hook]), |_: Text| async {}).check();
    checked.map_or_else(|error| error.to_string(), |_| "none".to_owned())
}

#[tokio::test]
async fn missing_or_invalid_file_is_a_problem_that_names_it() {
    assert_eq!(problems(&Files::new(), hook("/events", mutual())), "none");
    let broken = CLIENT_CA.replace('M', "N");
    for (file, text, problem) in [
        ("./cert.pem", None, "the file `./cert.pem` with the certificate of `tls` cannot be read"),
        ("./cert.pem", Some(SERVER.1), "the file `./cert.pem` has no certificate in PEM"),
        ("./cert.pem", Some(&*broken), "the certificate of `./cert.pem` is invalid: "),
        (
            "./cert.pem",
            Some(NEXT.0),
            "the private key of `./key.pem` does not belong to the certificate of `./cert.pem`",
        ),
        ("./key.pem", None, "the file `./key.pem` with the private key of `tls` cannot be read"),
        ("./key.pem", Some(SERVER.0), "the file `./key.pem` has no private key in PEM"),
        ("./ca.pem", None, "the file `./ca.pem` with the CA of the clients of `tls` cannot be read"),
        ("./ca.pem", Some(SERVER.1), "the file `./ca.pem` has no certificate in PEM"),
        ("./ca.pem", Some(&*broken), "a CA of the file `./ca.pem` is invalid: "),
    ] {
        let files = Files::new();
        match text {
            Some(text) => files.set(file, text),
            None => files.remove(file),
        }
        let all = problems(&files, hook("/events", mutual()));
        assert!(all.contains(problem), "{file} {problem}: {all}");
        let error = Server::with(&files, config([hook("/events", mutual())])).await.err().expect("no start");
        assert!(error.to_string().contains(problem), "{error}");
        for line in SERVER.1.lines().filter(|line| !line.starts_with('-')) {
            assert!(!all.contains(line), "a part of the key: {all}");
        }
    }
    let all = problems(&Files::default(), hook("/events", mutual()));
    assert!(["./cert.pem", "./key.pem", "./ca.pem"].iter().all(|file| all.contains(file)), "{all}");
}

#[tokio::test]
async fn webhooks_of_a_port_share_one_certificate() {
    let other = json!({"type": "files", "cert": "cert.pem", "key": "other.pem"});
    let both = [hook("/events", own()), hook("/other", other)];
    let files = Files::new();
    files.set("./other.pem", SERVER.1);
    let error = Server::with(&files, config(both)).await.err().expect("two certificates").to_string();
    assert!(
        error.contains("`tls` is a limit of 127.0.0.1:0") && error.contains("`webhook-0/other`"),
        "{error}"
    );

    let plain = TriggerConfig::webhook("/other", 0).host("127.0.0.1");
    let both = config([hook("/events", own()), plain]);
    let server = Server::with(&Files::new(), both).await.expect("one certificate");
    let stream = connect(server.address, &Roots::of(SERVER_CA)).await.expect("a handshake");
    assert_eq!(Client::over(stream).ask(post_request("/other", "1")).await.status, 202);
    let mut client = Client::connect(server.address).await;
    client.send(post_request("/other", "1")).await;
    client.closed().await;
}

#[tokio::test]
async fn expired_certificate_is_a_warning() {
    let (files, logs) = (Files::new(), Logs::capture());
    files.set("./cert.pem", EXPIRED);
    let server = Server::start(&files, hook("/events", own())).await;
    let warning = "clients refuse the certificate of the webhook server";
    until("the warning", || logs.with(warning).len() == 1).await;
    assert!(logs.with(warning)[0].contains("./cert.pem"), "{:?}", logs.with(warning));
    let error = connect(server.address, &Roots::of(SERVER_CA)).await.expect_err("an expired certificate");
    assert!(error.to_string().contains("expired"), "{error}");
}

#[tokio::test]
async fn log_and_description_say_https_and_whether_clients_need_a_certificate() {
    for (tls, description, clients) in [
        (own(), "https://127.0.0.1:0/events", false),
        (mutual(), "https://127.0.0.1:0/events with client certificates", true),
    ] {
        let (files, logs) = (Files::new(), Logs::capture());
        let server = Server::start(&files, hook("/events", tls)).await;
        let shown = server.runtime.describe().to_string();
        assert!(shown.contains(description), "{shown}");
        assert_eq!(shown.contains("with client certificates"), clients, "{shown}");
        let lines = logs.with("webhook listens");
        assert!(lines[0].contains(&format!("https://{}/events", server.address)), "{lines:?}");
        assert_eq!(lines[0].contains("client_certificates=\"required\""), clients, "{lines:?}");
    }
}

#[tokio::test]
async fn webhook_without_a_runtime_has_the_files_of_the_disk() {
    let file = |name: &str| format!("{}/tests/data/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let tls = json!({"type": "files", "cert": file("server.pem"), "key": file("server.key")});
    let trigger = triggers::StandaloneTrigger::new(hook("/events", tls));
    triggers::Trigger::start(&trigger).await.expect("files");
    let address = trigger.local_addr().expect("an address");
    let stream = connect(address, &Roots::of(SERVER_CA)).await.expect("a handshake");
    assert_eq!(Client::over(stream).ask(post_request("/events", "1")).await.status, 202);
}
