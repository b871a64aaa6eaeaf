//! A page in short, for review: written nearly as its view is, what fits on one line on one line. What maud writes is all
//! that it reads: attributes in double quotes, every element closed.

use std::collections::BTreeMap;

/// Columns of a line.
const WIDTH: usize = 120;
/// Characters of a text, and of an attribute's value.
const CUT: (usize, usize) = (240, 60);
/// Neighbours alike that are shown; of the others it says how many.
const ALIKE: usize = 2;
/// Elements within one that make it worth counting.
const LARGE: usize = 4;

/// Elements with nothing in them.
const VOID: &[&str] = &["input", "br", "hr", "img", "meta", "link", "path", "rect", "circle", "line", "use"];

/// Elements that share a line with their neighbours where they fit.
const SMALL: &[&str] = &["svg", "time", "span", "b", "i", "code", "em", "a", "button", "input", "h2", "dt", "dd"];

/// Attributes that say the same on every element of their kind, or hang on the moment of the build.
const USUAL: &[(&str, &str)] = &[
    ("method", "post"),
    ("type", "submit"),
    ("dir", "auto"),
    ("aria-hidden", "true"),
    ("hx-sync", "this:drop"),
    ("autocomplete", "off"),
    ("spellcheck", "false"),
];

enum Node {
    Words(String),
    Element(Element),
}

struct Element {
    name: String,
    attributes: Vec<(String, Option<String>)>,
    children: Vec<Node>,
}

/// The part of a page between the first `<tag` and its last end.
pub(crate) fn part<'a>(html: &'a str, tag: &str) -> &'a str {
    let from = html.find(&format!("<{tag}")).unwrap_or(0);
    let end = format!("</{tag}>");
    let to = html.rfind(&end).map_or(html.len(), |at| at + end.len());
    &html[from..to]
}

/// The short form.
pub(crate) fn short(html: &str) -> String {
    let mut out = String::new();
    write_all(&mut out, 0, &read(&mut &*html));
    out
}

/// The nodes up to the next end of an element, which is taken too.
fn read(rest: &mut &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    while let Some(at) = rest.find('<') {
        words(&mut nodes, &rest[..at]);
        let (tag, after) = rest[at + 1..].split_once('>').unwrap_or((&rest[at + 1..], ""));
        *rest = after;
        match tag.strip_prefix('/') {
            // Of a picture's parts some are written with an end.
            Some(end) if VOID.contains(&end) => continue,
            Some(_) => return nodes,
            None => {}
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let children = if VOID.contains(&name) || tag.starts_with('!') { Vec::new() } else { read(rest) };
        nodes.push(Node::Element(Element { name: name.to_owned(), attributes: read_attributes(attributes), children }));
    }
    words(&mut nodes, rest);
    *rest = "";
    nodes
}

fn words(nodes: &mut Vec<Node>, text: &str) {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !one_line.is_empty() {
        let blank = |is| if is { " " } else { "" };
        let (before, after) = (text.starts_with(char::is_whitespace), text.ends_with(char::is_whitespace));
        nodes.push(Node::Words(format!("{}{}{}", blank(before), cut(&one_line, CUT.0), blank(after))));
    }
}

fn read_attributes(text: &str) -> Vec<(String, Option<String>)> {
    let (mut all, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        match after.strip_prefix("=\"").and_then(|value| value.split_once('"')) {
            Some((value, after)) => {
                all.push((name.to_owned(), Some(value.to_owned())));
                rest = after.trim_start();
            }
            None => {
                all.push((name.to_owned(), None));
                rest = after.trim_start();
            }
        }
    }
    all
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}… ({} characters)", &text[..at], text.chars().count()),
        None => text.to_owned(),
    }
}

impl Element {
    fn value(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.as_deref())
    }

    /// A key of a form, which is another with each page.
    fn is_key(&self) -> bool {
        self.name == "input" && self.value("name") == Some("client_id")
    }

    /// Its name, its classes, and what of its attributes is not as usual.
    fn head(&self) -> String {
        let mut out = self.name.clone();
        self.value("id").into_iter().for_each(|id| out.push_str(&format!("#{id}")));
        self.value("class").unwrap_or_default().split_whitespace().for_each(|class| out.push_str(&format!(".{class}")));
        if self.name == "svg" {
            return format!("{out} {}", drawn(&self.children));
        }
        for (name, value) in &self.attributes {
            let told = value.as_deref().unwrap_or_default();
            let again = (name == "hx-post" && self.value("action") == Some(told))
                || ["id", "class"].contains(&name.as_str())
                || (self.name == "time" && name != "data-as")
                || USUAL.contains(&(name, told))
                || told.starts_with("/assets/");
            let mark = told.len() == 16 && told.bytes().all(|b| b.is_ascii_hexdigit());
            match value {
                _ if again => {}
                Some(_) if mark => out.push_str(&format!(" {name}=(mark)")),
                Some(value) if value.is_empty() || value.contains(' ') => {
                    out.push_str(&format!(" {name}=\"{}\"", cut(value, CUT.1)));
                }
                Some(value) => out.push_str(&format!(" {name}={}", cut(value, CUT.1))),
                None => out.push_str(&format!(" {name}")),
            }
        }
        out
    }

    /// All of it on one line.
    fn flat(&self) -> String {
        let head = self.head();
        let shown: Vec<&Node> = shown(&self.children).collect();
        match shown.as_slice() {
            _ if self.name == "svg" => head,
            _ if self.name == "select" => format!("{head} {{ {} }}", options(&self.children)),
            [] => head,
            [Node::Words(only)] => format!("{head} “{only}”"),
            many => format!("{head} {{ {} }}", many.iter().map(|n| n.flat()).collect::<Vec<_>>().join(" ")),
        }
    }

    /// It stands on one line, however long.
    fn is_one_line(&self) -> bool {
        self.name == "select" || matches!(self.children.as_slice(), [] | [Node::Words(_)])
    }

    /// What it is made of, whatever the words.
    fn make(&self) -> String {
        let classes = self.value("class").unwrap_or_default();
        let key = self.value("data-st").or_else(|| self.value("data-colour")).unwrap_or_default();
        if self.name == "svg" {
            return drawn(&self.children);
        }
        let within: String =
            self.children.iter().map(|n| if let Node::Element(e) = n { e.make() } else { String::new() }).collect();
        format!("{}.{classes}.{key}({within})", self.name)
    }

    fn size(&self) -> usize {
        1 + self.children.iter().map(|n| if let Node::Element(e) = n { e.size() } else { 0 }).sum::<usize>()
    }
}

