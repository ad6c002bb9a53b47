#!/usr/bin/env python3
"""Make the image vectors beside this file.

Written from the description of MCUboot's format alone, with Python's own
cryptography: it shares no line with lib/image, so that a mistake there does
not pass for agreement here. Makes the same bytes each time; with --check it
writes nothing and says what differs. Needs python3-cryptography.
"""
import hashlib
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent))
import keys
from keys import ED25519, ED25519_STRANGER, ORDER, RELEASE, RELEASE_NEXT, STRANGER, key_id, sign
from cryptography.hazmat.primitives.asymmetric import utils

VENDOR = bytes(range(0x10, 0x20))
CLASS = bytes(range(0x30, 0x40))
COUNTER = 7
PAYLOAD = bytes((i * 37 + 11) & 0xFF for i in range(75))  # odd, so that nothing is aligned

KEY_ID, DIGEST, ECDSA, ED, DEPENDENCY, SEC_CNT, BOOT_RECORD = 0x01, 0x10, 0x22, 0x24, 0x40, 0x50, 0x60
VID, CID, HARDWARE = 0x74, 0x75, 0xA0


def tlv(kind, value):
    return struct.pack("<HH", kind, len(value)) + value


def area(magic, *entries):
    body = b"".join(entries)
    return struct.pack("<HH", magic, 4 + len(body)) + body


def counter(value=COUNTER):
    return tlv(SEC_CNT, struct.pack("<I", value))


def dependency(version, image=0, zeros=0):
    """Image `image` in at least `version`: major, minor, revision, build."""
    return tlv(DEPENDENCY, struct.pack("<BBHBBHI", image, 0, zeros, *version))


def hardware(low, high):
    return tlv(HARDWARE, struct.pack("<HH", low, high))


STANDARD = (counter(), tlv(VID, VENDOR), tlv(CID, CLASS))


def signed(digest):
    return tlv(DIGEST, digest), *pair(RELEASE, digest)


def pair(key, digest):
    return tlv(KEY_ID, key_id(key)), tlv(ECDSA if keys.is_p256(key) else ED, sign(key, digest))


def image(protected=STANDARD, unprotected=signed, header_size=64, flags=0, load=0):
    """`unprotected` is given the digest, and gives the entries."""
    covered = area(0x6908, *protected) if protected else b""
    head = struct.pack("<IIHHIIBBHII", 0x96F3B83D, load, header_size, len(covered), len(PAYLOAD),
                       flags, 1, 2, 3, 4, 0)
    head = (head + b"\xff" * header_size)[:max(header_size, 32)]
    if header_size < 32:
        body = head[:header_size] + PAYLOAD + covered
    else:
        body = head + PAYLOAD + covered
    return body + area(0x6907, *unprotected(hashlib.sha256(body).digest()))


def by_release(signature):
    """Digest, the release key's id, and a signature made of the digest in some other way."""
    return lambda d: (tlv(DIGEST, d), tlv(KEY_ID, key_id(RELEASE)), tlv(ECDSA, signature(d)))


def padded(digest):
    """A signature shorter than 72 bytes, filled up with zeros as old imgtool did."""
    all_signatures = (sign(RELEASE, digest, attempt) for attempt in range(256))
    return next(der for der in all_signatures if len(der) < 72).ljust(72, b"\0")


def twin(digest):
    """The other half of a signature: s with n - s."""
    r, s = utils.decode_dss_signature(sign(RELEASE, digest))
    return utils.encode_dss_signature(r, max(s, ORDER - s))


def with_key_id(value):
    return lambda d: (tlv(DIGEST, d), tlv(KEY_ID, value), tlv(ECDSA, sign(RELEASE, d)))


def with_more(*entries):
    return lambda d: (*signed(d), *entries)


def lying(digest):
    """A digest that is not the image's, signed by the release key."""
    return signed(hashlib.sha256(b"another image").digest())


