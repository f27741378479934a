"""Prometheus in a test cluster, set up by the real prometheus-operator from the monitors and rules that lie there."""

from testcluster.monitoring.image import IMAGE, image_archive
from testcluster.monitoring.prometheus import Prometheus, Sample, Series
from testcluster.monitoring.stack import CHOSEN, NAMESPACE, installed, make_ready

__all__ = ["CHOSEN", "IMAGE", "NAMESPACE", "Prometheus", "Sample", "Series", "image_archive", "installed", "make_ready"]
