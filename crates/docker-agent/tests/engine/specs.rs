//! Hundreds of containers of every shape, made again: nothing is lost, and what would be lost is noticed.
//!
//! The specs are generated from a fixed seed out of the table in [`fields`]. Each is created on the engine, made again by
//! docker-agent, and both are compared by [`strict`], which shares no code with what is tested. Then one field is lost on
//! purpose: that container must be told from the old one before anything is removed.

mod fields;
mod raw;
mod strict;

use std::collections::BTreeSet;

use futures::StreamExt as _;
use homeport_proto::docker::v1::{
    CompareContainersRequest, Container, CreateReplacementRequest, RemoveContainerRequest,
};
use serde_json::{Value, json};

use self::fields::{Field, Network, Surroundings};
use crate::world::{NEW, OLD, World, docker, patient};

const SPECS: u64 = 300;
const SEED: u64 = 0x5eed_0001;

/// SplitMix64: the same specs on every machine, whatever becomes of other generators.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

/// A container to be: for each field of the table that it has, which of its values.
struct Spec {
    network: Network,
    chosen: Vec<(&'static str, usize)>,
}

impl Spec {
    fn generate(table: &[Field], chance: &mut Chance) -> Self {
        let network = Network::ALL[chance.below(Network::ALL.len())];
        let mut chosen = Vec::new();
        for field in table.iter().filter(|field| field.fits(network)) {
            if chance.below(3) == 0 {
                chosen.push((field.name, chance.below(field.values.len())));
            }
        }
        Self { network, chosen }
    }

    /// The field that is lost on purpose.
    fn lost(&self, pick: usize) -> Option<&'static str> {
        self.chosen.get(pick % self.chosen.len().max(1)).map(|(name, _)| *name)
    }

    /// The body that creates it, without one field.
    fn body(&self, table: &[Field], around: &Surroundings, without: Option<&str>) -> Value {
        let mut body = json!({
            "Image": OLD,
            "Labels": { "homeport.test": around.test },
            "HostConfig": { "NetworkMode": self.network.mode(around) },
            "NetworkingConfig": { "EndpointsConfig": self.network.endpoint(around) },
        });
        for (name, value) in self.chosen.iter().filter(|(name, _)| Some(*name) != without) {
            let field = table.iter().find(|field| field.name == *name).unwrap();
            merge(&mut body, &field.values[*value]);
        }
        body
    }
}

/// Objects field by field, lists one behind the other.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_of_every_shape_are_made_again_and_losses_are_noticed() {
    let world = World::new();
    let around = surroundings(&world);
    let table = fields::table(&around);
    assert!(table.len() >= 35, "the table has {} fields", table.len());
    let mut chance = Chance(SEED);
    let specs: Vec<_> =
        (0..SPECS).map(|number| (number, Spec::generate(&table, &mut chance), chance.below(1 << 20))).collect();
    let lost: BTreeSet<&str> = specs.iter().filter_map(|(_, spec, pick)| spec.lost(*pick)).collect();
    assert!(lost.len() >= 35, "only {} fields are ever lost", lost.len());

    // The engine works on two at a time; more would only wait for each other.
    let checks = futures::stream::iter(&specs).map(|(number, spec, pick)| {
        let (world, around, table) = (&world, &around, &table);
        async move {
            let result = check(world, around, table, *number, spec, *pick).await;
            result.err().map(|error| format!("spec {number} {:?} {:?}: {error}", spec.network, spec.chosen))
        }
    });
    let wrong: Vec<String> = checks.buffer_unordered(2).filter_map(async |error| error).collect().await;
    assert!(wrong.is_empty(), "{} of {SPECS}:\n{}", wrong.len(), wrong.join("\n"));
}

