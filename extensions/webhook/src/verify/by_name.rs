//! A scheme by its name and its parameters, as settings have them.

use super::Verify;
use super::error::VerifyError;

/// The names of the schemes.
const NAMES: [&str; 14] = [
    "github", "stripe", "slack", "standard", "shopify", "gitlab", "telegram", "twilio", "discord", "zoom",
    "hmac", "ed25519", "bearer", "basic",
];

impl Verify {
    /// Returns a scheme by its name. `parameter` returns `header`, `prefix` and `encoding` for `hmac` and `ed25519`, and
    /// `public_url` for `twilio`. Without them the prefix is empty and the encoding is hex.
    ///
    /// # Errors
    ///
    /// An unknown name, a missing `header` or `public_url`, or an error of the constructor of the scheme.
    #[doc(hidden)]
    pub fn by_name<'a>(
        name: &str,
        secrets: impl IntoIterator<Item: AsRef<str>>,
        parameter: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Verify, VerifyError> {
        let needed = |parameter_name: &str, reason| {
            let message = format!("`{name}` needs `{parameter_name}`");
            parameter(parameter_name).ok_or_else(|| VerifyError::new(reason, message))
        };
        let encoding = parameter("encoding").unwrap_or("hex");
        match name {
            "github" => Verify::github(secrets),
            "stripe" => Verify::stripe(secrets),
            "slack" => Verify::slack(secrets),
            "standard" => Verify::standard(secrets),
            "shopify" => Verify::shopify(secrets),
            "gitlab" => Verify::gitlab(secrets),
            "telegram" => Verify::telegram(secrets),
            "twilio" => Verify::twilio(secrets, needed("public_url", "url_malformed")?),
            "discord" => Verify::discord(secrets),
            "zoom" => Verify::zoom(secrets),
            "hmac" => {
                let prefix = parameter("prefix").unwrap_or_default();
                Verify::hmac(needed("header", "header_malformed")?, prefix, encoding, secrets)
            }
            "ed25519" => Verify::ed25519(needed("header", "header_malformed")?, encoding, secrets),
            "bearer" => Verify::bearer(secrets),
            "basic" => Verify::basic(secrets),
            _ => {
                let message = format_args!("\"{name}\" is no scheme, but these are: {}", NAMES.join(", "));
                Err(VerifyError::new("scheme_unknown", message))
            }
        }
    }
}
