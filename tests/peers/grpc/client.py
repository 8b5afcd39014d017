"""client.ts in Python, on grpcio: python3 client.py address root name"""
import threading

import grpc

from channel import channel


def path(method):
    return "/interop.Echo/" + method


unary = channel.unary_unary(path("Unary"))
hang = channel.unary_unary(path("Hang"))
cancelled = channel.unary_unary(path("Cancelled"))
upload = channel.stream_unary(path("Upload"))
download = channel.unary_stream(path("Download"))
talk = channel.stream_stream(path("Talk"))


def drained(count, size):
    messages = 0
    total = 0
    for message in download(b"%d %d" % (count, size)):
        assert message == bytes([messages % 256]) * size, "out of order"
        messages += 1
        total += size
    return "%d %d" % (messages, total)


def talked(rounds):
    turn = threading.Semaphore(1)

    def sent():
        for index in range(rounds):
            turn.acquire()
            yield b"round %d" % index

    index = 0
    for answer in talk(sent()):
        assert answer == b"round %d" % index, answer
        index += 1
        turn.release()
    return "ended" if index == rounds else str(index)


def broken_off():
    stop = threading.Event()

    def sent():
        yield b"hello"
        stop.wait()

    call = talk(sent())
    try:
        for _ in call:
            call.cancel()
    except grpc.RpcError as error:
        return "code %d" % error.code().value[0]
    finally:
        stop.set()
    return "went on"


large = b"0123456789abcdef" * 1_250_000

message, call = unary.with_call(b"hello", metadata=[("x-ask", "asked")])
head = dict(call.initial_metadata())["x-head"]
tail = dict(call.trailing_metadata())["x-tail-bin"].hex()
print("unary %d %s %s %s" % (call.code().value[0], message.decode(), head, tail))
try:
    unary(b"fail")
except grpc.RpcError as error:
    print("error %d %s" % (error.code().value[0], error.details()))
print("large 0", str(unary(large) == large).lower())
print("upload", upload(iter([bytes(10_000)] * 200)).decode())
print("download", drained(1000, 1000))
print("bulk", drained(4, 5_000_000))
print("talk", talked(100))
futures = [unary.future(b"%d" % index) for index in range(300)]
print("many", sum(future.result() == b"%d" % index for index, future in enumerate(futures)))
before = int(cancelled(b""))
try:
    hang(b"", timeout=0.3)
except grpc.RpcError as error:
    print("deadline", error.code().value[0])
print("cancel", broken_off())
while int(cancelled(b"")) < before + 2:
    pass
print("cancelled 2")
channel.close()
