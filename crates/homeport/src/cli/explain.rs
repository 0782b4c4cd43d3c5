//! `homeport explain`

mod document;
mod tags_file;

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use homeport_service::config::Environment;

use self::document::Explanation;
use super::{Session, output, table::render};
use crate::command::Remote;

/// What is explained.
#[derive(Debug, Args)]
#[group(id = "subject", required = true, multiple = false, args = ["container", "image"])]
pub struct Arguments {
    /// A container, by name
    container: Option<String>,
    /// An image as if it ran, such as nginx:1.22-alpine; nothing is asked for it
    #[arg(long, value_name = "IMAGE", requires = "tags_file")]
    image: Option<String>,
    /// Tags of its repository, one a line (with @sha256:… where a digest is to count), or as JSON; - reads them from here
    #[arg(long, value_name = "FILE", requires = "image")]
    tags_file: Option<PathBuf>,
    /// A label as if it had it, such as docksmith.tag-regex=^1
    #[arg(long = "label", value_name = "NAME=VALUE", requires = "image")]
    labels: Vec<String>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Explains a container of the server's, or an image by itself.
pub(crate) async fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    if let (Some(image), Some(file)) = (&arguments.image, &arguments.tags_file) {
        let explanation = homeport_updater::check::explain(image, &tags_file::read(file)?, labels(&arguments.labels))?;
        return show(&Explanation::from(explanation), arguments.remote.json);
    }
    let session = Session::new(&arguments.remote, environment)?;
    let body = serde_json::json!({ "container": arguments.container });
    let document = session.api.post("/api/explain", &body).await?;
    if session.json {
        return output::json(&document);
    }
    Ok(output::text(&view(&session.api.typed(&document)?))?)
}

fn show(explanation: &Explanation, json: bool) -> anyhow::Result<()> {
    if json { output::json(explanation) } else { Ok(output::text(&view(explanation))?) }
}

/// `name=value`; a name alone is `true`.
fn labels(texts: &[String]) -> BTreeMap<String, String> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').unwrap_or((text, "true"));
        (name.to_owned(), value.to_owned())
    };
    texts.iter().map(pair).collect()
}

/// What is offered in a sentence, and a row for each tag.
fn view(explanation: &Explanation) -> String {
    let rows = explanation
        .candidates
        .iter()
        .map(|candidate| [candidate.tag.clone(), candidate.verdict.clone(), candidate.reason.clone()]);
    let table = if explanation.candidates.is_empty() { String::new() } else { render(["TAG", "VERDICT", ""], rows) };
    let rest = if explanation.truncated { "There are more tags than these.\n" } else { "" };
    format!("{}\n{table}{rest}", sentence(explanation))
}

fn sentence(explanation: &Explanation) -> String {
    let Explanation { image, status, latest, recommended_tag, change, error, note, .. } = explanation;
    let remark = [error, note].into_iter().find(|text| !text.is_empty());
    let told = match (latest.as_str(), recommended_tag.as_str()) {
        ("", "") => format!("{image}: {status}"),
        ("", pin) => format!("{image}: {status}, the same image as {pin}"),
        (latest, _) => format!("{image}: {status}, {latest} ({change})"),
    };
    remark.map_or_else(|| told.clone(), |remark| format!("{told}: {remark}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(image: &str, tags: &[&str], given: &[&str], expected: &str) {
        let given: Vec<_> = given.iter().map(|text| (*text).to_owned()).collect();
        let tags: Vec<_> = tags.iter().map(|text| (*text).to_owned()).collect();
        let explanation = homeport_updater::check::explain(image, &tags, labels(&given)).unwrap();
        assert_eq!(view(&Explanation::from(explanation)), expected);
    }

    #[test]
    fn a_row_for_each_tag() {
        check(
            "nginx:1.22-alpine",
            &["1.22-alpine", "1.26-alpine", "1.26"],
            &[],
            "nginx:1.22-alpine: UPDATE_AVAILABLE, 1.26-alpine (minor)\n\
             TAG          VERDICT\n\
             1.22-alpine  current  the tag that runs\n\
             1.26-alpine  offered  the newest that may follow\n\
             1.26         variant  another variant than the one that runs\n",
        );
    }

    #[test]
    fn what_is_wrong_with_a_label_is_said() {
        check(
            "x:1",
            &[],
            &["docksmith.version-max=soon"],
            "x:1: CHECK_FAILED: the label version-max is \"soon\", which is \
               no version; write one such as 7 or 7.99\n",
        );
        check("x:1", &[], &["docksmith.ignore"], "x:1: IGNORED\n");
    }
}
