"""Runs an example (the first argument) that asks grpcio for the code of a .proto file, without grpcio-tools.

What those make of the file is made here of its descriptors (the second argument), so that no compiler is needed.
"""

import runpy
import sys
import types

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

EXAMPLE, DESCRIPTORS = sys.argv[1:3]


def message_class(pool, descriptor):
    # The name changed between the versions of the library that distributions have.
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


def stub(pool, service):
    def connect(self, channel):
        for method in service.methods:
            proto = descriptor_pb2.MethodDescriptorProto()
            method.CopyToProto(proto)
            kind = channel.unary_stream if proto.server_streaming else channel.unary_unary
            call = kind(
                "/%s/%s" % (service.full_name, method.name),
                request_serializer=message_class(pool, method.input_type).SerializeToString,
                response_deserializer=message_class(pool, method.output_type).FromString,
            )
            setattr(self, method.name, call)

    return type(service.name + "Stub", (), {"__init__": connect})


def protos_and_services(path):
    with open(DESCRIPTORS, "rb") as file:
        files = descriptor_pb2.FileDescriptorSet.FromString(file.read()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    found = pool.FindFileByName(path)
    messages = {name: message_class(pool, kind) for name, kind in found.message_types_by_name.items()}
    stubs = {name + "Stub": stub(pool, service) for name, service in found.services_by_name.items()}
    return types.SimpleNamespace(**messages), types.SimpleNamespace(**stubs)


grpc.protos_and_services = protos_and_services
runpy.run_path(EXAMPLE, run_name="__main__")
