//! Which role somebody's groups give.

use super::OidcConfig;
use crate::role::Role;

/// Stands for everybody.
const EVERYBODY: &str = "*";

/// The highest role that one of the groups gives. None: none of them gives any.
pub(super) fn role(config: &OidcConfig, groups: &[String]) -> Option<Role> {
    let gives = |wanted: &String| wanted == EVERYBODY || groups.contains(wanted);
    let given = config.roles.iter().filter(|(_, wanted)| wanted.iter().any(gives));
    given.filter_map(|(name, _)| name.parse().ok()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(roles: &[(&str, &[&str])], groups: &[&str], expected: Option<Role>) {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let roles = roles.iter().map(|(name, groups)| ((*name).to_owned(), texts(groups))).collect();
        assert_eq!(role(&OidcConfig { roles, ..OidcConfig::default() }, &texts(groups)), expected, "{groups:?}");
    }

    #[test]
    fn the_highest_counts() {
        let roles: &[(&str, &[&str])] =
            &[("viewer", &["family"]), ("operator", &["ops"]), ("admin", &["root", "ops2"])];
        check(roles, &["family"], Some(Role::Viewer));
        check(roles, &["family", "ops2", "ops"], Some(Role::Admin));
        check(roles, &["Family"], None);
        check(roles, &[], None);
    }

    #[test]
    fn everybody_is_everybody() {
        check(&[("viewer", &["*"]), ("admin", &["root"])], &[], Some(Role::Viewer));
        check(&[("viewer", &["*"]), ("admin", &["root"])], &["root"], Some(Role::Admin));
        check(&[], &["*"], None);
    }
}
