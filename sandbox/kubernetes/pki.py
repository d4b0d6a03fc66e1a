"""Keys and certificates of one control plane, made once and kept: an authority, a server, its clients, token keys."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.layout import LOOPBACK

CLIENTS = {
    # The controller itself and the user of the sandbox.
    "admin": ("kubernetes-admin", "system:masters"),
    # kwok stands for every kubelet at once, which no single node's identity allows.
    "kwok": ("kwok", "system:masters"),
    "kube-apiserver-etcd-client": ("kube-apiserver-etcd-client", ""),
    # The names that Kubernetes' default RBAC roles are bound to.
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
}
"""File name of each client certificate -> user name and group that it stands for."""

_SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
_VALIDITY = datetime.timedelta(days=3650)


@dataclass(frozen=True)
class Pki:
    """The keys and certificates in one folder, ``<name>.crt`` next to ``<name>.key``; all mode 600.

    Attributes:
        folder: Holds ``ca``, ``server`` (one certificate for everything that listens on loopback), each of
            :data:`CLIENTS`, and ``service-account.key``/``.pub``.
    """

    folder: Path

    @classmethod
    def load_or_create(cls, folder: Path) -> Pki:
        """The keys in ``folder``, made when there are none. A folder that exists is complete: it is moved there."""
        if not folder.exists():
            draft = folder.with_name(f".{folder.name}.new")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700)
            _create(cls(draft))
            draft.rename(folder)
        return cls(folder)

    def certificate(self, name: str) -> Path:
        """Path of a certificate."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Path of a private key."""
        return self.folder / f"{name}.key"

    @property
    def ca(self) -> Path:
        """Path of the authority's certificate."""
        return self.certificate("ca")

    @property
    def service_account_public_key(self) -> Path:
        """Path of the key that verifies service-account tokens."""
        return self.folder / "service-account.pub"


def _create(pki: Pki) -> None:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("kubernetes")
    authority = (
        _builder(authority_name, authority_name, authority_key, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    _write_pair(pki, "ca", authority, authority_key)

    def issue(name: str, subject: x509.Name, usage: x509.ObjectIdentifier, *alternatives: x509.GeneralName) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, authority_name, key, authority_key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        _write_pair(pki, name, builder.sign(authority_key, hashes.SHA256()), key)

    names = [x509.IPAddress(ipaddress.ip_address(LOOPBACK)), *map(x509.DNSName, _SERVER_NAMES)]
    issue("server", _name("kube-apiserver"), ExtendedKeyUsageOID.SERVER_AUTH, *names)
    for name, (user, group) in CLIENTS.items():
        issue(name, _name(user, group), ExtendedKeyUsageOID.CLIENT_AUTH)

    # RSA, since AWS accepts only RS256 web identities.
    token_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write(pki.key("service-account"), _private_pem(token_key))
    public_format = serialization.PublicFormat.SubjectPublicKeyInfo
    _write(
        pki.service_account_public_key,
        token_key.public_key().public_bytes(serialization.Encoding.PEM, public_format),
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _name(common_name: str, organization: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_pair(pki: Pki, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    _write(pki.certificate(name), certificate.public_bytes(serialization.Encoding.PEM))
    _write(pki.key(name), _private_pem(key))


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