async fn check(
    world: &World,
    around: &Surroundings,
    table: &[Field],
    number: u64,
    spec: &Spec,
    pick: usize,
) -> Result<(), String> {
    let name = world.name(&format!("s{number}"));
    let old = create(world, spec, around, &name, &spec.body(table, around, None)).await?;
    let request = CreateReplacementRequest {
        inspect_json: old.inspect_json.clone(),
        image: NEW.to_owned(),
        name: format!("{name}-new"),
        operation_id: format!("operation-{number}"),
    };
    let made = world.containers().create_replacement(patient(request)).await.map_err(|status| status.to_string())?;
    let made = made.into_inner();
    if !made.differences.is_empty() {
        return Err(format!("docker-agent itself sees {:?}", made.differences));
    }
    let new = world.container(&made.container_id).await;
    let seen = strict::differences(&document(&old), &around.old_image, &document(&new), &around.new_image);
    if !seen.is_empty() {
        return Err(format!("lost: {seen:#?}"));
    }
    remove(world, &new.id).await;
    if let Some(lost) = spec.lost(pick) {
        let field = table.iter().find(|field| field.name == lost).unwrap();
        let body = spec.body(table, around, Some(lost));
        let lossy = create(world, spec, around, &format!("{name}-lossy"), &body).await?;
        let found = compared(world, &old, &lossy).await;
        // What the engine does anyway is not lost when it is not said.
        let mut seen = strict::differences(&document(&old), &around.old_image, &document(&lossy), &around.old_image);
        seen.retain(|path| !path.starts_with("Mounts[/anonymous"));
        let is_anonymous = field.shown.starts_with("Mounts[/anonymous");
        if (is_anonymous || !seen.is_empty()) && !found.iter().any(|path| path.starts_with(&field.shown)) {
            return Err(format!("{lost} was lost, and only {found:?} noticed of {seen:?}"));
        }
        remove(world, &lossy.id).await;
    }
    remove(world, &old.id).await;
    Ok(())
}

async fn create(
    world: &World,
    spec: &Spec,
    around: &Surroundings,
    name: &str,
    body: &Value,
) -> Result<Container, String> {
    let (path, body) = (format!("/containers/create?name={name}"), body.clone());
    let created = tokio::task::spawn_blocking(move || raw::post(&path, &body)).await.unwrap()?;
    let id = created["Id"].as_str().unwrap_or_default().to_owned();
    if let Some((network, settings)) = spec.network.second(around) {
        let body = json!({ "Container": id, "EndpointConfig": settings });
        let path = format!("/networks/{network}/connect");
        tokio::task::spawn_blocking(move || raw::post(&path, &body)).await.unwrap()?;
    }
    Ok(world.container(&id).await)
}

async fn remove(world: &World, id: &str) {
    let request = RemoveContainerRequest { container: id.to_owned(), force: true, ..Default::default() };
    world.containers().remove_container(patient(request)).await.unwrap();
}

/// The fields in which docker-agent sees two containers differ.
async fn compared(world: &World, before: &Container, after: &Container) -> Vec<String> {
    let request = CompareContainersRequest {
        before_inspect_json: before.inspect_json.clone(),
        after_inspect_json: after.inspect_json.clone(),
    };
    let response = world.containers().compare_containers(patient(request)).await.unwrap().into_inner();
    response.differences.into_iter().map(|difference| difference.field).collect()
}

fn document(container: &Container) -> Value {
    serde_json::from_str(&container.inspect_json).unwrap()
}

/// What the specs refer to: two networks, a volume, and a container to share things with.
fn surroundings(world: &World) -> Surroundings {
    let seed = world.id.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let network = |name: &str, number: u8| {
        let (name, prefix) = (world.name(name), format!("10.{number}.{seed}"));
        docker(&["network", "create", "--label", &world.label(), "--subnet", &format!("{prefix}.0/24"), &name]);
        (name, prefix)
    };
    let ((front, prefix), (back, back_prefix)) = (network("front", 250), network("back", 251));
    let volume = world.name("named");
    docker(&["volume", "create", "--label", &world.label(), &volume]);
    let donor = world.run("donor", &["--ipc", "shareable", "--volume", "/donated", OLD]);
    let image = |reference: &str| -> Value {
        let list: Value = serde_json::from_str(&docker(&["image", "inspect", reference])).unwrap();
        list[0].clone()
    };
    docker(&["pull", "-q", NEW]);
    Surroundings {
        test: world.id.clone(),
        front,
        prefix,
        back,
        back_prefix,
        volume,
        donor,
        donor_name: world.name("donor"),
        old_image: image(OLD),
        new_image: image(NEW),
    }
}
