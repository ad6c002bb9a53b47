"""The keys of the vectors, and their signatures.

Throw-away keys: their private halves are below, so nothing real may ever trust them
(lib/image/sample_keys.c names them all). Signatures are a function of key and digest, so that the
scripts make the same bytes each time: ECDSA's nonce is a digest of both, and python3-cryptography,
which does the curve, checks each signature before it is written.
"""
import hashlib
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def p256(scalar):
    return ec.derive_private_key(scalar, ec.SECP256R1())


def edwards(name):
    return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


RELEASE, RELEASE_NEXT, STRANGER = p256(0x5EED01), p256(0x5EED02), p256(0x5EED03)
DEPLOYMENT, DEPLOYMENT_NEXT = p256(0x5EED04), p256(0x5EED05)
ED25519, ED25519_STRANGER = edwards('waft release'), edwards('waft stranger')

ALL = {
    'release': RELEASE, 'release-next': RELEASE_NEXT, 'stranger': STRANGER, 'deployment': DEPLOYMENT,
    'deployment-next': DEPLOYMENT_NEXT, 'release-ed25519': ED25519, 'stranger-ed25519': ED25519_STRANGER,
}


def is_p256(key):
    return isinstance(key, ec.EllipticCurvePrivateKey)


def public(key):
    """65 bytes: a P-256 point, or 0xed, the key, and zeros."""
    if is_p256(key):
        return key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return (b'\xed' + raw).ljust(65, b'\0')


def key_id(key):
    return hashlib.sha256(key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).digest()


def sign(key, digest, attempt=0):
    """DER for P-256, 64 bytes for Ed25519, whose message is the digest."""
    if not is_p256(key):
        return key.sign(digest)
    secret = key.private_numbers().private_value
    seed = secret.to_bytes(32, 'big') + digest + bytes([attempt])
    nonce = int.from_bytes(hashlib.sha256(seed).digest(), 'big') % ORDER
    r = p256(nonce).public_key().public_numbers().x % ORDER
    s = pow(nonce, -1, ORDER) * (int.from_bytes(digest, 'big') + r * secret) % ORDER
    der = utils.encode_dss_signature(r, s)
    key.public_key().verify(der, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    return der


def raw(der):
    r, s = utils.decode_dss_signature(der)
    return r.to_bytes(32, 'big') + s.to_bytes(32, 'big')


def write(folder, files):
    """Write what is not there or differs; with --check, only say so. The exit code."""
    check = '--check' in sys.argv
    have = {f.name for f in folder.iterdir() if f.suffix != '.py' and f.is_file()}
    stale = sorted(n for n, data in files.items()
                   if n not in have or (folder / n).read_bytes() != data)
    for name in stale:
        print(name, 'differs' if check else 'made')
        if not check:
            (folder / name).write_bytes(files[name])
    for name in sorted(have - files.keys()):
        print(name, 'is nobody\'s: nothing here makes it')
        check = True
        stale.append(name)
    return 1 if check and stale else 0
