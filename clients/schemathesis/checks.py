"""A check of ours, that schemathesis loads beside its own."""

import schemathesis
from schemathesis.specs.openapi.checks import content_type_conformance


@schemathesis.check
def content_type_of_bodies(ctx, response, case):
    """An answer with a body is of a documented content type. One without a body has none; the original wants one."""
    if response.content:
        return content_type_conformance(ctx, response, case)
    return None
