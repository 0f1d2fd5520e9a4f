"""A certificate authority for one run, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

DAYS = 2


def issue(folder: Path, name: str, address: str) -> None:
    """Writes `ca.pem` and, signed by it, `NAME.pem` and `NAME.key` for an IPv4 address."""
    folder.mkdir(parents=True)
    key, request, certificate = folder / f"{name}.key", folder / f"{name}.csr", folder / f"{name}.pem"
    authority, authority_key = folder / "ca.pem", folder / "ca.key"
    extensions = folder / f"{name}.ext"
    extensions.write_text(
        f"subjectAltName=IP:{address}\nbasicConstraints=CA:FALSE\n"
        "keyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-days", str(DAYS), "-subj", "/CN=Muster lab",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign",
            "-keyout", authority_key, "-out", authority)
    openssl("req", *curve, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key, "-CAcreateserial",
            "-days", str(DAYS), "-extfile", extensions, "-out", certificate)


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
