"""What both clients in Python begin with, from their arguments: address root name (python3 -B: no compiled copy beside it)"""
import sys

import grpc

address, root, name = sys.argv[1:]
with open(root, "rb") as file:
    credentials = grpc.ssl_channel_credentials(file.read())
channel = grpc.secure_channel(address, credentials, [
    ("grpc.ssl_target_name_override", name),
    ("grpc.default_authority", name),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
])
