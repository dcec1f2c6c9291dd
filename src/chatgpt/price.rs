//! What tokens cost, in millionths of a US dollar, so that sums are whole numbers.

/// Prices per million tokens in US dollars, by the beginning of the model's name; the longest that fits counts. List prices
/// of November 2026; `[openai] price_in` and `price_out` override them.
const LIST: &[(&str, f64, f64)] = &[
    ("gpt-4o-mini", 0.15, 0.60),
    ("gpt-4o", 2.50, 10.00),
    ("gpt-4.1-nano", 0.10, 0.40),
    ("gpt-4.1-mini", 0.40, 1.60),
    ("gpt-4.1", 2.00, 8.00),
    ("gpt-5-nano", 0.05, 0.40),
    ("gpt-5-mini", 0.25, 2.00),
    ("gpt-5", 1.25, 10.00),
    ("o4-mini", 1.10, 4.40),
    ("claude-3-5-haiku", 0.80, 4.00),
    ("claude-haiku-4", 1.00, 5.00),
    ("claude-sonnet-4", 3.00, 15.00),
    ("claude-opus-4", 15.00, 75.00),
    ("gemini-2.0-flash", 0.10, 0.40),
    ("gemini-2.5-flash-lite", 0.10, 0.40),
    ("gemini-2.5-flash", 0.30, 2.50),
    ("gemini-2.5-pro", 1.25, 10.00),
];

/// What a model of unknown price is taken to cost when it is not on a machine of one's own.
const UNKNOWN: (f64, f64) = (3.0, 15.0);

/// Price of a million tokens in US dollars: those of the prompt, those of the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Prompt.
    pub input: f64,
    /// Answer.
    pub output: f64,
}

impl Price {
    pub(super) fn of(config: &super::ModelConfig) -> Self {
        let listed =
            LIST.iter().filter(|(name, ..)| config.model.starts_with(name)).max_by_key(|(name, ..)| name.len());
        let home = config.base_url.is_empty() || config.base_url.starts_with("https://");
        let (input, output) = match listed {
            Some((_, input, output)) if home => (*input, *output),
            // A server of one's own costs nothing per token.
            _ if !home || config.provider == super::Wire::Ollama => (0.0, 0.0),
            _ => UNKNOWN,
        };
        Self { input: config.price_in.unwrap_or(input), output: config.price_out.unwrap_or(output) }
    }

    /// Millionths of a dollar for so many tokens, rounded up.
    pub fn of_tokens(self, prompt: u64, answer: u64) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let cost = (prompt as f64 * self.input + answer as f64 * self.output).ceil().max(0.0) as u64;
        cost
    }
}

/// Tokens of a text when nobody counted them: three and a half bytes each, as English and shell output have.
pub fn tokens_of(bytes: usize) -> u64 {
    (bytes as u64).saturating_mul(2).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::super::ModelConfig;
    use super::*;

    #[test]
    fn the_longest_name_counts() {
        let price = |model: &str, base_url: &str| {
            Price::of(&ModelConfig { model: model.into(), base_url: base_url.into(), ..Default::default() })
        };
        assert_eq!(price("gpt-4o-mini-2024-07-18", ""), Price { input: 0.15, output: 0.60 });
        assert_eq!(price("gpt-4o", "https://api.openai.com/v1"), Price { input: 2.5, output: 10.0 });
        assert_eq!(price("gpt-4o", "http://127.0.0.1:8080/v1"), Price { input: 0.0, output: 0.0 });
        assert_eq!(price("who-knows", "https://models.example/v1"), Price { input: 3.0, output: 15.0 });
        assert_eq!(price("gpt-4o-mini", "").of_tokens(1000, 100), 210);
        assert_eq!(tokens_of(35), 10);
    }
}
