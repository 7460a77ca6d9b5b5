"""Certificates and keys by the package cryptography: a chain to test with, and what a chain of one's own is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from imajin_cli.contract.errors import InputError, MissingError

YEARS = 10
_DAYS = 397


def new_chain(name: str, *, days: int = _DAYS, start: datetime | None = None) -> dict[str, bytes]:
    """A root and a signer of its own, by file name: key.pem, chain.pem (signer, then root), root.pem.

    ES256, as the C2PA certificate profile wants a signer: no CA, digitalSignature alone, extended use emailProtection.
    The root's key is thrown away: it signs nothing else. Valid from ``start``, by default from just now.
    """
    x509, ec, hashes = _x509(), _ec(), _hashes()
    now = start if start is not None else datetime.now(UTC) - timedelta(minutes=5)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, own_name = _name(name, "test root"), _name(name, "test signer")
    root = (
        _certificate(root_name, root_name, root_key.public_key(), now, 365 * YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    use = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    signer = (
        _certificate(own_name, root_name, key.public_key(), now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(use, critical=False)
        .add_extension(issuer, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return {"key.pem": _key_pem(key), "chain.pem": _pem(signer) + _pem(root), "root.pem": _pem(root)}


def algorithm(chain: bytes, key: bytes | None) -> str:
    """The C2PA algorithm of a chain's signer. Raises InputError for a chain or key that is none, or do not belong together."""
    x509, serialization = _x509(), _serialization()
    try:
        signer = x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError):
        raise InputError("the certificate is not PEM, or holds none") from None
    public = signer.public_key()
    if key is not None:
        try:
            private = serialization.load_pem_private_key(key, None)
        except TypeError:
            raise InputError("the private key is encrypted", hint="decrypt it, or sign by a command") from None
        except ValueError:
            raise InputError("the private key is not PEM, or damaged") from None
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        der = serialization.Encoding.DER
        if private.public_key().public_bytes(der, spki) != public.public_bytes(der, spki):
            raise InputError("the private key is not the certificate's")
    return _algorithm_of(public)


def _algorithm_of(public: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    ec = _ec()
    if isinstance(public, ec.EllipticCurvePublicKey):
        found = {256: "es256", 384: "es384", 521: "es512"}.get(public.curve.key_size)
        if found is not None:
            return found
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= 2048:
        return "ps256"
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "ed25519"
    raise InputError(
        "the certificate's key is of no kind that C2PA signs with", hint="use P-256, P-384, RSA or Ed25519"
    )


def raw_signature(signature: bytes, alg: str) -> bytes:
    """An ECDSA signature as C2PA wants it (r and s, each of full length) from one in DER; others as they are.

    Raises InputError for one that is neither.
    """
    size = {"es256": 32, "es384": 48, "es512": 66}.get(alg)
    if size is None or len(signature) == 2 * size:
        return signature
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    try:
        r, s = decode_dss_signature(signature)
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    except (ValueError, OverflowError):
        raise InputError("the signing command did not write an ECDSA signature") from None


def _certificate(subject: Any, issuer: Any, public: Any, start: datetime, days: int) -> Any:
    x509 = _x509()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(organisation: str, common: str) -> Any:
    x509 = _x509()
    oid = x509.oid.NameOID
    parts = [(oid.ORGANIZATION_NAME, organisation), (oid.COMMON_NAME, f"{organisation} {common}"[:64])]
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])


def _usage(*, signs_certificates: bool) -> Any:
    return _x509().KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: Any) -> bytes:
    found: bytes = certificate.public_bytes(_serialization().Encoding.PEM)
    return found


def _key_pem(key: Any) -> bytes:
    s = _serialization()
    found: bytes = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    return found


def _x509() -> Any:
    try:
        from cryptography import x509
    except ImportError as error:
        raise MissingError("cryptography is not installed", hint="pip install cryptography") from error
    return x509


def _ec() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec


def _hashes() -> Any:
    from cryptography.hazmat.primitives import hashes

    return hashes


def _serialization() -> Any:
    _x509()
    from cryptography.hazmat.primitives import serialization

    return serialization
