"""platform_client.ts in Python, on grpcio: python3 platform_client.py address root name"""
import grpc

from channel import channel

admin = [("authorization", "Bearer admin")]


def message(field, text):
    data = text.encode()
    length = []
    rest = len(data)
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes([field << 3 | 2] + length + [rest]) + data


def text(data):
    at = 1
    length = 0
    shift = 0
    while True:
        octet = data[at]
        at += 1
        length += (octet & 127) << shift
        shift += 7
        if octet < 128:
            return data[at:at + length].decode()


get_zone = channel.unary_unary("/mcns.v1.ZoneService/GetZone")
nothing = channel.unary_unary("/mcns.v1.ZoneService/Nothing")
check = channel.unary_unary("/grpc.health.v1.Health/Check")
deploy = channel.unary_stream("/mcp.v1.AgentService/Deploy")


def ask(zone, metadata=admin, by=get_zone, **options):
    """Code, details, name and facts."""
    try:
        answer = by(message(1, zone), metadata=metadata, **options)
        return 0, "", text(answer) if answer else "", ""
    except grpc.RpcError as error:
        facts = dict(error.trailing_metadata()).get("metacircular-error-bin", b"").decode()
        return error.code().value[0], error.details(), "", facts


def streamed(count):
    messages = 0
    for data in deploy(message(2, str(count)), metadata=admin):
        assert text(data) == str(messages), "out of order"
        messages += 1
    return messages


def cancelled():
    call = deploy(message(2, str(10 ** 9)), metadata=admin)
    try:
        for _ in call:
            call.cancel()
    except grpc.RpcError as error:
        return error.code().value[0]
    return "went on"


code, _, echoed, _ = ask("z")
print("unary", code, echoed)
code, _, big, _ = ask("big")
print("big", code, len(big))
code, details, _, facts = ask("fail")
print("error", code, details)
print("facts", facts)
print("stranger", ask("z", metadata=[])[0])
print("unknown", ask("z", by=nothing)[0])
print("large", ask("z" * 2_000_000)[0])
print("gzip", ask("z" * 10_000, compression=grpc.Compression.Gzip)[0])
print("stream", streamed(1000))
futures = [get_zone.future(message(1, "zone %d" % index), metadata=admin) for index in range(300)]
print("many", sum(text(future.result()) == "zone %d" % index for index, future in enumerate(futures)))
before = int(ask("count")[2])
print("deadline", ask("hang", timeout=0.3)[0])
print("cancel", cancelled())
while int(ask("count")[2]) < before + 2:
    pass
print("cancelled 2")
print("health", ask("", metadata=[], by=check)[0])
channel.close()
