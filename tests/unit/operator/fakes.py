"""A cluster that only counts: the requests of a reconcile, in order."""

import objects

from torpor.controllers.serverlessmodel import ServerlessModelController
from torpor.watch.cache import Cache


class RecordingCluster:
    """Notes each write and answers nothing back into the cache."""

    def __init__(self):
        self.writes = []
        self.status = None
        self.events = []

    async def create_service(self, service):
        self.writes.append(("create", service))
        template = service["spec"]["template"]["metadata"]["name"]
        return objects.service(template, service["spec"]["traffic"][0]["revisionName"], routes=("Unknown", "", ""))

    async def patch_service(self, key, patch):
        self.writes.append(("patch", patch))
        values = {entry["path"]: entry["value"] for entry in patch}
        template = values.get("/spec/template", {}).get("metadata", {}).get("name", "unchanged")
        traffic = values.get("/spec/traffic", [{"revisionName": "unchanged"}])
        return objects.service(template, traffic[0]["revisionName"])

    async def patch_revision(self, key, annotations):
        self.writes.append(("annotate", key.name, annotations))
        return objects.revision(key.name)

    async def apply_status(self, key, uid, status):
        self.writes.append(("status",))
        self.status = status

    async def create_event(self, event):
        self.events.append((event["type"], event["reason"]))

    async def get_features(self):
        return {}


def make_controller(*objects_and_kinds):
    cache = Cache()
    for kind, observed in objects_and_kinds:
        cache.put(kind, observed)
    cluster = RecordingCluster()
    return ServerlessModelController(cache, cluster, "torpor/runtime@sha256:abc", lambda: objects.NOW), cluster
