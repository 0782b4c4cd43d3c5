//! Every shape of compose file is edited in the bytes that it must and in no others.

use std::collections::BTreeMap;

use homeport_compose_file::{find_service, image_edit};

use crate::shape::{self, Shape};

const ROOT: &str = "/srv/stack";

#[test]
fn s9_each_shape_is_edited_where_it_must() {
    let shapes = shape::all();
    assert!(shapes.len() >= 60, "there are {} shapes", shapes.len());
    let wrong: Vec<String> = shapes.iter().filter_map(|shape| check(shape).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(shape: &Shape) -> Result<(), String> {
    let sources = shape.sources(ROOT);
    let fail = |what: String| Err(format!("{}: {what}", shape.name));
    let service = match find_service(&sources, shape.service(), shape.get("container")) {
        Ok(service) => service.name,
        Err(_) => shape.service().to_owned(),
    };
    let edit = match (image_edit(&sources, &service, &shape.target()), shape.get("refused")) {
        (Err(error), Some(reason)) if error.to_string().contains(reason) => return Ok(()),
        (Ok(edit), None) => edit,
        (result, _) => return fail(format!("{result:?}")),
    };
    let mut files = shape.files.clone();
    for file in edit.iter().flat_map(|edit| &edit.files) {
        let path = file.path.trim_start_matches(ROOT).trim_start_matches('/').to_owned();
        assert_eq!(files.insert(path, file.new.clone()).as_ref(), Some(&file.old), "{}", shape.name);
    }
    if Some(&files) != expected(shape).as_ref() {
        return fail(format!("{files:#?}"));
    }
    let (images, values) = edit.map(|edit| (edit.also_images, edit.also_values)).unwrap_or_default();
    if images != shape.words("also") || values != shape.words("values") {
        return fail(format!("also {images:?} {values:?}"));
    }
    Ok(())
}

/// The files after the edit, none where none is possible.
fn expected(shape: &Shape) -> Option<BTreeMap<String, String>> {
    if shape.get("refused").is_some() {
        return None;
    }
    let mut files = shape.files.clone();
    for line in shape.lines("edit").filter(|line| *line != "none") {
        let [path, old, new] = line.split(" | ").collect::<Vec<_>>().try_into().unwrap();
        let text = files.get_mut(path).unwrap_or_else(|| panic!("{}: {path}", shape.name));
        assert_eq!(text.matches(old).count(), 1, "{}: {old} must stand once in {path}", shape.name);
        *text = text.replace(old, new);
    }
    Some(files)
}
