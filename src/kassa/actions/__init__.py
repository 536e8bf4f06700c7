"""What Kassa does: one verb per file, for the API, the worker and the command line alike."""
