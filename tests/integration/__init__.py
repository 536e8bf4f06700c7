"""Tests of a whole gateway, by its REST API, its database and its command line."""
