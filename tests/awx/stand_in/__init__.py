"""A stand-in for AWX. It is no AWX.

It answers, on the loopback, the calls that the modules of awx.awx make when objects are brought into AWX, and it keeps the rules of AWX
24.6.1 by which such a run goes wrong: names that are unique within an organization, secrets that come back as ``$encrypted$``, playbooks
that a project has to have, surveys and their defaults, labels that vanish with their last use, roles that a team can't have. They were
read in AWX's source. It starts no job, clones no repository and stores nothing. What it takes, AWX may still refuse; the real thing is
tried on an AWX.

It is stricter than AWX in one point: a field that it does not know is refused, where AWX would silently leave it out.
"""

from tests.awx.stand_in.server import StandIn

__all__ = ["StandIn"]
