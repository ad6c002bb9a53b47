#!/usr/bin/env python3
"""Make the keyset vectors beside this file.

Written from docs/spec/image.md, section 5, alone: it shares no line with lib/image. Makes the same
bytes each time; with --check it writes nothing and says what differs. Needs python3-cryptography.
"""
import hashlib
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent))
import keys
from keys import (DEPLOYMENT, DEPLOYMENT_NEXT, ED25519, RELEASE, RELEASE_NEXT, STRANGER, key_id, public)

VENDOR = bytes(range(0x10, 0x20))
CLASS = bytes(range(0x30, 0x40))
# The store does not look into certificates: any bytes will do, here with DER's first two of each.
CA = b'\x30\x82' + bytes(i * 7 & 0xFF for i in range(398))
CA_NEXT = b'\x30\x82' + bytes(i * 11 & 0xFF for i in range(1022))


def anchor(key):
    return key_id(key) + public(key)


def keyset(release=(RELEASE, RELEASE_NEXT), deployment=(DEPLOYMENT,), version=1, revoked=(), ca=(),
           signer=RELEASE, forged_by=None, vendor=VENDOR, class_id=CLASS, form=1, hw=0, magic=b'wkey',
           anchors=None, kind=None, more=b'', sizes=None):
    sizes = sizes or ([len(c) for c in ca] + [0, 0])[:2]
    body = magic + struct.pack('<BBBBIHHH', form, len(release), len(deployment), len(revoked), version, hw, *sizes)
    body += vendor + class_id
    body += anchors if anchors is not None else b''.join(anchor(k) for k in (*release, *deployment))
    body += b''.join(key_id(k) if not isinstance(k, bytes) else k for k in revoked) + b''.join(ca) + more
    body += (kind or public(signer)[:1]) + key_id(signer)
    pen = forged_by or signer
    signature = keys.sign(pen, hashlib.sha256(body).digest())
    return body + (keys.raw(signature) if keys.is_p256(pen) else signature)


def changed(document, at, byte):
    return document[:at] + bytes([byte]) + document[at + 1:]


GOOD = keyset()
EIGHT = tuple(bytes([i]) * 32 for i in range(8))
WRONG_ID = anchor(RELEASE) + key_id(STRANGER) + public(RELEASE_NEXT) + anchor(DEPLOYMENT)
ED_WITH_REST = anchor(RELEASE) + anchor(ED25519)[:-1] + b'\1' + anchor(DEPLOYMENT)
KIND_OF_NONE = anchor(RELEASE) + changed(anchor(RELEASE_NEXT), 32, 0x02) + anchor(DEPLOYMENT)
FILES = {
    # For the device of the tests: RELEASE and RELEASE_NEXT, version 0, running an image by RELEASE.
    'good.wkey': GOOD,
    'good-one-of-each.wkey': keyset(release=(RELEASE,), deployment=(DEPLOYMENT_NEXT,)),
    'good-by-the-other.wkey': keyset(signer=RELEASE_NEXT),
    'good-rotated.wkey': keyset(release=(RELEASE, ED25519), deployment=(DEPLOYMENT, DEPLOYMENT_NEXT), version=7,
                                revoked=(RELEASE_NEXT, STRANGER), ca=(CA, CA_NEXT)),
    'good-one-ca.wkey': keyset(ca=(CA,)),
    'good-largest.wkey': keyset(deployment=(DEPLOYMENT, DEPLOYMENT_NEXT), revoked=EIGHT, ca=(CA_NEXT, CA_NEXT),
                                version=0xFFFFFFFF),
    'good-release-signs-deployments.wkey': keyset(deployment=(RELEASE,)),
    # Behind good-rotated.wkey.
    'next-by-ed25519.wkey': keyset(release=(RELEASE, ED25519), version=8, revoked=(STRANGER, RELEASE_NEXT),
                                   signer=ED25519),
    'next-forgets.wkey': keyset(release=(RELEASE,), version=8, revoked=(RELEASE_NEXT,)),
    'next-forgets-all.wkey': keyset(release=(RELEASE,), version=8),
    'next-brings-back.wkey': keyset(version=8, revoked=(STRANGER,)),
    'next-by-revoked.wkey': keyset(release=(RELEASE,), version=8, revoked=(RELEASE_NEXT, STRANGER), signer=RELEASE_NEXT),
    'next-same-version.wkey': keyset(release=(RELEASE,), version=7, revoked=(RELEASE_NEXT, STRANGER)),
    # Refused.
    'format-magic.wkey': keyset(magic=b'wkez'),
    'format-format.wkey': keyset(form=2),
    'format-hardware.wkey': keyset(hw=3),
    'format-no-release-key.wkey': keyset(release=()),
    'format-no-deployment-key.wkey': keyset(deployment=()),
    'format-three-release-keys.wkey': keyset(release=(RELEASE, RELEASE_NEXT, ED25519)),
    'format-three-deployment-keys.wkey': keyset(deployment=(DEPLOYMENT, DEPLOYMENT_NEXT, RELEASE)),
    'format-nine-revoked.wkey': keyset(revoked=(*EIGHT, b'\x08' * 32)),
    'format-ca-of-1025.wkey': keyset(ca=(CA_NEXT + b'\0',)),
    'format-second-ca-of-1025.wkey': keyset(ca=(CA, CA_NEXT + b'\0')),
    'format-second-ca-alone.wkey': keyset(ca=(b'', CA)),
    'format-ca-shorter.wkey': keyset(ca=(CA,), sizes=[len(CA) + 1, 0]),
    'format-ca-longer.wkey': keyset(ca=(CA,), sizes=[len(CA) - 1, 0]),
    'format-byte-before-signer.wkey': keyset(more=b'\0'),
    'format-byte-behind.wkey': GOOD + b'\0',
    'format-ed25519-deploys.wkey': keyset(deployment=(ED25519,)),
    'format-ed25519-with-rest.wkey': keyset(release=(RELEASE, ED25519), anchors=ED_WITH_REST),
    'format-kind-of-none.wkey': keyset(anchors=KIND_OF_NONE),
    'format-id-of-another.wkey': keyset(anchors=WRONG_ID),
    'device-vendor.wkey': keyset(vendor=CLASS),
    'device-class.wkey': keyset(class_id=VENDOR),
    'signature-by-stranger.wkey': keyset(signer=STRANGER),
    'signature-by-deployment.wkey': keyset(signer=DEPLOYMENT),
    'signature-forged.wkey': keyset(forged_by=STRANGER),
    'signature-of-other-kind.wkey': keyset(kind=b'\xed'),
    'signature-of-no-kind.wkey': keyset(kind=b'\0'),
    'signature-flipped.wkey': changed(GOOD, len(GOOD) - 1, GOOD[-1] ^ 1),
    'signature-over-other-bytes.wkey': changed(GOOD, 8, 2),
    'version-0.wkey': keyset(version=0),
    'revoked-own-release.wkey': keyset(revoked=(RELEASE,)),
    'revoked-own-second-release.wkey': keyset(revoked=(STRANGER, RELEASE_NEXT)),
    'revoked-own-deployment.wkey': keyset(revoked=(DEPLOYMENT,)),
    'strands.wkey': keyset(release=(RELEASE_NEXT,)),
    'strands-ed25519.wkey': keyset(release=(ED25519,)),
}

if __name__ == '__main__':
    sys.exit(keys.write(HERE, FILES))
