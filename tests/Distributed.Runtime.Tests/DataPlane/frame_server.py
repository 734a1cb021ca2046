"""Serves DataPlane.Exchange with grpcio and messages decoded by hand.

Prints its port, then for each call the checksums that its frames say, after it has compared the
payloads' lengths. Ends when its standard input does.
"""
import struct
import sys
from concurrent import futures

import grpc


def raw(data):
    return data


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """The fields of a protobuf message by number; delimited ones as their length."""
    found, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            found[tag >> 3], at = varint(data, at)
        elif tag & 7 == 1:
            found[tag >> 3], at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif tag & 7 == 5:
            found[tag >> 3], at = struct.unpack_from("<I", data, at)[0], at + 4
        else:
            length, at = varint(data, at)
            found[tag >> 3], at = length, at + length
    return found


def exchange(requests, context):
    checksums = []
    for request in requests:
        frame = fields(request)
        if frame.get(8, 0) != frame.get(15, 0):
            context.abort(grpc.StatusCode.DATA_LOSS, "a payload of another length")
        checksums.append(str(frame.get(9, 0)))
    print(" ".join(checksums), flush=True)
    return b""


def main():
    served = grpc.server(
        futures.ThreadPoolExecutor(2), options=[("grpc.max_receive_message_length", -1)])
    handlers = {"Exchange": grpc.stream_unary_rpc_method_handler(exchange, raw, raw)}
    served.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("distributed.v1.DataPlane", handlers)])
    print(served.add_insecure_port("127.0.0.1:0"), flush=True)
    served.start()
    sys.stdin.read()
    served.stop(0)


if __name__ == "__main__":
    main()
