//! What a browser is called.

/// A browser in words, from what it says of itself; what is not known is shown as it came.
#[must_use]
pub fn browser_words(agent: &str) -> String {
    // Order matters: nearly every browser also names the ones it wants to be taken for.
    let browsers = [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("Linux", "Linux"),
    ];
    let named = |list: &[(&str, &'static str)]| list.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name);
    match (named(&browsers), named(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) if agent.is_empty() => "An unnamed browser".to_owned(),
        (None, _) => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::web::settings::browser::browser_words;

    #[test]
    fn browsers_are_called_by_their_names() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 20_1 like Mac OS X) AppleWebKit/605.1.15 Version/20.1 Mobile/15E148 Safari/604.1";
        assert_eq!(browser_words(chrome), "Chrome on Linux");
        assert_eq!(browser_words(phone), "Safari on iPhone");
        assert_eq!(browser_words("curl/8.5"), "curl/8.5");
        assert_eq!(browser_words(""), "An unnamed browser");
    }
}
