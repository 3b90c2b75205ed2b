//! The client and the server of the service that `src/bin/grpc` speaks, without protoc.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let path = |message: &str| format!("crate::service::{message}");
    let method = |name, route, from, to| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(path(from))
            .output_type(path(to))
            .codec_path("tonic_prost::ProstCodec")
    };
    let service = Service::builder()
        .package("ecosystem")
        .name("Counter")
        .method(method("add", "Add", "Pair", "Number").build())
        .method(
            method("count", "Count", "Number", "Number")
                .server_streaming()
                .build(),
        )
        .method(
            method("total", "Total", "Number", "Number")
                .client_streaming()
                .build(),
        )
        .method(
            method("running", "Running", "Number", "Number")
                .client_streaming()
                .server_streaming()
                .build(),
        )
        .build();
    Builder::new().compile(&[service]);
}
