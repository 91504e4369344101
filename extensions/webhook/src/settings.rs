//! The settings of a server, which all its webhooks share.

/// The settings of one server.
#[derive(Debug)]
pub(super) struct ServerSettings {
    /// The name of the server, `HOST:PORT`, for logs and errors. A runtime has one server of a name.
    pub(super) name: String,
    /// The host to listen on: an IP address or a name.
    pub(super) host: String,
    /// The port to listen on. With 0 the system assigns one.
    pub(super) port: u16,
    pub(super) limits: Limits,
}

/// The limits of what clients can use of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// The maximum size of a request target, in bytes.
    pub(super) target_bytes: usize,
    /// The maximum size of a head, request line and headers, in bytes.
    pub(super) head_bytes: usize,
    /// The maximum number of headers of a request.
    pub(super) headers: usize,
    /// The maximum number of connections. Further ones are closed at once, so that they do not fill the backlog.
    pub(super) connections: usize,
}

impl Limits {
    /// 8 KiB of target, 16 KiB of head, 64 headers, 4096 connections.
    pub(super) const DEFAULT: Limits =
        Limits { target_bytes: 8 * 1024, head_bytes: 16 * 1024, headers: 64, connections: 4096 };
}

impl ServerSettings {
    /// Returns the settings of a server with the default limits.
    pub(super) fn new(host: &str, port: u16) -> ServerSettings {
        let name = format!("{host}:{port}");
        ServerSettings { name, host: host.to_owned(), port, limits: Limits::DEFAULT }
    }
}
