"""The certificate that ACM of the rehearsal has."""

from __future__ import annotations

from ansible_collections.django_ec2.site.plugins.module_utils.authority import make
from cryptography import x509

from lab.kinds.aws.certificates import holds, issue

NAMES = ["board.localhost", "www.board.localhost"]


def test_a_certificate_is_good_for_its_names_and_its_authority() -> None:
    authority = make()
    certificate, key = issue(authority["certificate"], authority["key"], NAMES)
    assert "PRIVATE KEY" in key
    made = x509.load_pem_x509_certificate(certificate.encode())
    issuer = x509.load_pem_x509_certificate(authority["certificate"].encode())
    made.verify_directly_issued_by(issuer)
    assert holds(certificate, authority["certificate"], NAMES)


def test_another_name_or_another_authority_asks_for_a_new_one() -> None:
    authority, other = make(), make()
    certificate, _key = issue(authority["certificate"], authority["key"], NAMES)
    assert not holds(certificate, authority["certificate"], NAMES[:1])
    assert not holds(certificate, other["certificate"], NAMES)
