//! A bot's token: shown nowhere, taken out of every text.

use std::str::FromStr;

/// A bot's token, `123456:secret`. Its `Debug` and every text made here are without it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token itself, for the address of a call and nothing else.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// The number before the colon.
    #[must_use]
    pub fn bot(&self) -> i64 {
        self.0.split(':').next().and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    /// A text without the token, and without its secret half.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let half = self.0.split_once(':').map_or(self.0.as_str(), |(_, secret)| secret);
        text.replace(&self.0, "…").replace(half, "…")
    }
}

impl FromStr for Token {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Token, &'static str> {
        const WRONG: &str = "holds no bot token: it looks like 123456789:AAE… and comes from @BotFather";
        let text = text.trim();
        let (bot, secret) = text.split_once(':').ok_or(WRONG)?;
        let number = bot.parse::<i64>().is_ok_and(|n| n > 0) && bot.bytes().all(|b| b.is_ascii_digit());
        let letters = secret.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        // Shorter ones are typing mistakes, and too easily part of other words to be taken out of a text.
        if number && letters && secret.len() >= 16 { Ok(Token(text.to_owned())) } else { Err(WRONG) }
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({}:…)", self.bot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_nowhere() {
        let token: Token = " 77:abcdefghijklmnop_-\n".parse().expect("a token");
        assert_eq!((token.bot(), token.secret()), (77, "77:abcdefghijklmnop_-"));
        assert_eq!(format!("{token:?}"), "Token(77:…)");
        assert_eq!(token.hide("x/bot77:abcdefghijklmnop_-/y abcdefghijklmnop_-"), "x/bot…/y …");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bad in ["", "abc", "77:", "77:short", ":abcdefghijklmnopqrst", "77:abcdefghijklmnop/../x", "-7:abcdefghijklmnopqrst"]
        {
            assert!(bad.parse::<Token>().is_err(), "{bad:?}");
        }
    }
}
