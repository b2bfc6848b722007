"""A server like Amazon S3, which runs beside the tests."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


class Bucket:
    """A bucket of the server."""

    name = "bucket"

    def __init__(self, client) -> None:
        self.client = client
        client.create_bucket(Bucket=self.name)

    def put(self, **objects):
        """Write objects: their content by key."""
        for key, data in objects.items():
            self.client.put_object(Bucket=self.name, Key=key, Body=data)

    def clear(self):
        """Remove all objects."""
        for entry in self.client.list_objects_v2(Bucket=self.name).get("Contents", ()):
            self.client.delete_object(Bucket=self.name, Key=entry["Key"])

    def content(self, prefix):
        """Return the objects whose keys start so: their content by the rest of the key."""
        listed = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", ())
        keys = [entry["Key"] for entry in listed]
        return {
            key.removeprefix(prefix): self.client.get_object(Bucket=self.name, Key=key)["Body"].read() for key in keys
        }


@contextmanager
def running_server():
    """Run a server with a bucket, which this process and those that it starts take for Amazon's."""
    for package in ("moto", "flask_cors", "s3fs"):
        pytest.importorskip(package)
    import boto3

    command = [sys.executable, "-W", "ignore", Path(__file__).with_name("s3_server.py")]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name, value in (KEYS | {"AWS_ENDPOINT_URL": process.stdout.readline().strip()}).items():
            environment.setenv(name, value)
        yield Bucket(boto3.client("s3"))
        process.stdin.close()
