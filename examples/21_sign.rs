//! Signs the body of a webhook request as its sender does, and prints the headers as arguments of `curl`:
//!
//! ```console
//! $ cargo run --example sign -- github SECRET examples/data/github_push.json
//! -H 'x-hub-signature-256: sha256=..' -H 'x-github-delivery: 1763000000123'
//! ```

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use triggers::{Clock, HeaderMap, Sign, SystemClock, VerifyError};

const USAGE: &str = "usage: sign SCHEME SECRET FILE [URL]

SCHEME is github, stripe, slack, standard, shopify, gitlab, telegram, twilio, discord, zoom, hmac, ed25519, bearer or basic.
twilio needs the URL that is configured at the sender. hmac and ed25519 sign in `X-Webhook-Signature`.";

/// Returns the headers as arguments of `curl`, quoted for a shell.
fn curl_arguments(headers: &HeaderMap) -> String {
    let arguments = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).replace('\'', r"'\''");
        format!("-H '{name}: {value}'")
    });
    arguments.collect::<Vec<_>>().join(" ")
}

fn sender(scheme: &str, secret: &str, url: &str) -> Option<Result<Sign, VerifyError>> {
    Some(match scheme {
        "github" => Sign::github(secret),
        "stripe" => Sign::stripe(secret),
        "slack" => Sign::slack(secret),
        "standard" => Sign::standard(secret),
        "shopify" => Sign::shopify(secret),
        "gitlab" => Sign::gitlab(secret),
        "telegram" => Sign::telegram(secret),
        "twilio" => Sign::twilio(secret, url),
        "discord" => Sign::discord(secret),
        "zoom" => Sign::zoom(secret),
        "hmac" => Sign::hmac("X-Webhook-Signature", "sha256=", "hex", secret),
        "ed25519" => Sign::ed25519("X-Webhook-Signature", "hex", secret),
        "bearer" => Sign::bearer(secret),
        "basic" => Sign::basic(secret),
        _ => return None,
    })
}

fn sign(scheme: &str, secret: &str, file: &str, url: &str, now: SystemTime) -> Result<String, String> {
    let sign = sender(scheme, secret, url).ok_or(USAGE)?.map_err(|error| error.to_string())?;
    let body = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let id = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
    let headers = sign.headers(&body, now, &id).map_err(|error| error.to_string())?;
    Ok(curl_arguments(&headers))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let now = SystemClock.now();
    let signed = match arguments[..] {
        [scheme, secret, file] => sign(scheme, secret, file, "", now),
        [scheme, secret, file, url] => sign(scheme, secret, file, url, now),
        _ => Err(USAGE.to_owned()),
    };
    match signed {
        Ok(arguments) => println!("{arguments}"),
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_arguments_that_a_shell_reads_as_one_word_each() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/github_push.json");
        let sign = |scheme, secret, url| sign(scheme, secret, file, url, UNIX_EPOCH);
        let github = sign("github", "s3cret", "").expect("headers");
        assert!(github.contains("-H 'x-hub-signature-256: sha256="), "{github}");
        assert!(github.contains("-H 'x-github-delivery: 0'"), "{github}");
        assert!(!github.contains("s3cret"), "{github}");
        let gitlab = sign("gitlab", "it's", "").expect("headers");
        assert!(gitlab.contains(r"-H 'x-gitlab-token: it'\''s'"), "{gitlab}");
        assert!(sign("twilio", "s", "https://example.com/").is_ok());
        assert!(sign("twilio", "s", "").expect_err("no URL").starts_with("url_malformed"));
        assert_eq!(sign("githib", "s", ""), Err(USAGE.to_owned()));
    }
}
