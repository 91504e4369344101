//! The settings of webhooks.

use super::{ClaimedKeys, Kind};
use crate::setting::{Choice, Setting};

/// HTTP requests.
pub const WEBHOOK: Kind = Kind {
    name: "webhook",
    attribute: "on_webhook",
    settings: &[
        Setting::path("webhook_path", "path").default("/webhook").in_attribute("path").aliases(&["path"]),
        Setting::port("webhook_port", "port").default("9090").in_attribute("port"),
        Setting::host("webhook_host", "host").default("0.0.0.0").in_attribute("host"),
        Setting::flag("mount", "leave the port to a router of the program"),
        Setting::size("body_limit", "size limit of a body").default("1MiB"),
        Setting::choice("verify", "proof of the sender", SCHEMES)
            .tag("scheme")
            .or_code("a `Verifier` of the program, such as a const")
            .such_as("{ scheme = \"github\", env = \"GITHUB_WEBHOOK_SECRET\" }")
            .optional("every request")
            .aliases(&["signature", "secret", "auth", "hmac"]),
        Setting::choice("dedupe", "id of a delivery", IDS)
            .or_code("a closure such as `|order: &Order| order.id`")
            .such_as("{ type = \"header\", name = \"X-Delivery-Id\" }")
            .optional("the id of the scheme of `verify`")
            .aliases(&["idempotency", "idempotency_key", "unique"]),
        Setting::duration("dedupe_window", "time for which an id is known")
            .between("1s", "168h")
            .optional("10m"),
        Setting::networks("allow", "networks that may post").optional("every client").aliases(&[
            "allow_list",
            "cidr",
            "ips",
        ]),
        Setting::networks("trusted_proxies", "proxies whose `X-Forwarded-For` counts")
            .optional("no proxy")
            .aliases(&["proxies", "trust_proxy"]),
        Setting::hosts("hosts", "public names of the server")
            .optional("loopback names")
            .aliases(&["allowed_hosts"]),
        Setting::rate("rate", "rate of all requests")
            .optional("no limit")
            .aliases(&["rate_limit", "throttle"]),
        Setting::rate("rate_per_client", "rate of each client").optional("no limit"),
        Setting::choice("handshake", "sender whose handshakes are answered", SENDERS)
            .such_as("\"slack\"")
            .optional("no handshake")
            .aliases(&["challenge"]),
        Setting::one_of("accepted", "status of an accepted request", &[200, 202, 204]).optional("202"),
        Setting::words("methods", "methods of the requests", &["POST", "PUT", "PATCH", "DELETE"])
            .optional("POST")
            .aliases(&["method"]),
        Setting::choice(
            "cloudevents",
            "modes of CloudEvents",
            &[Choice::new("only", &[]), Choice::new("batch", &[]), Choice::new("off", &[])],
        )
        .such_as("\"only\"")
        .optional("CloudEvents among other requests"),
        Setting::name("form_field", "field of a form that has the body").optional("the whole body"),
        Setting::flag("gzip", "unpack a body of `Content-Encoding: gzip`"),
        Setting::flag("gone", "answer 410, which asks senders to stop"),
        // The settings of a server. A webhook that does not give one takes what another one of its port gives.
        Setting::choice("tls", "certificate of the server", CERTIFICATES)
            .such_as("{ type = \"files\", cert = \"cert.pem\", key = \"key.pem\" }")
            .optional("no TLS")
            .aliases(&["https", "ssl", "certificate"]),
        Setting::number("connections", "limit of connections").optional("4096"),
        Setting::number("connections_per_client", "limit of connections of one client").optional("64"),
        Setting::duration("head_timeout", "time limit of a head").optional("10s"),
        Setting::duration("body_timeout", "time limit of a body").optional("30s"),
        Setting::size("body_rate", "lowest rate of a body, a second").optional("1KiB"),
        Setting::size("head_limit", "size limit of a head").optional("16KiB"),
        Setting::number("header_count", "limit of headers").optional("64"),
        Setting::size("target_limit", "size limit of a target").optional("8KiB"),
        Setting::size("unfinished_bodies", "size limit of all bodies that arrive").optional("64MiB"),
    ],
    claims: ClaimedKeys::of_runtime(&["webhook_path", "webhook_port"])
        .on_host("webhook_host", "webhook_port")
        .detached_by("mount"),
    refuses: &[
        ("reject", "a webhook answers 503 when its queue is full; leave `overflow` out"),
        (
            "drop_newest",
            "a 202 for an event that is dropped would be untrue; leave `overflow` out to answer 503",
        ),
    ],
    largest_body: Some("body_limit"),
};

