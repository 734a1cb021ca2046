"""A gRPC peer that is not ours: grpcio, with messages encoded by hand.

client TARGET   calls every kind of method of the server at TARGET, prints name=result lines
coordinator TARGET  joins the coordinator at TARGET as a worker and asks for its status
server          serves Echo, prints its port, ends when its standard input does
"""
import queue
import sys
import time
from concurrent import futures

import grpc

ECHO = "/distributed.test.v1.Echo/"


def text_message(text):
    data = text.encode()
    return bytes([0x0A, len(data)]) + data if data else b""


def text_of(message):
    return message[2:2 + message[1]].decode() if message else ""


def raw(data):
    return data


def report(name, call):
    try:
        print(f"{name}={call()}")
    except grpc.RpcError as error:
        print(f"{name}={error.code().name}: {error.details()}")


def client(target):
    channel = grpc.insecure_channel(target)
    health = channel.unary_unary("/grpc.health.v1.Health/Check", raw, raw)
    for name in ["", "distributed.test.v1.Echo", "distributed.v1.DataPlane", "nobody"]:
        report(f"health {name}", lambda: health(text_message(name), timeout=5).hex())
    for version in ["v1", "v1alpha"]:
        path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        reflect = channel.stream_stream(path, raw, raw)
        list_services = b"\x3a\x01*"
        answer = b"".join(reflect(iter([list_services]), timeout=5))
        for name in [b"distributed.test.v1.Echo", b"distributed.v1.DataPlane",
                     b"grpc.health.v1.Health"]:
            print(f"{version} lists {name.decode()}={name in answer}")
        symbol = b"distributed.v1.Frame"
        answer = b"".join(reflect(iter([bytes([0x22, len(symbol)]) + symbol]), timeout=5))
        print(f"{version} knows Frame={b'data_plane.proto' in answer}")
    unary = channel.unary_unary(ECHO + "Unary", raw, raw)
    report("unary", lambda: text_of(unary(text_message("hello"), timeout=5)))
    report("fail", lambda: text_of(unary(text_message("fail"), timeout=5)))
    report("operating", lambda: text_of(unary(text_message("operating"), timeout=5)))
    report("slow", lambda: text_of(unary(text_message("slow"), timeout=0.3)))
    texts = [text_message(text) for text in "abc"]
    collect = channel.stream_unary(ECHO + "Collect", raw, raw)
    report("collect", lambda: text_of(collect(iter(texts), timeout=5)))
    repeat = channel.unary_stream(ECHO + "Repeat", raw, raw)
    report("repeat", lambda: ",".join(map(text_of, repeat(text_message("x"), timeout=5))))
    talk = channel.stream_stream(ECHO + "Talk", raw, raw)
    report("talk", lambda: ",".join(map(text_of, talk(iter(texts), timeout=5))))
    missing = channel.unary_unary(ECHO + "Missing", raw, raw)
    report("missing", lambda: missing(b"", timeout=5))


def coordinator(target):
    channel = grpc.insecure_channel(target)
    service = "/distributed.v1.Coordinator/"
    health = channel.unary_unary("/grpc.health.v1.Health/Check", raw, raw)
    report("health", lambda: health(text_message("distributed.v1.Coordinator"), timeout=5).hex())
    status = channel.unary_unary(service + "GetStatus", raw, raw)
    report("idle", lambda: status(b"", timeout=5).hex())
    stop = channel.unary_unary(service + "StopJob", raw, raw)
    report("stop", lambda: stop(b"", timeout=5).hex())
    join = channel.stream_stream(service + "Join", raw, raw)
    report("stranger", lambda: next(join(iter([b""]), timeout=5)))
    frames = queue.Queue()
    name = b"from-python"
    identity = bytes([0x0A, len(name)]) + name + b"\x11" + (7).to_bytes(8, "little")
    frames.put(bytes([0x0A, len(identity)]) + identity)
    call = join(iter(frames.get, None), timeout=10)
    print(f"welcome={next(call).hex()}")
    deadline = time.monotonic() + 5
    while name not in status(b"", timeout=5) and time.monotonic() < deadline:
        time.sleep(0.01)
    print(f"joined={name in status(b'', timeout=5)}")
    frames.put(None)
    report("left", lambda: len(list(call)))


def unary(request, context):
    text = text_of(request)
    if text == "fail":
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no room for more: 3 of 3 taken")
    while text == "slow" and context.is_active():
        time.sleep(0.05)
    return request


def collect(requests, context):
    return text_message(",".join(map(text_of, requests)))


def repeat(request, context):
    for turn in "123":
        yield text_message(text_of(request) + turn)


def talk(requests, context):
    for request in requests:
        yield text_message("re:" + text_of(request))


def server():
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary, raw, raw),
        "Collect": grpc.stream_unary_rpc_method_handler(collect, raw, raw),
        "Repeat": grpc.unary_stream_rpc_method_handler(repeat, raw, raw),
        "Talk": grpc.stream_stream_rpc_method_handler(talk, raw, raw),
    }
    served = grpc.server(futures.ThreadPoolExecutor(4))
    served.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("distributed.test.v1.Echo", handlers)])
    print(served.add_insecure_port("127.0.0.1:0"), flush=True)
    served.start()
    sys.stdin.read()
    served.stop(0)


if __name__ == "__main__":
    modes = {"client": client, "coordinator": coordinator}
    server() if sys.argv[1] == "server" else modes[sys.argv[1]](sys.argv[2])
