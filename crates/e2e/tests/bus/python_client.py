"""Publishes and subscribes on the bus whose socket is the argument, with grpcio and with lines, and compares."""

import json
import socket
import sys

import grpc


def encoded(topic, value):
    """pubservice.String: two texts with the numbers 1 and 2, each behind its length."""
    message = b""
    for tag, text in ((0x0A, topic.encode()), (0x12, value.encode())):
        length, prefix = len(text), bytearray([tag])
        while length > 0x7F:
            prefix.append(length & 0x7F | 0x80)
            length >>= 7
        prefix.append(length)
        message += bytes(prefix) + text
    return message


VALUES = ['{"k":1}', '[{"x":1}]', '"s{"', "7", "null", "é漢\U0001f600", "a\0b", "\n\r\t\\\"<>&", "x" * 50_000]


def main(path):
    # The library refuses a path as the name of a server; the option gives it another one.
    options = [("grpc.default_authority", "localhost")]
    with grpc.insecure_channel("unix:" + path, options=options) as channel:
        publish = channel.unary_unary("/pubservice.PubsubService/Publish")
        subscribe = channel.unary_stream("/pubservice.PubsubService/SubscribeTopic")
        events = subscribe(encoded("py:", ""))
        events.initial_metadata()  # The subscription stands.
        lines = socket.socket(socket.AF_UNIX)
        lines.connect(path)
        for number, value in enumerate(VALUES):
            topic = "py:%d" % number
            assert publish(encoded(topic, value), timeout=10) == b""
            assert next(events) == encoded(topic, value), value[:20]
            lines.sendall(json.dumps({"topic": topic, "value": value}).encode() + b"\n")
            assert next(events) == encoded(topic, value), value[:20]
        largest = "x" * (4_194_304 - len(encoded("py:", "")) - 3)
        try:
            publish(encoded("py:", largest + "x"), timeout=10)
            raise AssertionError("it is too large")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
        assert publish(encoded("py:", largest), timeout=10) == b""
        events.cancel()


main(sys.argv[1])
