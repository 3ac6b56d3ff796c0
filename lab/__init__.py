"""A lab of four real Kubernetes clusters on one Linux machine; see README.md beside this file."""
