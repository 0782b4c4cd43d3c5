//! Paths as compose files name them.

/// A path relative to a directory, without `.` and `..`.
pub(crate) fn resolve(directory: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, "" | "..")) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The directory that a file is in.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Whether it is a file of this machine: compose fetches others from repositories and registries.
pub(crate) fn is_local(path: &str) -> bool {
    !path.is_empty() && !path.contains("://") && !path.starts_with("git@") && !path.starts_with("oci:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_a_directory() {
        for (path, expected) in [
            ("common.yml", "/stacks/a/common.yml"),
            ("./x/../common.yml", "/stacks/a/common.yml"),
            ("../b/c.yml", "/stacks/b/c.yml"),
            ("/etc/c.yml", "/etc/c.yml"),
        ] {
            assert_eq!(resolve("/stacks/a", path), expected);
        }
        assert_eq!(parent("/stacks/a/compose.yaml"), "/stacks/a");
    }
}
