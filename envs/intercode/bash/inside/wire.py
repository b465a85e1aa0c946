"""Messages between a sandbox and its warden: a JSON object and bytes, each with its length before it."""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

HEAD = struct.Struct("!IQ")


def send(channel: socket.socket, message: Mapping[str, Any], data: bytes = b"") -> None:
    """Send one message; lone surrogates in texts (bytes that are no UTF-8) survive."""
    text = json.dumps(message).encode()
    channel.sendall(HEAD.pack(len(text), len(data)) + text + data)


def receive(channel: socket.socket) -> tuple[dict[str, Any], bytes]:
    """Return the next message.

    Raises:
        EOFError: the other side is gone.
    """
    length, size = HEAD.unpack(_exactly(channel, HEAD.size))
    message: dict[str, Any] = json.loads(_exactly(channel, length))
    return message, _exactly(channel, size)


def _exactly(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError("the other side is gone")
        parts += part
    return bytes(parts)
