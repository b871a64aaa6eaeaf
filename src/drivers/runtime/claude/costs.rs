//! What a turn of Claude Code cost, from its result line.

use crate::domain::run::Tokens;
use crate::domain::run::progress::Progress;
use crate::drivers::runtime::json_line::{Object, count};
use serde_json::Value;

/// More than any run can cost, in US dollars: a sum of such figures must stay one that can be stored.
const MOST_USD: f64 = 1e9;

/// What this turn used. The result's totals go on counting over a resumed session (measured), its per-turn
/// figures do not: those are taken, and the totals only where an old version has nothing else.
pub(crate) fn settle(object: &Object, p: &mut Progress) {
    let total =
        object.get("total_cost_usd").and_then(Value::as_f64).filter(|c| c.is_finite() && *c >= 0.0).unwrap_or(0.0).min(MOST_USD);
    let mut tokens = Tokens::default();
    let mut cost = (total - p.session_cost_usd).max(0.0);
    match object.get("model_usage_since_last_result").and_then(Value::as_object) {
        Some(models) => {
            cost = models.values().filter_map(|m| m.get("costUSD")?.as_f64()).filter(|c| *c >= 0.0).sum();
            for model in models.values() {
                tokens.input += count(model.get("inputTokens"));
                tokens.output += count(model.get("outputTokens"));
                tokens.cache_read += count(model.get("cacheReadInputTokens"));
                tokens.cache_creation += count(model.get("cacheCreationInputTokens"));
            }
        }
        None => {
            if let Some(usage) = object.get("usage").and_then(Value::as_object) {
                tokens.input = count(usage.get("input_tokens"));
                tokens.output = count(usage.get("output_tokens"));
                tokens.cache_read = count(usage.get("cache_read_input_tokens"));
                tokens.cache_creation = count(usage.get("cache_creation_input_tokens"));
            }
        }
    }
    p.session_cost_usd = total;
    p.cost_usd = (p.cost_usd + cost).min(MOST_USD);
    p.meter.settle(tokens);
}
