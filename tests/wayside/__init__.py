"""What stands on the way to a source in the tests: proxies, a token endpoint, and origins that take note."""

from wayside.keycloak import Keycloak
from wayside.origin import Origin, Request
from wayside.proxy import Asked, WaysideProxy

__all__ = ["Asked", "Keycloak", "Origin", "Request", "WaysideProxy"]
