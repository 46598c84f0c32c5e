//! Versions that clients are told: one constant each, for INFO, HELLO, LOLWUT and the rest.

/// The version of Redis whose behaviour this server has; client libraries decide by it what they
/// may ask for.
pub const REDIS_VERSION: &str = "7.2.4";

/// The name of this server.
pub const SERVER_NAME: &str = "seedis";

/// The version of this server.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
