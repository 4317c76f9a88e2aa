"""The reference backend: what make run puts behind the gateway."""

from .app import create_app

__all__ = ["create_app"]