const ENV: Setting = Setting::names("env", "variable with the secret, or a list of them")
    .such_as("\"WEBHOOK_SECRET\"")
    .optional("the secrets of `file`");
const FILE: Setting = Setting::name("file", "file with the secrets, one in a line")
    .such_as("\"/run/secrets/webhook\"")
    .optional("the secrets of `env`");
const TOLERANCE: Setting =
    Setting::duration("tolerance", "largest difference between the clocks").default("5m").between("1s", "1h");
const HEADER: Setting = Setting::name("header", "header with the signature").such_as("\"X-Signature\"");
const ENCODING: Setting = Setting::choice(
    "encoding",
    "encoding of the signature",
    &[Choice::new("hex", &[]), Choice::new("base64", &[])],
)
.such_as("\"hex\"")
.optional("hex");
/// A public key is no secret, so it may be in the code.
const PUBLIC_KEY: Setting = Setting::names("public_key", "public key of the sender, in hex")
    .such_as("\"..\"")
    .optional("the keys of `env` or `file`");

/// Where a secret belongs, for an error about one in the code.
const NOT_HERE: &str = "a secret does not belong in the code: put it into a variable of the environment, and name \
                        that: `env = \"WEBHOOK_SECRET\"`";
const LITERALS: &[(&str, &str)] = &[
    ("secret", NOT_HERE),
    ("secrets", NOT_HERE),
    ("token", NOT_HERE),
    ("key", NOT_HERE),
    ("password", NOT_HERE),
];

const fn scheme(name: &'static str, settings: &'static [Setting]) -> Choice {
    Choice::new(name, settings).one_of(&[&["env", "file"]]).never(LITERALS)
}

const fn public(name: &'static str, settings: &'static [Setting]) -> Choice {
    Choice::new(name, settings).one_of(&[&["public_key", "env", "file"]])
}

/// The schemes by which senders sign.
const SCHEMES: &[Choice] = &[
    scheme("github", &[ENV, FILE]),
    scheme("stripe", &[ENV, FILE, TOLERANCE]),
    scheme("slack", &[ENV, FILE, TOLERANCE]),
    scheme("standard", &[ENV, FILE, TOLERANCE]),
    scheme("shopify", &[ENV, FILE]),
    scheme("gitlab", &[ENV, FILE]),
    scheme("telegram", &[ENV, FILE]),
    Choice::new(
        "twilio",
        &[
            ENV,
            FILE,
            Setting::name("url", "public URL of the webhook")
                .such_as("\"https://hooks.example.com/sms\"")
                .optional("the URL of `url_env`"),
            Setting::name("url_env", "variable with the public URL").optional("the URL of `url`"),
        ],
    )
    .one_of(&[&["env", "file"], &["url", "url_env"]])
    .never(LITERALS),
    public("discord", &[PUBLIC_KEY, ENV, FILE, TOLERANCE]),
    scheme("zoom", &[ENV, FILE, TOLERANCE]),
    scheme(
        "hmac",
        &[
            HEADER,
            Setting::text("prefix", "text before the signature").such_as("\"sha256=\"").default(""),
            ENCODING,
            ENV,
            FILE,
        ],
    ),
    public("ed25519", &[HEADER, ENCODING, PUBLIC_KEY, ENV, FILE]),
    scheme("bearer", &[ENV, FILE]),
    scheme("basic", &[ENV, FILE]),
];

/// Where the certificate of a server is.
const CERTIFICATES: &[Choice] = &[Choice::new(
    "files",
    &[
        Setting::name("cert", "file with the certificate and its chain, in PEM").such_as("\"cert.pem\""),
        Setting::name("key", "file with the private key, in PEM").such_as("\"key.pem\""),
        Setting::name("client_ca", "file with the CAs that sign the certificates of clients, in PEM")
            .such_as("\"ca.pem\"")
            .optional("no certificates of clients"),
    ],
)];

/// Where the id of a delivery is.
const IDS: &[Choice] = &[
    Choice::new("header", &[Setting::name("name", "header with the id").such_as("\"X-Delivery-Id\"")])
        .positional(),
    Choice::new("off", &[]),
];

/// The senders whose handshakes the server answers.
const SENDERS: &[Choice] = &[
    Choice::new("slack", &[]),
    Choice::new("github", &[]),
    Choice::new("discord", &[]),
    Choice::new("zoom", &[]),
    scheme("meta", &[ENV, FILE]),
    Choice::new("graph", &[]),
    Choice::new("dropbox", &[]),
    Choice::new(
        "cloudevents",
        &[
            Setting::names("origins", "origins that may send").such_as("[\"eventemitter.example.com\"]"),
            Setting::number("rate", "requests in a minute that a sender may make").optional("no limit"),
        ],
    ),
];
