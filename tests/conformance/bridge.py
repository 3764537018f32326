"""Between the suite, whose byte strings are text here, and autobahn, which wants bytes.

The suite was written for Python 2, in which text and bytes are one type. Rather than decide for each
of its literals what it is, all of them stay text in which each character stands for one byte
(Latin-1), and only what crosses the border is converted.
"""

import binascii


def to_bytes(value):
    return value.encode("latin-1") if isinstance(value, str) else value


def to_text(value):
    return value.decode("latin-1") if isinstance(value, (bytes, bytearray)) else value


def b2a_hex(value):
    return binascii.b2a_hex(to_bytes(value)).decode("ascii")


def for_json(value):
    return to_text(value) if isinstance(value, (bytes, bytearray)) else repr(value)


class Bridge:
    """Stands between the suite's protocol class and autobahn's: everything sent passes here."""

    def sendFrame(self, opcode, payload=b"", fin=True, rsv=0, mask=None, payload_len=None,
                  chopsize=None, sync=False):
        return super().sendFrame(opcode, to_bytes(payload), fin, rsv, to_bytes(mask), payload_len,
                                 chopsize, sync)

    def sendMessage(self, payload, *rest, **named):
        return super().sendMessage(to_bytes(payload), *rest, **named)

    def sendMessageFrame(self, payload, *rest, **named):
        return super().sendMessageFrame(to_bytes(payload), *rest, **named)

    def sendMessageFrameData(self, payload, *rest, **named):
        return super().sendMessageFrameData(to_bytes(payload), *rest, **named)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        return super().sendCloseFrame(code, to_bytes(reasonUtf8), isReply)

    def sendPing(self, payload=None):
        return super().sendPing(to_bytes(payload))

    def sendPong(self, payload=None):
        return super().sendPong(to_bytes(payload))
