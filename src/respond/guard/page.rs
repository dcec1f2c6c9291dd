//! A page of a web server as a model gives it: JSON with a status, headers, a body.

use serde::Deserialize;
use serde_json::{Value, json};

/// What is sent; the server's own headers come from the writer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Status code.
    pub status: u16,
    /// Headers that a program behind the server sets, in order.
    #[serde(default, deserialize_with = "headers")]
    pub headers: Vec<(String, String)>,
    /// What comes after the head.
    #[serde(default)]
    pub body: String,
}

/// Status codes that a program behind a web server sends.
const STATUS: [u16; 16] = [200, 201, 202, 204, 301, 302, 303, 304, 307, 400, 401, 403, 404, 405, 422, 500];
/// Headers that it may set.
const HEADERS: [&str; 10] = [
    "allow",
    "cache-control",
    "content-disposition",
    "content-type",
    "location",
    "pragma",
    "set-cookie",
    "vary",
    "www-authenticate",
    "x-powered-by",
];

impl Page {
    /// The page of an answer, if it is one that may be sent.
    pub fn parse(answer: &str) -> Option<Self> {
        let page: Self = serde_json::from_str(answer).ok()?;
        let plain = |text: &str| text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
        let named = |(name, value): &(String, String)| {
            HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known)) && plain(value) && value.len() <= 512
        };
        let location = page.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"));
        let away = location.is_some_and(|(_, value)| !value.starts_with('/') || value.starts_with("//"));
        let body = page.body.bytes().all(|byte| matches!(byte, b'\n' | b'\r' | b'\t' | 0x20..=0x7e));
        (STATUS.contains(&page.status) && page.headers.iter().all(named) && !away && body).then_some(page)
    }

    /// The JSON schema of such an answer.
    pub fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "status": { "type": "integer", "enum": STATUS },
                "headers": { "type": "object", "additionalProperties": { "type": "string" } },
                "body": { "type": "string" },
            },
            "required": ["status", "headers", "body"],
            "additionalProperties": false,
        })
    }
}

/// Headers as an object.
fn headers<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<(String, String)>, D::Error> {
    let object = serde_json::Map::deserialize(from)?;
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), Into::into);
    Ok(object.into_iter().map(|(name, value)| (name, text(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_program_behind_a_server_sends() {
        let page = Page::parse("{\"status\":200,\"headers\":{\"Content-Type\":\"application/json\"},\"body\":\"{}\"}")
            .unwrap();
        assert_eq!((page.status, page.headers.len(), page.body.as_str()), (200, 1, "{}"));
        for wrong in [
            "{\"status\":777}",
            "{\"status\":200,\"headers\":{\"Server\":\"x\"}}",
            "{\"status\":200,\"headers\":{\"Vary\":\"a\\r\\nb: c\"}}",
            "{\"status\":302,\"headers\":{\"Location\":\"http://evil.example/\"}}",
            "{\"status\":302,\"headers\":{\"Location\":\"//evil.example/\"}}",
            "{\"status\":200,\"body\":\"\\u0000\"}",
            "{\"status\":200,\"more\":1}",
            "[]",
        ] {
            assert_eq!(Page::parse(wrong), None, "{wrong}");
        }
    }
}
