//! Lists that come in pages: the `Link` header.

use reqwest::{
    Url,
    header::{HeaderMap, LINK},
};

use super::endpoint::Endpoint;

/// Path and query of the page behind the one that was just answered. None: that was the last.
///
/// A page on another host is an error: credentials must not follow it.
pub(super) fn next(headers: &HeaderMap, asked: &Url, endpoint: &Endpoint) -> Result<Option<String>, String> {
    let texts = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let Some(target) = texts.flat_map(links).find_map(|(target, is_next)| is_next.then_some(target)) else {
        return Ok(None);
    };
    let url = asked.join(target).map_err(|error| format!("the address of its next page is wrong ({error})"))?;
    let authority = url.authority();
    if authority != asked.authority() && !endpoint.is_at(authority) {
        return Err(format!("its next page is on another host, {authority}"));
    }
    Ok(Some(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }))
}

/// The links of a header, each with whether it leads to the next page.
fn links(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.split('<').skip(1).filter_map(|link| {
        let (target, parameters) = link.split_once('>')?;
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        });
        Some((target, is_next))
    })
}

#[cfg(test)]
mod tests {
    use super::{super::RegistryConfig, *};

    fn check(link: &str, expected: Result<Option<&str>, &str>) {
        let headers = [(LINK, link.parse().unwrap())].into_iter().collect();
        let asked = "https://r.example/v2/o/x/tags/list?n=2".parse().unwrap();
        let found = next(&headers, &asked, &Endpoint::of("r.example", &RegistryConfig::default()));
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), expected, "{link}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{link}: {found}"),
            _ => panic!("{link}: {found:?}"),
        }
    }

    #[test]
    fn the_next_page_is_on_the_same_host() {
        check("</v2/o/x/tags/list?last=b&n=2>; rel=\"next\"", Ok(Some("/v2/o/x/tags/list?last=b&n=2")));
        check("<?last=b>;rel=next", Ok(Some("/v2/o/x/tags/list?last=b")));
        check("</a>; rel=\"prev\", </b>; rel=\"next\"", Ok(Some("/b")));
        check("<https://r.example/c?x>; rel=\"next\"", Ok(Some("/c?x")));
        check("</a>; rel=\"last\"", Ok(None));
        check("nonsense", Ok(None));
        check("<https://evil.example/c>; rel=\"next\"", Err("another host, evil.example"));
        check("<http://:x/>; rel=\"next\"", Err("is wrong"));
    }
}