impl Node {
    fn is(&self, name: &str) -> bool {
        matches!(self, Node::Element(e) if e.name == name)
    }

    fn is_small(&self) -> bool {
        SMALL.iter().any(|name| self.is(name)) || matches!(self, Node::Words(_))
    }

    fn flat(&self) -> String {
        match self {
            Node::Words(words) => format!("“{words}”"),
            Node::Element(element) => element.flat(),
        }
    }
}

/// The name of an icon; of a picture how much is in it.
fn drawn(drawing: &[Node]) -> String {
    match drawing {
        [Node::Element(only)] if only.name == "use" => {
            only.value("href").unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned()
        }
        all => format!("(drawing of {})", all.len()),
    }
}

/// The choices of a list, the picked one with a star.
fn options(children: &[Node]) -> String {
    let told = |node: &Node| match node {
        Node::Words(words) => words.clone(),
        Node::Element(e) if e.name == "option" => {
            let words: String = e.children.iter().map(|n| if let Node::Words(w) = n { w.as_str() } else { "" }).collect();
            let value = e.value("value").filter(|v| *v != words).map(|v| format!("={v}")).unwrap_or_default();
            let star = if e.attributes.iter().any(|(name, _)| name == "selected") { "*" } else { "" };
            format!("{star}{words}{value}")
        }
        Node::Element(group) => format!("{}: {}", group.value("label").unwrap_or_default(), options(&group.children)),
    };
    children.iter().map(told).collect::<Vec<_>>().join(" | ")
}

fn shown(nodes: &[Node]) -> impl Iterator<Item = &Node> {
    nodes.iter().filter(|n| !matches!(n, Node::Element(e) if e.is_key()))
}

fn write_all(out: &mut String, depth: usize, nodes: &[Node]) {
    let (mut makes, mut more) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new());
    let mut together = String::new();
    for node in shown(nodes) {
        if let Node::Element(element) = node
            && element.size() >= LARGE
        {
            let seen = makes.entry(element.make()).or_default();
            *seen += 1;
            if *seen > ALIKE {
                *more.entry(element.name.clone()).or_default() += 1;
                continue;
            }
        }
        let flat = node.flat();
        let fits = |text: &str| text.chars().count() + depth <= WIDTH;
        let full = !together.is_empty() && (!fits(&format!("{together} {flat}")) || node.is("dt"));
        if full || !node.is_small() || !fits(&flat) {
            line(out, depth, &std::mem::take(&mut together));
        }
        match node {
            _ if node.is_small() && fits(&flat) => {
                together.push_str(if together.is_empty() { "" } else { " " });
                together.push_str(&flat);
            }
            Node::Element(element) if !fits(&flat) && !element.is_one_line() => {
                line(out, depth, &element.head());
                write_all(out, depth + 1, &element.children);
            }
            Node::Element(_) | Node::Words(_) => line(out, depth, &flat),
        }
    }
    line(out, depth, &together);
    more.iter().for_each(|(name, n)| line(out, depth, &format!("… and {n} {name} more, made like these")));
}

fn line(out: &mut String, depth: usize, text: &str) {
    if text.is_empty() {
        return;
    }
    out.push_str(&" ".repeat(depth));
    out.push_str(text);
    out.push('\n');
}

#[test]
fn a_page_is_told_in_short() {
    let html = "<main id=\"main\"><p class=\"a b\">One, and more of it, and more of it, and more of it, and <b>two</b></p><svg class=\"icon\"><use href=\"/assets/1/icons.svg#plus\"></use></svg>\
        <form method=\"post\" action=\"/x\" hx-post=\"/x\"><input type=\"hidden\" name=\"client_id\" value=\"1\"><input name=\"q\" required>\
        <select name=\"role\"><option value=\"1\">one</option><option value=\"two\" selected>two</option></select></form></main>";
    let told = "\
main#main
 p.a.b { “One, and more of it, and more of it, and more of it, and ” b “two” }
 svg.icon plus
 form action=/x { input name=q required select name=role { one=1 | *two } }
";
    assert_eq!(short(html), told);
}

#[test]
fn neighbours_alike_are_counted() {
    let one = |n: usize| format!("<li class=\"card\"><b>{n}</b><i></i><u>{}</u></li>", "words ".repeat(12));
    let told = short(&format!("<ul>{}</ul>", (0..9).map(one).collect::<String>()));
    assert!(told.ends_with("\n … and 7 li more, made like these\n"), "{told}");
    assert_eq!(told.matches("li.card").count(), 2, "{told}");
}
