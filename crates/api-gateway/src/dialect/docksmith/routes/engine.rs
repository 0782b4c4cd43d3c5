//! What the engine has beside containers, and its removal.

use super::super::{explorer, prune, removal};
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

const DRY_RUN: (&str, &str) = ("dry_run", "`true`: says what would go.");
const PRUNED: &str = r#"{"message": "Pruned 1 images", "items_deleted": ["sha256:0f3c"], "dry_run": false, "items": [{"type": "image", "id": "sha256:0f3c", "name": "nginx:1.26", "size": 1024}], "space_reclaimed?": 1024}"#;
const BUSY: &[(Kind, &str)] = &[(Kind::Conflict, "an operation is under way; pruning waits for nobody")];
const KEPT: &[(Kind, &str)] = &[
    (Kind::Forbidden, "Homeport keeps it for the way back"),
    (Kind::Internal, "the engine refused; the text has its words"),
];

/// The table.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/explorer", explorer::all, "Containers, images, networks and volumes").answers(Answer::Envelope(
            r##"{"container_stacks": {"<stack>": ["#ExplorerContainer"]}, "standalone_containers": ["#ExplorerContainer"], "containers": ["#ExplorerContainer"], "images": ["#Image"], "networks": ["#Network"], "volumes": ["#Volume"]}"##,
        )),
        Route::get("/api/images", explorer::images, "Every image")
            .answers(Answer::Envelope(r##"{"images": ["#Image"], "count": 1}"##)),
        Route::delete("/api/images/{*id}", removal::image, "Removes an image, or one of its tags")
            .query(&[("force", "`true`: also one with several tags.")])
            .refuses(KEPT)
            .answers(Answer::Envelope(
                r#"{"message": "Image removed successfully", "deleted": [{"Untagged?": "nginx:1.26", "Deleted?": "sha256:0f3c"}]}"#,
            )),
        Route::get("/api/networks", explorer::networks, "Every network")
            .answers(Answer::Envelope(r##"{"networks": ["#Network"], "count": 1}"##)),
        Route::delete("/api/networks/{id}", removal::network, "Removes a network")
            .refuses(KEPT)
            .answers(Answer::Envelope(r#"{"message": "Network removed successfully"}"#)),
        Route::get("/api/volumes", explorer::volumes, "Every volume")
            .answers(Answer::Envelope(r##"{"volumes": ["#Volume"], "count": 1}"##)),
        Route::delete("/api/volumes/{name}", removal::volume, "Removes a volume with its data")
            .admin()
            .query(&[("force", "`true`: also where the driver does not answer.")])
            .refuses(KEPT)
            .answers(Answer::Envelope(r#"{"message": "Volume removed successfully"}"#)),
        Route::post("/api/prune/containers", prune::containers, "Removes containers that do not run")
            .query(&[DRY_RUN])
            .refuses(BUSY)
            .answers(Answer::Envelope(PRUNED)),
        Route::post("/api/prune/images", prune::images, "Removes images without a tag")
            .query(&[DRY_RUN, ("all", "`true`: all that no container was made from.")])
            .refuses(BUSY)
            .answers(Answer::Envelope(PRUNED)),
        Route::post("/api/prune/networks", prune::networks, "Removes networks that nothing is in")
            .query(&[DRY_RUN])
            .refuses(BUSY)
            .answers(Answer::Envelope(PRUNED)),
        Route::post("/api/prune/volumes", prune::volumes, "Removes volumes without a name of their own")
            .admin()
            .query(&[DRY_RUN, ("all", "`true`: the others too.")])
            .refuses(BUSY)
            .answers(Answer::Envelope(PRUNED)),
        Route::post("/api/prune/system", prune::system, "Removes containers, networks and images that nothing uses")
            .admin()
            .query(&[DRY_RUN, ("all", "`true`: images with a tag too."), ("volumes", "`true`: volumes too.")])
            .refuses(BUSY)
            .answers(Answer::Envelope(
                r#"{"message": "System prune completed: 1 items removed", "space_reclaimed": 1024, "dry_run": false, "items": [{"type": "image", "id": "sha256:0f3c", "name": "nginx:1.26", "size": 1024}], "containers_deleted": ["4f2a"], "containers_deleted_count": 1, "images_deleted": ["sha256:0f3c"], "images_deleted_count": 1, "networks_deleted": ["9b1c"], "networks_deleted_count": 1, "volumes_deleted": ["data"], "volumes_deleted_count": 1}"#,
            )),
    ]
}
