"""The image that every lab host boots from: a minimal Debian with systemd, sshd, sudo and Python, as on an EC2 AMI."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from lab.podman import Podman, run
from lab.settings import LabError, Settings

# What Debian's own cloud images bring and a role may therefore expect, and nothing that a role installs.
PACKAGES = (
    "ca-certificates,dbus,init,iproute2,iputils-ping,less,libpam-systemd,netbase,openssh-server,procps,python3,"
    "python3-apt,sudo,systemd,systemd-sysv,tzdata,udev"
)
LOCAL_CA_DIRECTORY = Path("/usr/local/share/ca-certificates")
CONTAINERFILE = Path(__file__).with_name("Containerfile")
RDS_DIRECTORY = Path(__file__).with_name("rds")


def image_name(suite: str) -> str:
    """Name and tag of the image for a suite; the tag follows the recipe, so a changed recipe makes a new image."""
    recipe = hashlib.sha256(PACKAGES.encode() + CONTAINERFILE.read_bytes())
    for certificate in sorted(LOCAL_CA_DIRECTORY.glob("*.crt")):
        recipe.update(certificate.read_bytes())
    return f"localhost/lab-host-{suite}:{recipe.hexdigest()[:12]}"


def ensure_image(settings: Settings, podman: Podman, suite: str) -> str:
    """Return the name of the image for ``suite``, building it first where it is missing (about a minute)."""
    name = image_name(suite)
    if podman.succeeds("image", "exists", name):
        return name
    settings.say(f"Building the {suite} host image (about a minute, once)")
    base = f"localhost/lab-base-{suite}:latest"
    work = Path(tempfile.mkdtemp(prefix=f"image-{suite}-", dir=settings.cache_directory))
    try:
        tarball = work / "base.tar"
        run(
            [
                *settings.as_root,
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                f"--include={PACKAGES}",
                suite,
                str(tarball),
            ],
            what=f"mmdebstrap could not build Debian {suite}",
            timeout=900,
        )
        podman("import", "--quiet", str(tarball), base)
        tarball.unlink()
        # Behind a TLS-inspecting proxy the hosts have to trust what the controller trusts.
        authorities = work / "ca"
        authorities.mkdir()
        for certificate in LOCAL_CA_DIRECTORY.glob("*.crt"):
            shutil.copy(certificate, authorities)
        shutil.copy(CONTAINERFILE, work)
        podman("build", "--quiet", "--build-arg", f"BASE={base}", "--tag", name, str(work), timeout=300)
    finally:
        run([*settings.as_root, "rm", "-rf", str(work)], what="the image's work directory could not be removed")
    if not podman.succeeds("image", "exists", name):
        raise LabError(f"the image {name} was built but is not there: run 'make clean', then the same command again.")
    return name


def rds_image_name(suite: str) -> str:
    """Name and tag of the image of a host that plays RDS."""
    recipe = hashlib.sha256(image_name(suite).encode())
    for path in [RDS_DIRECTORY / "Containerfile", *sorted((RDS_DIRECTORY / "server").iterdir())]:
        recipe.update(path.read_bytes())
    return f"localhost/lab-rds-{suite}:{recipe.hexdigest()[:12]}"


def ensure_rds_image(settings: Settings, podman: Podman, suite: str) -> str:
    """Return the name of the image of a host that plays RDS, building it first where it is missing."""
    base, name = ensure_image(settings, podman, suite), rds_image_name(suite)
    if not podman.succeeds("image", "exists", name):
        settings.say(f"Building the {suite} image that plays RDS (half a minute, once)")
        podman("build", "--quiet", "--build-arg", f"BASE={base}", "--tag", name, str(RDS_DIRECTORY), timeout=600)
    return name
