//! The tables of the Docksmith API, one a section of its description.

mod checks;
mod containers;
mod engine;
mod history;
mod pipelines;
mod shapes;

use crate::openapi::Section;

pub(crate) use shapes::SHAPES;

/// Every route.
pub(crate) fn sections() -> Vec<Section> {
    let section = |name, description, routes| Section { name, description, routes };
    vec![
        section(
            "Checks and updates",
            "What runs, what is newer, and how it gets there. Docksmith's API.",
            checks::routes(),
        ),
        section(
            "History and settings",
            "What was done, and what happens by itself. Docksmith's API.",
            history::routes(),
        ),
        section("Engine", "Images, networks, volumes, and what nothing uses. Docksmith's API.", engine::routes()),
        section("Containers", "One container, or several, by hand. Docksmith's API.", containers::routes()),
        section(
            "Restarts and labels",
            "Work on containers and their compose files that changes no version. Docksmith's API.",
            pipelines::routes(),
        ),
    ]
}
