//! Which path belongs to which plugin. Read by every request, replaced as a whole when `api.json` changes.

use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use http::HeaderValue;
use tokio_util::sync::CancellationToken;

use super::{client::Client, entry::Entry};
use crate::{config::PluginsConfig, metrics::PluginCounts};

/// A plugin that can be reached.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub(crate) entry: Entry,
    pub(crate) client: Client,
    /// `/plugins/<URI>`, as it is told to the plugin.
    pub(crate) prefix: HeaderValue,
    pub(crate) counts: PluginCounts,
    /// Cancelled when the plugin is disabled, removed, or another one in its place.
    pub(crate) gone: CancellationToken,
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) enum Target<'a> {
    /// To the plugin's own path.
    Path(Arc<Plugin>, &'a str),
    /// To the same path with a slash at the end.
    Slash,
}

/// The present table.
#[derive(Debug)]
pub(crate) struct Registry {
    root: PathBuf,
    config: PluginsConfig,
    /// Longest URI first.
    table: ArcSwap<Vec<Arc<Plugin>>>,
}

impl Registry {
    /// A registry without plugins, for sockets below `root`.
    pub(crate) fn new(root: PathBuf, config: PluginsConfig) -> Self {
        Self { root, config, table: ArcSwap::default() }
    }

    /// The directory that sockets are below.
    pub(crate) fn root(&self) -> &std::path::Path {
        &self.root
    }

    pub(crate) const fn config(&self) -> &PluginsConfig {
        &self.config
    }

    /// Every plugin that can be reached.
    pub(crate) fn all(&self) -> Arc<Vec<Arc<Plugin>>> {
        self.table.load_full()
    }

    /// How many plugins can be reached.
    pub(crate) fn len(&self) -> usize {
        self.table.load().len()
    }

    /// Puts a new table in place. Plugins that did not change keep their open connections; requests under way go on
    /// with the plugin that they began with, but an answer that goes on and on ends with its plugin. Of two entries with
    /// the same URI the first one counts.
    pub(crate) fn replace(&self, entries: Vec<Entry>) -> usize {
        let old = self.table.load();
        let mut table: Vec<Arc<Plugin>> = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(first) = table.iter().find(|plugin| plugin.entry.uri == entry.uri) {
                tracing::warn!(
                    plugin.name = entry.name,
                    plugin.uri = entry.uri,
                    other = first.entry.name,
                    "two plugins have the same URI; the first one is served"
                );
                continue;
            }
            let kept = old.iter().find(|plugin| plugin.entry == entry).map(Arc::clone);
            table.push(kept.unwrap_or_else(|| {
                let former = old.iter().find(|plugin| is_same(&plugin.entry, &entry));
                let gone = former.map_or_else(CancellationToken::new, |former| former.gone.clone());
                Arc::new(self.plugin(entry, gone))
            }));
        }
        table.sort_by_key(|plugin| std::cmp::Reverse(plugin.entry.uri.len()));
        let count = table.len();
        let is_gone = |plugin: &&Arc<Plugin>| !table.iter().any(|new| is_same(&new.entry, &plugin.entry));
        let left: Vec<_> = old.iter().filter(is_gone).map(Arc::clone).collect();
        self.table.store(Arc::new(table));
        // Last: what begins from now on finds the new table.
        for plugin in left {
            plugin.gone.cancel();
        }
        count
    }

    /// Whether an enabled plugin of this URI has a page that is shown in a sandbox.
    pub(crate) fn has_sandboxed_page(&self, uri: &str) -> bool {
        let table = self.table.load();
        table.iter().any(|plugin| plugin.entry.uri == uri && plugin.entry.has_ui && plugin.entry.sandboxed_ui)
    }

    /// Finds the plugin whose URI is the longest beginning of a decoded path below `/plugins/`.
    pub(crate) fn find<'a>(&self, path: &'a str) -> Option<Target<'a>> {
        let below = path.strip_prefix("/plugins/")?;
        self.table.load().iter().find_map(|plugin| {
            let rest = below.strip_prefix(plugin.entry.uri.as_str())?;
            if rest.is_empty() {
                return Some(Target::Slash);
            }
            rest.starts_with('/').then(|| Target::Path(Arc::clone(plugin), rest))
        })
    }

    fn plugin(&self, entry: Entry, gone: CancellationToken) -> Plugin {
        let client = Client::new(entry.socket.clone(), self.root.clone(), self.config.max_idle_connections);
        // A URI is made of letters that a header may hold.
        let prefix = HeaderValue::try_from(format!("/plugins/{}", entry.uri));
        let prefix = prefix.unwrap_or(HeaderValue::from_static("/plugins"));
        Plugin { client, prefix, counts: PluginCounts::new(&entry.name), gone, entry }
    }
}