OTHER = bytes(16)
DIGEST_OF_NOTHING = hashlib.sha256(b"").digest()
IMAGES = {
    # Accepted.
    "good": image(),
    "good-next-key": image(unprotected=lambda d: (tlv(DIGEST, d), *pair(RELEASE_NEXT, d))),
    "good-unknown-then-known": image(
        unprotected=lambda d: (tlv(DIGEST, d), *pair(STRANGER, d), *pair(RELEASE, d))),
    "good-known-then-unknown": image(
        unprotected=lambda d: (tlv(DIGEST, d), *pair(RELEASE, d), *pair(STRANGER, d))),
    "good-both-known": image(
        unprotected=lambda d: (tlv(DIGEST, d), *pair(RELEASE, d), *pair(RELEASE_NEXT, d))),
    "good-digest-last": image(unprotected=lambda d: (*pair(RELEASE, d), tlv(DIGEST, d))),
    "good-padded-der": image(unprotected=by_release(padded)),
    "good-high-s": image(unprotected=by_release(twin)),
    "good-unknown-protected": image((*STANDARD, tlv(BOOT_RECORD, b"\xa1\x01\x61x"), tlv(0xA1, b""))),
    "good-hardware": image((*STANDARD, hardware(3, 4))),
    "good-rom-fixed": image(flags=0x100, load=0x1000),
    "good-header-32": image(header_size=32),
    "good-counter-above": image((counter(COUNTER + 1), *STANDARD[1:])),
    "good-counter-largest": image((counter(0xFFFFFFFF), *STANDARD[1:])),
    "good-dependency": image((*STANDARD, dependency((1, 2, 3, 4)))),
    "good-dependencies": image((*STANDARD, dependency((1, 2, 3, 99)), dependency((0, 255, 0, 0)))),
    "good-ed25519": image(unprotected=lambda d: (tlv(DIGEST, d), *pair(ED25519, d))),
    "good-ed25519-then-p256": image(
        unprotected=lambda d: (tlv(DIGEST, d), *pair(ED25519, d), *pair(RELEASE, d))),
    "good-p256-then-ed25519": image(
        unprotected=lambda d: (tlv(DIGEST, d), *pair(RELEASE, d), *pair(ED25519, d))),
    "good-everything": image(
        (counter(), dependency((1, 0, 0, 0)), *STANDARD[1:], hardware(2, 5)),
        unprotected=lambda d: (tlv(DIGEST, d), *pair(RELEASE, d), *pair(ED25519, d)),
        header_size=512, flags=0x100, load=0x1000),
    # Not of the form.
    "format-header-16": image(header_size=16),
    "format-header-31": image(header_size=31),
    "format-flag-pic": image(flags=0x01),
    "format-flag-encrypted": image(flags=0x04),
    "format-flag-not-bootable": image(flags=0x10),
    "format-flag-ram-load": image(flags=0x20),
    "format-flag-lzma2": image(flags=0x400),
    "format-flag-unheard-of": image(flags=0x80000000),
    "format-unknown-unprotected": image(unprotected=with_more(tlv(0xA1, b"unsigned"))),
    "format-counter-unprotected-only": image(STANDARD[1:], with_more(counter())),
    "format-counter-in-both": image(unprotected=with_more(counter(0xFFFFFFFF))),
    "format-vendor-unprotected": image((STANDARD[0], STANDARD[2]), with_more(tlv(VID, VENDOR))),
    "format-no-protected-area": image(()),
    "format-no-counter": image(STANDARD[1:]),
    "format-no-vendor": image((STANDARD[0], STANDARD[2])),
    "format-no-class": image(STANDARD[:2]),
    "format-counter-twice": image((*STANDARD, counter())),
    "format-vendor-twice": image((*STANDARD, tlv(VID, VENDOR))),
    "format-class-twice": image((*STANDARD, tlv(CID, CLASS))),
    "format-hardware-twice": image((*STANDARD, hardware(0, 9), hardware(0, 9))),
    "format-unknown-twice": image((*STANDARD, tlv(0xA1, b"1"), tlv(0xA1, b"2"))),
    "format-entry-longer-than-area": image((*STANDARD, struct.pack("<HH", 0xA1, 1))),
    "format-entry-head-cut": image((*STANDARD, b"\xa1\0\0")),
    "format-unprotected-entry-head-cut": image(unprotected=with_more(b"\x10\0\x20")),
    "format-counter-3-bytes": image((tlv(SEC_CNT, b"\7\0\0"), *STANDARD[1:])),
    "format-counter-8-bytes": image((tlv(SEC_CNT, b"\7" + bytes(7)), *STANDARD[1:])),
    "format-counter-empty": image((tlv(SEC_CNT, b""), *STANDARD[1:])),
    "format-vendor-15-bytes": image((STANDARD[0], tlv(VID, VENDOR[:15]), STANDARD[2])),
    "format-class-17-bytes": image((*STANDARD[:2], tlv(CID, CLASS + b"\0"))),
    "format-hardware-3-bytes": image((*STANDARD, tlv(HARDWARE, b"\0\0\x09"))),
    "format-hardware-backwards": image((*STANDARD, hardware(5, 3))),
    "format-dependency-11-bytes": image((*STANDARD, tlv(DEPENDENCY, bytes(11)))),
    "format-dependency-13-bytes": image((*STANDARD, tlv(DEPENDENCY, bytes(13)))),
    "format-dependency-unprotected": image(unprotected=with_more(dependency((0, 0, 0, 0)))),
    "format-no-digest": image(unprotected=lambda d: pair(RELEASE, d)),
    "format-two-digests": image(unprotected=with_more(tlv(DIGEST, DIGEST_OF_NOTHING))),
    "format-two-equal-digests": image(unprotected=lambda d: (*signed(d), tlv(DIGEST, d))),
    "format-digest-31-bytes": image(unprotected=lambda d: (tlv(DIGEST, d[:31]), *pair(RELEASE, d))),
    "format-digest-empty": image(unprotected=lambda d: (tlv(DIGEST, b""), *pair(RELEASE, d))),
    "format-digest-33-bytes": image(
        unprotected=lambda d: (tlv(DIGEST, d + b"\0"), *pair(RELEASE, d))),
    "format-key-id-empty": image(unprotected=with_key_id(b"")),
    "format-key-id-4-bytes": image(unprotected=with_key_id(key_id(RELEASE)[:4])),
    "format-key-id-31-bytes": image(unprotected=with_key_id(key_id(RELEASE)[:31])),
    "format-key-id-33-bytes": image(unprotected=with_key_id(key_id(RELEASE) + b"\0")),
    "format-signature-before-key-id": image(
        unprotected=lambda d: (tlv(DIGEST, d), *reversed(pair(RELEASE, d)))),
    "format-signature-without-key-id": image(
        unprotected=lambda d: (tlv(DIGEST, d), tlv(ECDSA, sign(RELEASE, d)))),
    "format-key-id-without-signature": image(
        unprotected=lambda d: (tlv(DIGEST, d), tlv(KEY_ID, key_id(RELEASE)))),
    "format-two-key-ids-one-signature": image(
        unprotected=lambda d: (tlv(DIGEST, d), tlv(KEY_ID, key_id(STRANGER)), *pair(RELEASE, d))),
    "format-one-key-id-two-signatures": image(
        unprotected=lambda d: (*signed(d), tlv(ECDSA, sign(RELEASE, d)))),
    "format-three-signatures": image(
        unprotected=lambda d: (tlv(DIGEST, d), *pair(STRANGER, d), *pair(RELEASE_NEXT, d),
                               *pair(RELEASE, d))),
    "format-digest-inside-a-pair": image(
        unprotected=lambda d: (pair(RELEASE, d)[0], tlv(DIGEST, d), pair(RELEASE, d)[1])),
    "format-raw-signature": image(unprotected=by_release(lambda d: keys.raw(sign(RELEASE, d)))),
    "format-der-with-garbage": image(unprotected=by_release(lambda d: sign(RELEASE, d) + b"\1")),
    "format-signature-empty": image(unprotected=by_release(lambda d: b"")),
    "format-ed25519-63-bytes": image(
        unprotected=lambda d: (tlv(DIGEST, d), tlv(KEY_ID, key_id(ED25519)), tlv(ED, sign(ED25519, d)[:63]))),
    "format-ed25519-empty": image(
        unprotected=lambda d: (tlv(DIGEST, d), tlv(KEY_ID, key_id(ED25519)), tlv(ED, b""))),
    "format-signature-pure": image(unprotected=with_more(tlv(0x25, b"\1"))),
    "format-digest-sha-384": image(unprotected=with_more(tlv(0x11, bytes(48)))),
    "format-public-key": image(unprotected=lambda d: (
        tlv(DIGEST, d), tlv(0x02, keys.public(RELEASE)), tlv(ECDSA, sign(RELEASE, d)))),
    "format-areas-too-large": image((*STANDARD, tlv(0xA1, bytes(600)))),
    # Well formed, and not for this device.
    "vendor-other": image((STANDARD[0], tlv(VID, OTHER), tlv(CID, OTHER))),
    "class-other": image((counter(0), STANDARD[1], tlv(CID, OTHER))),
    "hardware-below": image((*STANDARD, hardware(0, 2))),
    "hardware-above": image((*STANDARD, hardware(4, 65535))),
    "counter-below": image((counter(COUNTER - 1), *STANDARD[1:])),
    "counter-zero": image((counter(0), *STANDARD[1:])),
    "key-unknown": image(unprotected=lambda d: (tlv(DIGEST, d), *pair(STRANGER, d))),
    "key-unsigned": image(unprotected=lambda d: (tlv(DIGEST, d),)),
    "signature-by-stranger": image(unprotected=by_release(lambda d: sign(STRANGER, d))),
    "signature-ed25519-by-stranger": image(unprotected=lambda d: (
        tlv(DIGEST, d), tlv(KEY_ID, key_id(ED25519)), tlv(ED, sign(ED25519_STRANGER, d)))),
    "signature-ed25519-over-bytes": image(unprotected=lambda d: (
        tlv(DIGEST, d), tlv(KEY_ID, key_id(ED25519)), tlv(ED, ED25519.sign(PAYLOAD)))),
    "signature-ed25519-for-p256": image(unprotected=lambda d: (
        tlv(DIGEST, d), tlv(KEY_ID, key_id(RELEASE)), tlv(ED, sign(ED25519, d)))),
    "signature-p256-for-ed25519": image(unprotected=lambda d: (
        tlv(DIGEST, d), tlv(KEY_ID, key_id(ED25519)), tlv(ECDSA, sign(RELEASE, d)))),
    "dependency-higher": image((*STANDARD, dependency((1, 2, 4, 0)))),
    "dependency-other-image": image((*STANDARD, dependency((0, 0, 0, 0), image=1))),
    "dependency-second-of-two": image((*STANDARD, dependency((1, 2, 3, 4)), dependency((2, 0, 0, 0)))),
    "dependency-first-of-two": image((*STANDARD, dependency((2, 0, 0, 0)), dependency((1, 2, 3, 4)))),
    "dependency-with-other-bits": image((*STANDARD, dependency((0, 0, 0, 0), zeros=1))),
    "signature-good-then-bad": image(
        unprotected=lambda d: (*signed(d), *pair(RELEASE, DIGEST_OF_NOTHING))),
    "signature-bad-then-good": image(
        unprotected=lambda d: (tlv(DIGEST, d), *pair(RELEASE, DIGEST_OF_NOTHING),
                               *pair(RELEASE, d))),
    "digest-lying": image(unprotected=lying),
    "slot-other": image(flags=0x100, load=0x2000),
    "slot-zero": image(flags=0x100, load=0),
}


FILES = {f"{name}.img": data for name, data in IMAGES.items()}
for _name, _key in keys.ALL.items():
    FILES[f"{_name}.point" if keys.is_p256(_key) else f"{_name}.public"] = keys.public(_key)
    FILES[f"{_name}.keyid"] = key_id(_key)


if __name__ == "__main__":
    sys.exit(keys.write(HERE, FILES))
