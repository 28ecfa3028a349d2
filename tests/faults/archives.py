"""Files for the tests beside: rows of text, and .npz archives that lie about what they hold."""

import io
import struct
import zipfile

import numpy as np

ROWS = ["t,a,b", "0,1,2", "0.5,3,4", "0.7,5,6"]
STATES = np.arange(8.0).reshape(4, 2)
STEPS = {"y": STATES[:-1], "h": 0.1, "target": STATES[1:]}


def lines(*rows: str) -> bytes:
    return ("\n".join(rows) + "\n").encode()


def zipped(header: str = "", packing: int = zipfile.ZIP_STORED) -> bytes:
    """An .npz file of pairs; ``header`` instead of the one that NumPy writes."""
    with zipfile.ZipFile(file := io.BytesIO(), "w", packing) as archive:
        for name, value in STEPS.items():
            np.save(array := io.BytesIO(), value)
            own = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(64)
            archive.writestr(f"{name}.npy", own if header else array.getvalue())
    return file.getvalue()


def patched(content: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite what lies ``offset`` bytes after each ``mark``."""
    content, at = bytearray(content), -1
    while (at := content.find(mark, at + 1)) >= 0:
        content[at + offset : at + offset + len(value)] = value
    return bytes(content)


def described(shape: str, descr: str = "'<f8'") -> bytes:
    return zipped(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n")


ENTRY = b"PK\x01\x02"  # begins the line of a file in the list of a zip archive
ARCHIVES = {
    "nothing": b"",
    "noise": np.random.default_rng(1).bytes(4096),
    "one array alone": zipped()[30:],
    "cut in half": zipped()[: len(zipped()) // 2],
    "four billion bytes to unfold": patched(zipped(), ENTRY, 24, b"\xf0\xff\xff\xff"),
    "encrypted": patched(zipped(), ENTRY, 8, b"\x01"),
    "another packing": zipped(packing=zipfile.ZIP_LZMA),
    "2^60 rows": described("(1152921504606846976, 2)"),
    "2^80 rows": described(f"({2**80}, 2)"),
    "ten billion rows": described("(10000000000, 2)"),
    "fewer than no rows": described("(-1, 2)"),
    "rows of nothing": described("(1000000000000000, 2)", "'V0'"),
    "a program for a header": zipped("__import__('os').abort()\n"),
    "a header that does not end": zipped("{'descr': ("),
    "brackets nine thousand deep": zipped("[" * 9000),
}