/// Whether two entries are of one plugin, of which they may say different things.
fn is_same(one: &Entry, other: &Entry) -> bool {
    (&one.name, &one.uri, &one.socket) == (&other.name, &other.uri, &other.socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(uris: &[&str]) -> Registry {
        let registry = Registry::new("/state".into(), PluginsConfig::default());
        registry.replace(entries(uris));
        registry
    }

    fn entries(uris: &[&str]) -> Vec<Entry> {
        uris.iter()
            .enumerate()
            .map(|(index, uri)| Entry {
                name: format!("p{index}"),
                uri: (*uri).to_owned(),
                socket: format!("/state/p{index}").into(),
                openapi: String::new(),
                has_ui: false,
                sandboxed_ui: true,
            })
            .collect()
    }

    fn check(path: &str, expected: Option<(&str, &str)>) {
        let found = registry(&["dns", "dns/block", "hello", "hello"]).find(path).map(|target| match target {
            Target::Path(plugin, path) => (plugin.entry.name.clone(), path.to_owned()),
            Target::Slash => ("slash".to_owned(), String::new()),
        });
        assert_eq!(found, expected.map(|(name, path)| (name.to_owned(), path.to_owned())), "{path}");
    }

    #[test]
    fn the_longest_uri_wins_at_a_segment() {
        check("/plugins/dns/", Some(("p0", "/")));
        check("/plugins/dns/config/x", Some(("p0", "/config/x")));
        check("/plugins/dns/block/x", Some(("p1", "/x")));
        check("/plugins/dns/blocks", Some(("p0", "/blocks")));
        check("/plugins/hello/", Some(("p2", "/")));
        check("/plugins/dns", Some(("slash", "")));
        check("/plugins/dns/block", Some(("slash", "")));
        check("/plugins/dnsx/", None);
        check("/plugins/", None);
        check("/other/dns/", None);
    }

    #[tokio::test]
    async fn unchanged_plugins_stay_the_same() {
        let registry = registry(&["a", "b"]);
        let before = registry.table.load_full();
        registry.replace(entries(&["a", "c"]));
        let after = registry.table.load_full();
        let of = |table: &[Arc<Plugin>], uri| table.iter().find(|plugin| plugin.entry.uri == uri).map(Arc::clone);
        assert!(Arc::ptr_eq(&of(&before, "a").unwrap(), &of(&after, "a").unwrap()));
        assert!(of(&after, "b").is_none());
    }

    #[tokio::test]
    async fn a_plugin_is_gone_when_it_is_listed_no_more_and_not_when_something_else_of_it_changes() {
        let registry = registry(&["a", "b"]);
        let before = registry.table.load_full();
        let mut changed = entries(&["a"]);
        changed[0].has_ui = true;
        registry.replace(changed);
        assert_eq!(before.iter().map(|plugin| plugin.gone.is_cancelled()).collect::<Vec<_>>(), [false, true]);
        registry.replace(Vec::new());
        assert!(before[0].gone.is_cancelled(), "what began before the change ends as well");
        registry.replace(entries(&["a"]));
        assert!(!registry.table.load()[0].gone.is_cancelled(), "it came back");
    }
}
