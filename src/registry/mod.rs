//! The wire format shared by the registration client and the registry server.

use serde::{Deserialize, Serialize};

/// What an instance sends to make itself known: `POST` as JSON.
/// Numbers are texts because the registry keeps them as such; `connections` must hold an integer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// `rustbucket-` and 8 letters or digits.
    pub name: String,
    /// 32 letters or digits, the shared secret of early registries.
    pub token: String,
    /// At most 255 characters.
    pub operating_system: String,
    /// Where the registry can reach the instance.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ip_address: Option<String>,
    /// One-time key that an administrator of the registry handed out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub registration_key: Option<String>,
    /// Seconds since the start.
    pub uptime: String,
    /// Connections at the moment.
    pub connections: String,
}

/// What the registry answers; its eras differ in the name of the id, and of the error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Reply {
    /// `success`, or `error`.
    #[serde(default)]
    pub status: Option<String>,
    /// Id of the instance.
    #[serde(default, alias = "instance_id")]
    pub id: Option<String>,
    /// What is wrong.
    #[serde(default, alias = "message")]
    pub error: Option<String>,
}
