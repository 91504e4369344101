//! The properties with random input, and with the corpus of the fuzzers.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use std::time::{Duration, SystemTime};

use super::signatures::{SCHEMES, secret_of_sender, sender};
use super::*;

/// A target of cargo-fuzz: its name, its property, and the begin of its inputs.
type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// The targets, each a file of `fuzz/fuzz_targets`.
const TARGETS: [Target; 7] = [
    ("clients", clients, arrivals),
    ("cloudevents", cloudevents, requests),
    ("connections", connections, streams),
    ("forms", form, forms),
    ("grammars", grammars, grammar_texts),
    ("gunzip", gzip, bodies),
    ("signatures", signatures, signed),
];

/// The folder of the fuzzers.
fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

const VECTORS: &str = include_str!("../../../../tests/vectors/cloudevents_http.json");

/// Returns the requests of the vectors that have a text as their body.
fn requests() -> Vec<Vec<u8>> {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let vectors = vectors["vectors"].as_array().expect("a list");
    let request = |vector: &Value| {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let headers = vector["headers"].as_array().expect("the headers").iter();
        let headers: String =
            headers.map(|pair| format!("{}: {}\n", text(&pair[0]), text(&pair[1]))).collect();
        let body = vector["body"]["utf8"].as_str().filter(|body| body.len() < 2000)?;
        Some(format!("{headers}\n{body}").into_bytes())
    };
    vectors.iter().filter_map(request).collect()
}

/// Random bytes, or one of these inputs with some bytes replaced.
fn inputs(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let edited = (proptest::sample::select(seeds), edits).prop_map(|(mut input, edits)| {
        for (at, byte) in edits {
            let at = at.index(input.len());
            input[at] = byte;
        }
        input
    });
    prop_oneof![1 => proptest::collection::vec(any::<u8>(), 0..300), 4 => edited]
}

fn forms() -> Vec<Vec<u8>> {
    let body = "payload=%7B%22a%22%3A1%7D&b=2&b=%E4%BD%A0+x&c";
    vec![format!("content-type: application/x-www-form-urlencoded; charset=\"utf-8\"\n\n{body}").into()]
}

fn handshakes() -> Vec<Vec<u8>> {
    vec![b"webhook-request-origin: a.example.com\nwebhook-request-rate: 120\n\n".to_vec()]
}

/// Returns a signed request of each scheme, with the number of the scheme and the time before it.
fn signed() -> Vec<Vec<u8>> {
    let (time, body) = (1_700_000_000_u32, b"name=value&id=7");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(time.into());
    let signed = |(scheme, (name, secret, private)): (usize, &(&str, &str, &str))| {
        let sign = sender(name, secret_of_sender(secret, private)).expect(name);
        let headers = sign.headers(body, now, "7").expect(name);
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat()
        };
        let lines: Vec<u8> = headers.iter().flat_map(line).collect();
        [&[scheme as u8], &time.to_le_bytes()[..], &lines, b"\n", body].concat()
    };
    SCHEMES.iter().enumerate().map(signed).collect()
}

/// Returns requests with forwarded addresses and hosts, with the family and the address of the peer before them.
fn arrivals() -> Vec<Vec<u8>> {
    let requests = [
        (0, "x-forwarded-for: 192.0.2.7, 127.0.0.9\nhost: localhost:8080\n"),
        (0, "x-forwarded-for: [2001:db8::7]:443\nx-forwarded-for: 10.1.2.3\norigin: http://[::1]:80\n"),
        (1, "forwarded: for=192.0.2.7\nhost: evil.example\nsec-fetch-site: cross-site\n"),
        (2, "x-forwarded-for: ::ffff:192.0.2.7\nhost: 127.0.0.1\norigin: null\n"),
    ];
    let arrival = |(family, lines): (u8, &str)| [&[family], &[1; 16][..], lines.as_bytes(), b"\n"].concat();
    requests.into_iter().map(arrival).collect()
}

fn grammar_texts() -> Vec<Vec<u8>> {
    let texts = ["50/s", "1000/h", "4294967295/m", "192.0.2.0/24", "2001:db8::/32", "::1", "10.0.0.1/8"];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// Returns the bytes of connections, with the options before them.
fn streams() -> Vec<Vec<u8>> {
    let plain = "POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    let chunked = "POST /in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4;n=v\r\n\":1}\r\n0\r\n\r\n";
    let form = "POST /in HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Content-Length: 11\r\n\r\npayload=%7B";
    let waits = "POST /in HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\nab";
    let others = "HEAD /health HTTP/1.1\r\nHost: a\r\n\r\nGET /in HTTP/1.0\r\n\r\n";
    let stream = |(options, text): (u8, &str)| [&[options], text.as_bytes()].concat();
    let twice = plain.repeat(2);
    [
        (0, &*twice),
        (1, plain),
        (2, plain),
        (0, chunked),
        (9, chunked),
        (6, form),
        (1, waits),
        (4, waits),
        (0, others),
    ]
    .map(stream)
    .to_vec()
}

fn bodies() -> Vec<Vec<u8>> {
    let member = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("it writes to memory");
        encoder.finish().expect("it writes to memory")
    };
    let (short, long) = (member(b"hello"), member(&vec![b'x'; LIMIT + 1]));
    vec![short.repeat(2), [&*short, &*long].concat(), short, long]
}

#[test]
fn seeds_have_the_form_of_a_request() {
    let seeds = requests();
    let read = |input: &Vec<u8>| {
        let (headers, body) = request(input);
        read(&headers, body, true).is_ok_and(|events| events.is_some())
    };
    assert!(seeds.iter().filter(|input| read(input)).count() > 20);
    let forms = forms();
    let (headers, body) = request(&forms[0]);
    let content_type = headers[CONTENT_TYPE].to_str().expect("a text");
    assert_eq!(form_field(Some(content_type), body, "payload"), Ok(Bytes::from(r#"{"a":1}"#)));
}

#[test]
fn each_target_of_the_fuzzers_holds_for_its_corpus() {
    for (name, target, begin) in TARGETS {
        let source = fs::read_to_string(folder().join("fuzz_targets").join(name).with_extension("rs"));
        assert!(source.is_ok_and(|source| source.contains("trigger_webhook::fuzz::")), "{name}");
        begin().iter().for_each(|input| target(input));
        let mut inputs = 0;
        for entry in fs::read_dir(folder().join("corpus").join(name)).expect(name) {
            target(&fs::read(entry.expect(name).path()).expect(name));
            inputs += 1;
        }
        assert!(inputs >= 10, "{name} has {inputs} inputs");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_with_cloudevents_is_read_or_refused(input in inputs(requests())) {
        cloudevents(&input);
    }

    #[test]
    fn any_handshake_is_answered(input in inputs(handshakes())) {
        cloudevents(&input);
    }

    #[test]
    fn any_form_is_decoded_or_refused(input in inputs(forms())) {
        form(&input);
    }

    #[test]
    fn any_signed_request_is_verified_or_refused(input in inputs(signed())) {
        signatures(&input);
    }

    #[test]
    fn any_client_is_admitted_or_refused(input in inputs(arrivals())) {
        clients(&input);
    }

    #[test]
    fn any_text_is_a_rate_a_network_or_a_fault(input in inputs(grammar_texts())) {
        grammars(&input);
    }

    #[test]
    fn any_bytes_of_a_connection_are_answered_or_refused(input in inputs(streams())) {
        connections(&input);
    }

    #[test]
    fn any_body_is_unpacked_within_the_limit_or_refused(input in inputs(bodies())) {
        gzip(&input);
    }
}
