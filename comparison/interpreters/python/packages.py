"""What a package brings with it: `packages.py NAME` prints how many packages that is, their size in MB, its version."""

import sys
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

found = {}
waiting = [Requirement(sys.argv[1])]
while waiting:
    requirement = waiting.pop()
    name = canonicalize_name(requirement.name)
    if name in found:
        continue
    found[name] = distribution(name)
    for text in found[name].requires or []:
        further = Requirement(text)
        if not further.marker or any(further.marker.evaluate({"extra": extra}) for extra in requirement.extras | {""}):
            waiting.append(further)

size = sum(file.locate().stat().st_size for one in found.values() for file in one.files or [] if file.locate().is_file())
print(len(found), round(size / 1e6, 1), distribution(sys.argv[1]).version)
