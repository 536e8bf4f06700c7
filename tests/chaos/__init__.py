"""Failures of real processes under load, judged by journals that the gateway does not keep."""
