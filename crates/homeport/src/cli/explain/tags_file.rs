//! A file of tags: one a line, or as JSON.

use std::{
    io::{self, Read as _},
    path::Path,
};

use anyhow::Context as _;
use serde::Deserialize;

/// Enough for 20000 tags with digests, the most that are explained at a time, several times over.
const MAX_BYTES: u64 = 16 << 20;

/// A list of tags as registries and Homeport answer it, or as somebody writes it down.
#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    List(Vec<String>),
    Answer { tags: Vec<String> },
    Envelope { data: Box<Self> },
}

/// Reads the tags; `-` is standard input.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<String>> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().take(MAX_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read the tags in {}", path.display()))?;
    Ok(parse(&text))
}

/// Empty lines and those that begin with `#` are left out.
fn parse(text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(document) => tags(document),
        Err(_) => text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect(),
    }
}

fn tags(document: Document) -> Vec<String> {
    match document {
        Document::List(tags) | Document::Answer { tags } => tags,
        Document::Envelope { data } => tags(*data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_documents() {
        for text in [
            "1.0\n\n# newer\n 1.1 \n",
            r#"["1.0", "1.1"]"#,
            r#"{"name":"x","tags":["1.0","1.1"]}"#,
            r#"{"success":true,"data":{"tags":["1.0","1.1"],"count":2}}"#,
        ] {
            assert_eq!(parse(text), ["1.0", "1.1"], "{text}");
        }
        // A number alone is a line, not a document.
        assert_eq!(parse("16"), ["16"]);
    }
}
