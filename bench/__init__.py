"""Measurements of Kassa, side by side with what bare PostgreSQL and a bare HTTP client do on the same machine."""
