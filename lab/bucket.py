"""Make the lab's bucket in MinIO; run inside the lab, as `python -m lab.bucket`."""

from __future__ import annotations

from minio import Minio

from lab import services, settings


def main() -> None:
    chosen = settings.load()
    user, password = services.credentials()
    client = Minio(chosen.storage_endpoint, access_key=user, secret_key=password, secure=False)
    if not client.bucket_exists(chosen.storage.bucket):
        client.make_bucket(chosen.storage.bucket)


if __name__ == "__main__":
    main()
