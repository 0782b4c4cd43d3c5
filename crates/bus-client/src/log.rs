//! The log of a service, out.

use homeport_proto::pubservice::pubsub_service_client::PubsubServiceClient;
use homeport_service::{
    Context,
    rpc::{self, Client},
    telemetry::{Record, Records, records},
};

use crate::{Event, publisher::send};

/// Publishes what a service logs as `log:<service>`, each a [`Record`], until the service has drained.
///
/// `root` is the `module_path!()` of the service's crate: what its code logs is its own. Which level and above is a variable,
/// see [`telemetry::init`](homeport_service::telemetry::init). Nobody waits for it: what comes while
/// [`QUEUE_RECORDS`](homeport_service::telemetry::QUEUE_RECORDS) wait is not published, and neither is what comes while
/// the bus is away. The log on standard error has all of it.
///
/// ```no_run
/// # fn example(context: homeport_service::Context) {
/// homeport_bus_client::publish_log(&context, module_path!());
/// tracing::warn!(disk.free_bytes = 4096, "hardly any room is left");
/// # }
/// ```
pub fn publish_log(context: &Context, root: &'static str) {
    let records = records(context.name(), root);
    let client = PubsubServiceClient::new(rpc::connect(&context.paths().socket("bus")));
    context.spawn("bus-log", run(records, client, context.clone()));
}

async fn run(mut records: Records, mut client: PubsubServiceClient<Client>, context: Context) {
    let topic = format!("log:{}", records.service());
    while let Some(Some(record)) = context.drain().run_until_cancelled(records.next()).await {
        // A bus that is away has nobody who could read it.
        publish(&mut client, &topic, &record).await;
    }
    // The last words, as long as they are heard.
    while let Some(record) = records.waiting() {
        if !publish(&mut client, &topic, &record).await {
            return;
        }
    }
}

async fn publish(client: &mut PubsubServiceClient<Client>, topic: &str, record: &Record) -> bool {
    let Ok(value) = serde_json::to_string(record) else { return true };
    send(client, &Event { topic: topic.to_owned(), value }).await.is_ok()
}
