//! Queries, taken apart and written anew, so that the engine reads what was judged.

use super::rules::Refusal;

/// Parameters in their order, decoded.
pub(super) type Query = Vec<(String, String)>;

/// Reads a query of which only some names may be there, each once.
pub(super) fn parse(query: &str, known: &[&str]) -> Result<Query, Refusal> {
    let mut parameters: Query = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // Some servers take it for another separator.
        if pair.contains(';') {
            return Err("the query holds a ';'; write it as %3B".to_owned());
        }
        let (name, value) = (decode(name, true)?, decode(value, true)?);
        if !known.contains(&name.as_str()) {
            return Err(format!("parameter {name} is not known here"));
        }
        if parameters.iter().any(|(other, _)| *other == name) {
            return Err(format!("parameter {name} is there twice"));
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

/// Percent-decodes; in queries a plus is a space.
pub(super) fn decode(text: &str, is_query: bool) -> Result<String, Refusal> {
    let wrong = || format!("{text:?} is not well encoded");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().ok_or_else(wrong)?, rest.next().ok_or_else(wrong)?];
                bytes.extend(hex::decode(digits).map_err(|_| wrong())?);
            }
            b'+' if is_query => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    if text.contains(|letter: char| letter.is_control() && letter != '\t' && letter != '\n') {
        return Err("control characters are refused".to_owned());
    }
    Ok(text)
}

/// Writes a query.
pub(super) fn encode(query: &Query) -> String {
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// Percent-encodes everything that could mean something.
pub(super) fn escape(text: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_it_is_written() {
        let query = parse("all=1&filters=%7B%22a%22%3A1%7D&x=a+b%26", &["all", "filters", "x"]).unwrap();
        assert_eq!(query[1].1, r#"{"a":1}"#);
        assert_eq!(query[2].1, "a b&");
        assert_eq!(parse(&encode(&query), &["all", "filters", "x"]).unwrap(), query);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for query in ["a=1&a=2", "b=1", "a=1;b=2", "a=%zz", "a=%f", "a=%ff", "a=%00", "%61=1&a=2", "A=1"] {
            assert!(parse(query, &["a"]).is_err(), "{query}");
        }
    }
}
