//! `StackFileService`.

use homeport_proto::docker::v1::{
    ReadFileRequest, ReadFileResponse, WriteFileRequest, WriteFileResponse, stack_file_service_server::StackFileService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, answer};

#[tonic::async_trait]
impl StackFileService for Rpc {
    async fn read_file(&self, request: Request<ReadFileRequest>) -> Result<Response<ReadFileResponse>, Status> {
        answer(self.0.files.read(&request.into_inner().path).await, |content| ReadFileResponse { content })
    }

    async fn write_file(&self, request: Request<WriteFileRequest>) -> Result<Response<WriteFileResponse>, Status> {
        let request = request.into_inner();
        let written = self.0.files.write(&request.path, request.content, request.expected_content).await;
        answer(written, |()| WriteFileResponse {})
    }
}
