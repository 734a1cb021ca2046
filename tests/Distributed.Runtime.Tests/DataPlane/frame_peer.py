"""Sends frames to the data plane at TARGET with grpcio and messages encoded by hand.

Prints name=result lines.
"""
import struct
import sys

import grpc

JOB, GENERATION = 77, 4


def raw(data):
    return data


def varint(value):
    data = b""
    while value >= 0x80:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def crc32c(data):
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def frame(step, payload):
    """A Frame with its payload first, its fields backwards and one that nobody knows."""
    message = bytes([15 << 3 | 2]) + varint(len(payload)) + payload
    message += bytes([9 << 3 | 5]) + struct.pack("<I", crc32c(payload))
    for field, value in [(14, 300), (8, len(payload)), (7, 16), (6, 3), (5, 0), (4, 1),
                         (3, step), (2, GENERATION)]:
        message += bytes([field << 3]) + varint(value)
    return message + bytes([1 << 3 | 1]) + struct.pack("<Q", JOB)


def metadata(generation=GENERATION, rank=1):
    return [("distributed-job", str(JOB)), ("distributed-generation", str(generation)),
            ("distributed-from-rank", str(rank)), ("distributed-to-rank", "0")]


def main(target):
    channel = grpc.insecure_channel(target)
    exchange = channel.stream_unary("/distributed.v1.DataPlane/Exchange", raw, raw)

    def report(name, frames, headers):
        try:
            reply = exchange(iter(frames), metadata=headers, timeout=5)
            print(f"{name}={reply[1]} frames, {reply[3]} bytes")
        except grpc.RpcError as error:
            print(f"{name}={error.code().name}: {error.details()}")

    frames = [frame(0, bytes([1, 2, 3, 4])), frame(1, bytes([5, 6, 7, 8]))]
    report("frames", frames, metadata())
    report("older generation", frames, metadata(generation=GENERATION - 1))
    report("stranger", frames, metadata(rank=9))
    report("second stream", frames, metadata())
    report("no metadata", frames, [])


if __name__ == "__main__":
    main(sys.argv[1])
